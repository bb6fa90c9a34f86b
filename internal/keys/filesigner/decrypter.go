package filesigner

import (
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"path/filepath"

	"github.com/latchkey-idp/latchkey/internal/keys"
)

// Decrypter is a keys.Decrypter in memory. Its file has the form of a signing
// key's, but no key should be used for both. It is safe for concurrent use.
type Decrypter struct {
	id  string
	key *rsa.PrivateKey
}

var _ keys.Decrypter = (*Decrypter)(nil)

// OpenDecrypter reads a key file.
func OpenDecrypter(path string) (*Decrypter, error) {
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	key, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("open key file %s: %w", path, err)
	}
	return &Decrypter{id: filepath.Base(path), key: key}, nil
}

// ID is the file's name without its folder.
func (d *Decrypter) ID() string { return d.id }

// Public is the *rsa.PublicKey.
func (d *Decrypter) Public() crypto.PublicKey { return &d.key.PublicKey }

// Decrypt decrypts RSA-OAEP with any digest and mask; other paddings fail with
// keys.ErrUnsupported.
func (d *Decrypter) Decrypt(ctx context.Context, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("decrypt with key file %s: %w", d.id, err)
	}
	oaep, err := keys.OAEP(opts)
	if err != nil {
		return nil, err
	}
	text, err := d.key.Decrypt(nil, ciphertext, oaep)
	if err != nil {
		return nil, fmt.Errorf("decrypt with key file %s: %w", d.id, err)
	}
	return text, nil
}

// String names the file and keeps the key out of logs and messages.
func (d *Decrypter) String() string { return "key file " + d.id }

// GoString keeps the key out of %#v.
func (d *Decrypter) GoString() string { return d.String() }
