package response_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/saml/response"
)

func BenchmarkBareRSA2048(b *testing.B) {
	key, _ := testKey()
	digest := sha256.Sum256([]byte("digest"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAssert(b *testing.B) {
	s, _ := signing()
	in := issue()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := response.Assert(in, s); err != nil {
			b.Fatal(err)
		}
	}
}
