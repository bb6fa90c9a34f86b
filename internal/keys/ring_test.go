package keys_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/filesigner"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
)

var digest = sha256.Sum256([]byte("message"))

func TestEnsureMakesTheFirstKey(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	pair := w.signs(ring, "key-1")
	cert := pair.Certificate

	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		t.Errorf("the certificate is not signed by its own key: %v", err)
	}
	if cert.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Errorf("signed with %v", cert.SignatureAlgorithm)
	}
	if got, want := cert.Subject.String(), "CN=idp.example.org"; got != want {
		t.Errorf("subject %s, want %s", got, want)
	}
	if want := w.now.AddDate(10, 0, 0); !cert.NotAfter.Equal(want) {
		t.Errorf("valid until %v, want %v", cert.NotAfter, want)
	}
	if !cert.NotBefore.Before(w.now) || cert.IsCA || cert.SerialNumber.BitLen() < 64 {
		t.Errorf("not before %v, CA %v, serial number %v", cert.NotBefore, cert.IsCA, cert.SerialNumber)
	}

	t.Run("signatures verify with the certificate", func(t *testing.T) {
		signature, err := pair.Signer(t.Context()).Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature); err != nil {
			t.Error(err)
		}
	})
	t.Run("a second start keeps it", func(t *testing.T) {
		again := w.signs(w.ensured(), "key-1")
		if !again.Certificate.Equal(cert) {
			t.Error("another certificate")
		}
	})
}

func TestEnsureAtOnceMakesOneCertificate(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	certs := make([]*x509.Certificate, 8)
	for i := range certs {
		ring := w.ring()
		wg.Go(func() {
			if err := ring.Ensure(t.Context()); err != nil {
				t.Error(err)
				return
			}
			pair, err := ring.Active(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			certs[i] = pair.Certificate
		})
	}
	wg.Wait()
	for _, cert := range certs {
		if !cert.Equal(certs[0]) {
			t.Fatal("instances have different certificates")
		}
	}
	if n := len(w.records.items); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

func TestEnsurePassesStoreErrorsOn(t *testing.T) {
	w := newWorld(t)
	w.records.err = errStore
	if err := w.ring().Ensure(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("List: got %v", err)
	}
	w.records.err = nil
	w.records.onSave = func(keys.Record) error { return errStore }
	if err := w.ring().Ensure(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("Save: got %v", err)
	}
}

func TestActiveWithoutEnsure(t *testing.T) {
	if _, err := newWorld(t).ring().Active(t.Context()); err == nil {
		t.Error("a key signs that nobody made")
	}
}

func TestKeyMismatch(t *testing.T) {
	t.Run("S17", func(t *testing.T) {
		t.Run("KMS signs with another key", func(t *testing.T) {
			w := newWorld(t)
			pair := w.signs(w.ensured(), "key-1")
			w.kms.SignWrongly(w.arn[0], rsaKeys()[1])
			signature, err := pair.Signer(t.Context()).Sign(nil, digest[:], crypto.SHA256)
			if !errors.Is(err, keys.ErrKeyMismatch) || signature != nil {
				t.Errorf("got a signature of %d bytes, %v", len(signature), err)
			}
			if err := pair.Check(t.Context()); !errors.Is(err, keys.ErrKeyMismatch) {
				t.Errorf("Check: %v", err)
			}
		})
		t.Run("KMS signs the certificate with another key", func(t *testing.T) {
			w := newWorld(t)
			w.kms.SignWrongly(w.arn[0], rsaKeys()[1])
			if err := w.ring().Ensure(t.Context()); !errors.Is(err, keys.ErrKeyMismatch) {
				t.Errorf("got %v", err)
			}
			if len(w.records.items) != 0 {
				t.Error("a record was stored")
			}
		})
		t.Run("the alias was moved", func(t *testing.T) {
			w := newWorld(t)
			w.kms.Alias("signing", w.arn[0])
			alias := func(o *keys.Options) { o.DefaultRef = "alias/signing" }
			if err := w.ring(alias).Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.kms.Alias("signing", w.arn[1])
			if _, err := w.ring(alias).Active(t.Context()); !errors.Is(err, keys.ErrKeyMismatch) {
				t.Errorf("got %v", err)
			}
			if n := w.kms.Signatures(); n != 1 {
				t.Errorf("%d signatures, want that of the certificate only", n)
			}
		})
	})
}

func TestOnlyRSAKeysSign(t *testing.T) {
	t.Run("F8", func(t *testing.T) {
		w := newWorld(t)
		ec, err := w.kms.CreateECDSA()
		if err != nil {
			t.Fatal(err)
		}
		err = w.ring(func(o *keys.Options) { o.DefaultRef = ec }).Ensure(t.Context())
		if !errors.Is(err, keys.ErrUnsupported) {
			t.Errorf("got %v, want ErrUnsupported", err)
		}
	})
}

func TestLegacySHA1(t *testing.T) {
	sha1 := make([]byte, crypto.SHA1.Size())
	t.Run("KMS refuses", func(t *testing.T) {
		w := newWorld(t)
		pair := w.signs(w.ensured(), "key-1")
		if _, err := pair.Signer(t.Context()).Sign(nil, sha1, crypto.SHA1); !errors.Is(err, keys.ErrUnsupported) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a key file signs", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "signing.pem")
		if err := filesigner.Create(path, 2048, rand.Reader); err != nil {
			t.Fatal(err)
		}
		key, err := filesigner.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		pair := keys.Pair{Key: key, Certificate: &x509.Certificate{PublicKey: key.Public()}}
		if _, err := pair.Signer(t.Context()).Sign(nil, sha1, crypto.SHA1); err != nil {
			t.Error(err)
		}
	})
}

func TestRingReadsTheStoreOnceAMinute(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	w.signs(ring, "key-1")
	before, opened := w.records.lists, len(w.kms.Calls(kmsfake.GetPublicKey))
	for range 100 {
		w.signs(ring, "key-1")
		if _, err := ring.Published(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.records.lists - before; n != 0 {
		t.Errorf("read %d times within a minute", n)
	}
	w.now = w.now.Add(time.Minute)
	w.signs(ring, "key-1")
	if n := w.records.lists - before; n != 1 {
		t.Errorf("read %d times after a minute, want 1", n)
	}
	if n := len(w.kms.Calls(kmsfake.GetPublicKey)) - opened; n != 0 {
		t.Errorf("the same key was opened %d times more", n)
	}
}

func TestStoreOutage(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	w.signs(ring, "key-1")
	start, lists := w.now, w.records.lists
	w.records.fail(errStore)

	w.now = start.Add(9 * time.Minute)
	for range 10 {
		w.signs(ring, "key-1")
	}
	if n := w.records.lists - lists; n != 1 {
		t.Errorf("a failing store was asked %d times at once, want 1", n)
	}
	w.now = start.Add(10 * time.Minute)
	if _, err := ring.Active(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("after 10 minutes: got %v, want the store's error", err)
	}
	if _, err := w.ring().Active(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("a new instance: got %v, want the store's error", err)
	}
	w.records.fail(nil)
	w.signs(ring, "key-1")
}

func TestPublishedNeedsNoKey(t *testing.T) {
	w := newWorld(t)
	w.ensured()
	w.openErr = keys.ErrUnavailable
	certs, err := w.ring().Published(t.Context())
	if err != nil || len(certs) != 1 {
		t.Errorf("got %d certificates, %v", len(certs), err)
	}
}

func TestRingIsSafeForConcurrentUse(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			pair, err := ring.Active(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := pair.Signer(t.Context()).Sign(nil, digest[:], crypto.SHA256); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(w.kms.Calls(kmsfake.GetPublicKey)); n != 2 { // Ensure and Active
		t.Errorf("the key was opened %d times, want 2", n)
	}
}

func TestCommonName(t *testing.T) {
	long := "urn:example:" + "0123456789012345678901234567890123456789012345678901234567890123456789"
	for issuer, want := range map[string]string{
		"https://idp.example.org:8443/x": "idp.example.org",
		"http://localhost:8080":          "localhost",
		"urn:example:idp":                "urn:example:idp",
		long:                             long[:64],
	} {
		w := newWorld(t)
		ring := w.ring(func(o *keys.Options) { o.Issuer, o.Years = issuer, 3 })
		if err := ring.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		cert := w.signs(ring, "key-1").Certificate
		if diff := cmp.Diff(want, cert.Subject.CommonName); diff != "" {
			t.Error(diff)
		}
		if !cert.NotAfter.Equal(w.now.AddDate(3, 0, 0)) {
			t.Errorf("valid until %v", cert.NotAfter)
		}
	}
}
