package keys

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
)

// Errors of keys.
var (
	ErrKeyMismatch = errors.New("signing key and certificate do not belong together")
	ErrUnavailable = errors.New("signing key unavailable") // throttled or failing after bounded retries
	ErrDenied      = errors.New("signing key denied")      // no permission, no valid credentials, a disabled key
	ErrUnsupported = errors.New("key cannot sign with this algorithm")
)

// MinBits is the size of the smallest signing key.
const MinBits = 2048

// Key signs digests.
type Key interface {
	// ID names the key in logs and metadata tools: a file name or a KMS key ARN.
	ID() string
	// Public is the public half; an *rsa.PublicKey of 2048 bits or more.
	Public() crypto.PublicKey
	// Sign signs a digest with RSASSA-PKCS1-v1_5; opts is the digest's hash.
	// It honours ctx's deadline.
	Sign(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

// Bind makes a crypto.Signer that signs within ctx.
func Bind(ctx context.Context, k Key) crypto.Signer { return bound{ctx, k} }

type bound struct {
	ctx context.Context //nolint:containedctx // that is what it is for: one request's signer
	key Key
}

func (b bound) Public() crypto.PublicKey { return b.key.Public() }

func (b bound) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return b.key.Sign(b.ctx, digest, opts)
}

// PublicRSA returns pub as the RSA key of MinBits or more that every signing
// key must be, else ErrUnsupported.
func PublicRSA(pub crypto.PublicKey) (*rsa.PublicKey, error) {
	key, ok := pub.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: a signing key is RSA, not %T", ErrUnsupported, pub)
	}
	if bits := key.N.BitLen(); bits < MinBits {
		return nil, fmt.Errorf("%w: a signing key has %d bits or more, not %d", ErrUnsupported, MinBits, bits)
	}
	return key, nil
}

// Digest returns the hash that opts names, after checking that digest can be
// its output and that the padding is PKCS #1 v1.5; else ErrUnsupported. It is
// for implementations of Key.
func Digest(digest []byte, opts crypto.SignerOpts) (crypto.Hash, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return 0, fmt.Errorf("%w: RSASSA-PSS", ErrUnsupported)
	}
	hash := opts.HashFunc()
	switch hash {
	case crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return 0, fmt.Errorf("%w: %v", ErrUnsupported, hash)
	}
	if len(digest) != hash.Size() {
		return 0, fmt.Errorf("%w: %d bytes are no %v digest", ErrUnsupported, len(digest), hash)
	}
	return hash, nil
}
