package keys

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
)

// Decrypter is a key of our own that others encrypt with: RSA-OAEP.
type Decrypter interface {
	// ID names the key in logs: a file name or a KMS key ARN.
	ID() string
	// Public is the public half; an *rsa.PublicKey of 2048 bits or more.
	Public() crypto.PublicKey
	// Decrypt decrypts one RSA block; opts is an *rsa.OAEPOptions. It honours
	// ctx's deadline. ErrUnsupported says that the key cannot do what opts
	// want, ErrUnavailable that it cannot be reached.
	Decrypt(ctx context.Context, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error)
}

// DecrypterOpener opens the key that a ref names.
type DecrypterOpener func(ctx context.Context, ref string) (Decrypter, error)

// Decrypters returns all decryption keys, to be tried in turn, each bound to
// ctx; none where the deployment has none. A key that cannot be opened is left
// out, and the log says so, unless there is no other.
//
// A decrypter calls KMS where its key is there. Whoever decrypts what came
// from outside has verified a signature over it first.
func (r *Ring) Decrypters(ctx context.Context) ([]crypto.Decrypter, error) {
	var found []crypto.Decrypter
	var failed error
	for _, ref := range r.opt.DecryptRefs {
		key, err := r.decrypter(ctx, ref)
		if err != nil {
			r.opt.Log.WarnContext(ctx, "a decryption key cannot be opened", "key", ref, "err", err)
			failed = err
			continue
		}
		found = append(found, boundDecrypter{ctx, key})
	}
	if len(found) == 0 {
		return nil, failed
	}
	return found, nil
}

// EncryptionCertificate returns the certificate of the key that others should
// encrypt with, for our metadata; nil if there is none. It needs no key.
func (r *Ring) EncryptionCertificate(ctx context.Context) (*x509.Certificate, error) {
	if len(r.opt.DecryptRefs) == 0 {
		return nil, nil
	}
	v, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	rec := v.encryption(r.opt.DecryptRefs[0])
	if rec == nil {
		return nil, nil
	}
	return rec.parse()
}

// encryption is the record of a decryption key, or nil.
func (v *view) encryption(ref string) *Record {
	for i, rec := range v.decryption {
		if rec.Ref == ref {
			return &v.decryption[i]
		}
	}
	return nil
}

func (r *Ring) decrypter(ctx context.Context, ref string) (Decrypter, error) {
	if key, ok := r.others.Load(ref); ok {
		return key.(Decrypter), nil
	}
	key, err := r.opt.OpenDecrypter(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("open decryption key %s: %w", ref, err)
	}
	if _, err := PublicRSA(key.Public()); err != nil {
		return nil, fmt.Errorf("open decryption key %s: %w", ref, err)
	}
	r.others.Store(ref, key)
	return key, nil
}

type boundDecrypter struct {
	ctx context.Context //nolint:containedctx // that is what it is for: one request's decrypter
	key Decrypter
}

func (b boundDecrypter) Public() crypto.PublicKey { return b.key.Public() }

func (b boundDecrypter) Decrypt(_ io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return b.key.Decrypt(b.ctx, ciphertext, opts)
}

// OAEP returns opts as what it must be; else ErrUnsupported. It is for
// implementations of Decrypter.
func OAEP(opts crypto.DecrypterOpts) (*rsa.OAEPOptions, error) {
	oaep, ok := opts.(*rsa.OAEPOptions)
	if !ok || oaep == nil || len(oaep.Label) > 0 {
		return nil, fmt.Errorf("%w: not RSA-OAEP without a label", ErrUnsupported)
	}
	return oaep, nil
}
