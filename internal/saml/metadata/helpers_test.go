package metadata_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// identity is a key with its certificate, made for this run.
type identity struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// identities makes a few once; certificates are expired on purpose.
var identities = sync.OnceValue(func() []identity {
	var out []identity
	for i := range 4 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)),
			Subject:      pkix.Name{CommonName: fmt.Sprintf("TEST ONLY %d", i+1)},
			NotBefore:    now.AddDate(-3, 0, 0),
			NotAfter:     now.AddDate(-1, 0, 0),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			panic(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		out = append(out, identity{key, cert})
	}
	return out
})

// fixture reads a file of testdata and puts certificates at CERT1 to CERT4.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range identities() {
		data = bytes.ReplaceAll(data, fmt.Appendf(nil, "CERT%d", i+1), []byte(base64.StdEncoding.EncodeToString(id.cert.Raw)))
	}
	return data
}

// read is ReadServiceProvider that must succeed.
func read(t *testing.T, data []byte, opts metadata.ReadOptions) (*idp.ServiceProvider, []metadata.Note) {
	t.Helper()
	opts.Now = now
	sp, notes, err := metadata.ReadServiceProvider(data, opts)
	if err != nil {
		t.Fatal(err)
	}
	return sp, notes
}

// refusal is the error of ReadServiceProvider, which must fail.
func refusal(t *testing.T, data []byte, opts metadata.ReadOptions) *metadata.Error {
	t.Helper()
	opts.Now = now
	sp, _, err := metadata.ReadServiceProvider(data, opts)
	if err == nil {
		t.Fatalf("it was read: %+v", sp)
	}
	return asError(t, err)
}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// certOf is a certificate in base64.
func certOf(i int) string { return base64.StdEncoding.EncodeToString(identities()[i].cert.Raw) }
