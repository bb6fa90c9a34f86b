package filesigner_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/filesigner"
)

func TestCreateThenOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signing.pem")
	if err := filesigner.Create(path, 2048, rand.Reader); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := filesigner.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := signer.ID(), "signing.pem"; got != want {
		t.Errorf("ID %q, want %q", got, want)
	}

	t.Run("an existing key is never overwritten", func(t *testing.T) {
		if err := filesigner.Create(path, 2048, rand.Reader); !errors.Is(err, fs.ErrExist) {
			t.Errorf("got %v, want fs.ErrExist", err)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
			t.Error("the file changed")
		}
	})
	t.Run("every hash signs, SHA-1 for legacy service providers too", func(t *testing.T) {
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			h := hash.New()
			h.Write([]byte("message"))
			digest := h.Sum(nil)
			signature, err := signer.Sign(t.Context(), digest, hash)
			if err != nil {
				t.Errorf("%v: %v", hash, err)
				continue
			}
			if err := rsa.VerifyPKCS1v15(signer.Public().(*rsa.PublicKey), hash, digest, signature); err != nil {
				t.Errorf("%v: %v", hash, err)
			}
		}
	})
	t.Run("other algorithms are refused", func(t *testing.T) {
		for name, opts := range map[string]crypto.SignerOpts{
			"PSS": &rsa.PSSOptions{Hash: crypto.SHA256}, "MD5": crypto.MD5, "none": crypto.Hash(0), "wrong length": crypto.SHA384,
		} {
			if _, err := signer.Sign(t.Context(), make([]byte, 32), opts); !errors.Is(err, keys.ErrUnsupported) {
				t.Errorf("%s: %v, want ErrUnsupported", name, err)
			}
		}
	})
	t.Run("a cancelled request gets no signature", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := signer.Sign(ctx, make([]byte, 32), crypto.SHA256); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("printing a signer shows no key", func(t *testing.T) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(verb, signer); got != "key file signing.pem" {
				t.Errorf("%s: %s", verb, got)
			}
		}
	})
}

func TestCreateRefusesSmallKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signing.pem")
	if err := filesigner.Create(path, 1024, rand.Reader); err == nil {
		t.Error("a 1024-bit key was made")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was left behind")
	}
}

func TestOpenRefusesKeyFilesThatOthersCanUse(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("Windows has no mode bits; nothing to refuse")
		return
	}
	path := filepath.Join(t.TempDir(), "signing.pem")
	if err := filesigner.Create(path, 2048, rand.Reader); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := filesigner.Open(path)
		if err == nil {
			t.Errorf("mode %04o was accepted", mode)
			continue
		}
		if want := fmt.Sprintf("chmod 600 %q", path); !strings.Contains(err.Error(), want) {
			t.Errorf("mode %04o: %q does not say %q", mode, err, want)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := filesigner.Open(path); err != nil {
		t.Errorf("a read-only file of the owner: %v", err)
	}
}

func TestOpenRefusesWhatIsNoSigningKey(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	for name, data := range map[string][]byte{
		"empty": nil,
		"text":  []byte("no key"),
		"PKCS1": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(weak)}),
		"junk":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1, 2, 3}}),
		"1024":  pkcs8(weak),
		"F8 EC": pkcs8(ec),
		"huge":  bytes.Repeat([]byte("x"), 65<<10),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "signing.pem")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := filesigner.Open(path); err == nil {
				t.Error("accepted")
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		if _, err := filesigner.Open(t.TempDir()); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("absent", func(t *testing.T) {
		if _, err := filesigner.Open(filepath.Join(t.TempDir(), "none.pem")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want fs.ErrNotExist", err)
		}
	})
}

// FuzzOpen: no content of a key file panics, and what opens can sign.
func FuzzOpen(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	path := filepath.Join(f.TempDir(), "signing.pem")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		signer, err := filesigner.Open(path)
		if err != nil {
			return
		}
		if _, err := signer.Sign(t.Context(), make([]byte, 32), crypto.SHA256); err != nil {
			t.Error(err)
		}
	})
}
