package response_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 891234567, time.UTC)

// testKey is made once per run; rsa.GenerateKey is slow.
var testKey = sync.OnceValues(func() (*rsa.PrivateKey, *x509.Certificate) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key, certificateFor(key)
})

func certificateFor(key *rsa.PrivateKey) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "TEST ONLY"},
		NotBefore:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

// countingSigner counts the signatures that it is asked for.
type countingSigner struct {
	crypto.Signer
	n int
}

func (c *countingSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.n++
	return c.Signer.Sign(r, digest, opts)
}

func signing() (response.Signing, *countingSigner) {
	key, cert := testKey()
	counter := &countingSigner{Signer: key}
	return response.Signing{Signer: counter, Certificate: cert}, counter
}

func certPEM() []byte { _, cert := testKey(); return schematest.PEM(cert.Raw) }

const acs = "https://sp.example.com/saml/acs?so=00D1&x=2"

// issue is a plain sign-in of Ana at a generic service provider.
func issue() response.Issue {
	return response.Issue{
		SP: &idp.ServiceProvider{
			EntityID: "https://sp.example.com/metadata",
			Name:     "Payroll",
			ACS:      []idp.Endpoint{{Binding: idp.BindingPOST, Location: acs}},
			NameID:   "emailAddress = email",
			Attributes: []string{
				"urn:oid:0.9.2342.19200300.100.1.3|mail = email",
				"urn:oid:2.5.4.42|givenName = givenName",
				`Role = "admin"`,
				"groups = memberOf;cn",
			},
		},
		Login: &idp.Login{
			SP: "https://sp.example.com/metadata", Issuer: "https://id.example.com/saml/metadata",
			RequestID: "_request1", ACS: acs,
		},
		User: &idp.User{
			ID: "GEZDGNBVGY3TQOJQGEZDGNBVGY", Email: "ana@example.com",
			GivenName: "Ana", FamilyName: "Kos",
			Attributes: map[string][]string{
				"immutableId": {"Co8ebTwrXk2PkKGyw9Tl9g=="},
				"memberOf":    {"CN=Staff,DC=example,DC=com", "CN=Payroll,DC=example,DC=com"},
			},
		},
		Issuer:              "https://id.example.com/saml/metadata",
		ResponseID:          "_response1",
		AssertionID:         "_assertion1",
		SessionIndex:        "_session1",
		AuthnInstant:        now.Add(-3 * time.Second),
		Now:                 now,
		ACR:                 idp.ACRQR,
		Pairwise:            []byte("0123456789abcdef0123456789abcdef"),
		Seed:                "SID1",
		SessionNotOnOrAfter: now.Add(8 * time.Hour),
	}
}

func assert(t *testing.T, in response.Issue) *response.Issued {
	t.Helper()
	s, _ := signing()
	out, err := response.Assert(in, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tree(t *testing.T, xml []byte) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(xml); err != nil {
		t.Fatalf("read our own answer: %v", err)
	}
	return doc.Root()
}

// only returns the one element at path.
func only(t *testing.T, root *etree.Element, path string) *etree.Element {
	t.Helper()
	found := root.FindElements(path)
	if len(found) != 1 {
		t.Fatalf("%d elements at %s, want one", len(found), path)
	}
	return found[0]
}

func secondKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
