package keys_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"path/filepath"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/filesigner"
)

// BenchmarkSign shows what checking each signature costs.
func BenchmarkSign(b *testing.B) {
	path := filepath.Join(b.TempDir(), "signing.pem")
	if err := filesigner.Create(path, 2048, rand.Reader); err != nil {
		b.Fatal(err)
	}
	key, err := filesigner.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	pair := keys.Pair{Key: key, Certificate: &x509.Certificate{PublicKey: key.Public()}}
	for name, signer := range map[string]crypto.Signer{
		"bare": keys.Bind(b.Context(), key),
		"pair": pair.Signer(b.Context()),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
