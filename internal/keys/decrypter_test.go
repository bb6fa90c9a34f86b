package keys_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/filesigner"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
)

// decrypting gives an instance keys that others encrypt with: one in KMS and
// an older one in a file.
func (w *world) decrypting(t *testing.T) (arn string, set func(*keys.Options)) {
	t.Helper()
	arn = w.kms.AddDecrypter(rsaKeys()[2])
	file := filepath.Join(t.TempDir(), "old.pem")
	if err := filesigner.Create(file, keys.MinBits, rand.Reader); err != nil {
		t.Fatal(err)
	}
	return arn, func(o *keys.Options) {
		o.DecryptRefs = []string{arn, file}
		o.OpenDecrypter = func(ctx context.Context, ref string) (keys.Decrypter, error) {
			if ref == file {
				return filesigner.OpenDecrypter(ref)
			}
			return kmssigner.OpenDecrypter(ctx, w.client(), ref, nil)
		}
	}
}

func TestDecrypters(t *testing.T) {
	w := newWorld(t)
	w.ensured()
	arn, set := w.decrypting(t)
	ring := w.ring(set)
	found, err := ring.Decrypters(t.Context())
	if err != nil || len(found) != 2 {
		t.Fatalf("%d keys, %v", len(found), err)
	}
	for i, key := range found {
		pub := key.Public().(*rsa.PublicKey)
		for name, oaep := range map[string]*rsa.OAEPOptions{
			"mgf1p": {Hash: crypto.SHA1, MGFHash: crypto.SHA1}, "SHA-256": {Hash: crypto.SHA256, MGFHash: crypto.SHA256},
		} {
			h := sha256.New()
			if oaep.Hash == crypto.SHA1 {
				h = sha1.New()
			}
			text, err := rsa.EncryptOAEP(h, rand.Reader, pub, []byte("key"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := key.Decrypt(nil, text, oaep); err != nil || string(got) != "key" {
				t.Errorf("key %d, %s: %q %v", i, name, got, err)
			}
			text[7] ^= 1
			if got, err := key.Decrypt(nil, text, oaep); err == nil || got != nil {
				t.Errorf("key %d, %s, altered: %q", i, name, got)
			}
		}
		for name, opts := range map[string]crypto.DecrypterOpts{
			"no options": nil, "PKCS #1 v1.5": &rsa.PKCS1v15DecryptOptions{}, "a label": &rsa.OAEPOptions{Hash: crypto.SHA256, Label: []byte("x")},
		} {
			if _, err := key.Decrypt(nil, make([]byte, 256), opts); !errors.Is(err, keys.ErrUnsupported) {
				t.Errorf("key %d, %s: %v", i, name, err)
			}
		}
	}

	t.Run("KMS is asked for nothing that it cannot do", func(t *testing.T) {
		before := len(w.kms.Calls(kmsfake.Decrypt))
		for _, o := range []*rsa.OAEPOptions{{Hash: crypto.SHA256, MGFHash: crypto.SHA1}, {Hash: crypto.SHA512}} {
			if _, err := found[0].Decrypt(nil, make([]byte, 256), o); !errors.Is(err, keys.ErrUnsupported) {
				t.Error(err)
			}
		}
		if _, err := found[0].Decrypt(nil, make([]byte, 255), &rsa.OAEPOptions{Hash: crypto.SHA1}); err == nil {
			t.Error("a block of another length was decrypted")
		}
		if n := len(w.kms.Calls(kmsfake.Decrypt)) - before; n > 0 {
			t.Errorf("%d calls", n)
		}
	})
	t.Run("L12 an outage is told from a wrong cipher text", func(t *testing.T) {
		w.kms.Inject(kmsfake.Decrypt, kmsfake.Always, kmsfake.Unavailable())
		defer w.kms.Heal()
		if _, err := found[0].Decrypt(nil, make([]byte, 256), &rsa.OAEPOptions{Hash: crypto.SHA1}); !errors.Is(err, keys.ErrUnavailable) {
			t.Error(err)
		}
	})
	t.Run("a key that cannot be opened is left out", func(t *testing.T) {
		w.kms.Inject(kmsfake.GetPublicKey, kmsfake.Always, kmsfake.AccessDenied())
		defer w.kms.Heal()
		if found, err := w.ring(set).Decrypters(t.Context()); err != nil || len(found) != 1 {
			t.Errorf("%d keys, %v", len(found), err)
		}
		only := func(o *keys.Options) { o.DecryptRefs = []string{arn} }
		if _, err := w.ring(set, only).Decrypters(t.Context()); err == nil {
			t.Error("no error where there is no other")
		}
	})
	t.Run("none", func(t *testing.T) {
		ring := w.ring()
		found, err := ring.Decrypters(t.Context())
		cert, certErr := ring.EncryptionCertificate(t.Context())
		if len(found) > 0 || err != nil || cert != nil || certErr != nil {
			t.Errorf("%v %v %v %v", found, err, cert, certErr)
		}
	})
}

// TestEncryptionCertificate: a key that cannot sign gets its certificate from
// the one that does, once.
func TestEncryptionCertificate(t *testing.T) {
	w := newWorld(t)
	signing := w.signs(w.ensured(), "key-1").Certificate
	_, set := w.decrypting(t)
	ring, reader := w.ring(set), w.ring(set, noSign)
	if cert, err := reader.EncryptionCertificate(t.Context()); cert != nil || err != nil {
		t.Fatalf("before it is made: %v %v", cert, err)
	}
	if made := reader.Complete(t.Context()); len(made) > 0 {
		t.Fatalf("made by somebody who may not sign: %v", made)
	}
	made := ring.Complete(t.Context())
	if len(made) != 1 || made[0].State != keys.Decrypts {
		t.Fatalf("made %+v", made)
	}
	cert, err := ring.EncryptionCertificate(t.Context())
	if err != nil || cert == nil || !rsaKeys()[2].PublicKey.Equal(cert.PublicKey) || cert.KeyUsage != x509.KeyUsageKeyEncipherment {
		t.Fatalf("certificate %+v, %v", cert, err)
	}
	if err := signing.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		t.Error(err)
	}
	w.now = w.now.Add(time.Hour)
	if made := ring.Complete(t.Context()); len(made) > 0 {
		t.Errorf("made again: %v", made)
	}
	if other, err := w.ring(set).EncryptionCertificate(t.Context()); err != nil || !other.Equal(cert) {
		t.Errorf("another instance: %v", err)
	}
	// It is no signing key, in no list.
	if list := states(t, ring); len(list) != 1 || list[0] != "key-1 active" {
		t.Errorf("signing keys %v", list)
	}
	must(t)(ring.Announce(t.Context(), w.arn[1], keys.Next))
	if certs, err := ring.Published(t.Context()); err != nil || len(certs) != 2 {
		t.Errorf("%d certificates for signatures, %v", len(certs), err)
	}
}
