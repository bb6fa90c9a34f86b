// Package filesigner signs with an RSA key in a file: the laptop, and
// deployments that keep their key in a mounted secret.
//
// The file is one PKCS #8 PEM block (RFC 7468 section 10), mode 0600. A file
// that others can read is refused: whoever has the key can sign in as anybody.
// This is the only kind of key that signs SHA-1 digests, for service providers
// marked as legacy.
package filesigner

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/latchkey-idp/latchkey/internal/keys"
)

const (
	pemType = "PRIVATE KEY"
	maxFile = 64 << 10 // bytes; a 4096-bit key takes about 3,300
)

// Signer is a keys.Key in memory. It is safe for concurrent use.
type Signer struct {
	id  string
	key *rsa.PrivateKey
}

var _ keys.Key = (*Signer)(nil)

// Create makes an RSA key of that many bits (2048 or more) in a new file. It
// fails with fs.ErrExist if there is a file. random is what rsa.GenerateKey
// reads, where the Go release in use still lets a caller choose.
func Create(path string, bits int, random io.Reader) (err error) {
	if bits < keys.MinBits {
		return fmt.Errorf("create key file: %d bits are too few, use %d or more", bits, keys.MinBits)
	}
	key, err := rsa.GenerateKey(random, bits)
	if err != nil {
		return fmt.Errorf("generate RSA key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode RSA key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	if err := write(f, pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})); err != nil {
		return errors.Join(fmt.Errorf("write key file: %w", err), os.Remove(path))
	}
	return nil
}

// write stores data durably and closes f: the certificate that this key signs
// next outlives a crash, so the key must too.
func write(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Open reads a key file and tests the key by signing and verifying once.
func Open(path string) (*Signer, error) {
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	key, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("open key file %s: %w", path, err)
	}
	s := &Signer{id: filepath.Base(path), key: key}
	if err := s.test(); err != nil {
		return nil, fmt.Errorf("test key of %s: %w", path, err)
	}
	return s, nil
}

// read returns the content of a file that only its owner can read.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of what was opened, not of what the path names now
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	// Windows has no such mode bits; its files take the folder's access list.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o and can be used by others; run: chmod 600 %q", path, mode, path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is too large for a key file", path)
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// parse decodes a PKCS #8 PEM block that holds a usable RSA key.
func parse(data []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("not a PKCS #8 key: a PEM block %q is expected "+
			"(openssl pkcs8 -topk8 -nocrypt converts other keys)", pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse PKCS #8 key: %w", err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: %T", keys.ErrUnsupported, parsed)
	}
	if _, err := keys.PublicRSA(signer.Public()); err != nil {
		return nil, err
	}
	return parsed.(*rsa.PrivateKey), nil
}

func (s *Signer) test() error {
	digest := sha256.Sum256([]byte("latchkey self-test"))
	signature, err := s.Sign(context.Background(), digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, digest[:], signature)
}

// ID is the file's name without its folder.
func (s *Signer) ID() string { return s.id }

// Public is the *rsa.PublicKey.
func (s *Signer) Public() crypto.PublicKey { return &s.key.PublicKey }

// Sign signs a SHA-256, SHA-384, SHA-512 or, for legacy service providers,
// SHA-1 digest.
func (s *Signer) Sign(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("sign with key file %s: %w", s.id, err)
	}
	hash, err := keys.Digest(digest, opts)
	if err != nil {
		return nil, err
	}
	signature, err := rsa.SignPKCS1v15(nil, s.key, hash, digest)
	if err != nil {
		return nil, fmt.Errorf("sign with key file %s: %w", s.id, err)
	}
	return signature, nil
}

// String names the file and keeps the key out of logs and messages.
func (s *Signer) String() string { return "key file " + s.id }

// GoString keeps the key out of %#v.
func (s *Signer) GoString() string { return s.String() }
