package wsfed_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
)

const (
	realm = "urn:sharepoint:portal"
	reply = "https://portal.example.com/_trust/?a=1&b=2"
	other = "https://second.example.com/_trust/"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 891234567, time.UTC)

// sharepoint is an application that speaks WS-Federation.
func sharepoint() *idp.ServiceProvider {
	return &idp.ServiceProvider{
		EntityID: realm, Name: "Portal", Protocol: idp.ProtocolWSFed,
		ACS: []idp.Endpoint{
			{Index: 0, Binding: idp.BindingPOST, Location: reply},
			{Index: 1, Binding: idp.BindingPOST, Location: other},
		},
		NameID: "emailAddress = email",
		Attributes: []string{
			"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress = email",
			"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn = userPrincipalName",
			"http://schemas.microsoft.com/ws/2008/06/identity/claims/role = memberOf;cn",
		},
	}
}

func env() request.Env { return request.Env{Now: now} }

// signInWith is the query of a plain request with more parameters, as they are.
func signInWith(more string) string {
	q := "wa=wsignin1.0&wtrealm=" + url.QueryEscape(realm)
	if more != "" {
		q += "&" + more
	}
	return q
}

// issue is a plain sign-in of Ana.
func issue() response.Issue {
	return response.Issue{
		SP: sharepoint(),
		Login: &idp.Login{
			SP: realm, Protocol: idp.ProtocolWSFed, Issuer: "https://id.example.com/saml/metadata", RequestID: "_request1", ACS: reply,
		},
		User: &idp.User{
			ID: "GEZDGNBVGY3TQOJQGEZDGNBVGY", Email: "ana@example.com", UPN: "ana@corp.example.com", GivenName: "Ana", FamilyName: "Kos",
			Attributes: map[string][]string{
				"immutableId": {"Co8ebTwrXk2PkKGyw9Tl9g=="},
				"memberOf":    {"CN=Staff,DC=example,DC=com", "CN=Payroll <&>,DC=example,DC=com"},
			},
		},
		Issuer: "https://id.example.com/saml/metadata", ResponseID: "_response1", AssertionID: "_assertion1", SessionIndex: "_session1",
		AuthnInstant: now.Add(-3 * time.Second), Now: now, SessionNotOnOrAfter: now.Add(8 * time.Hour),
		ACR: idp.ACRQR, Pairwise: []byte("0123456789abcdef0123456789abcdef"), Seed: "SID1",
	}
}

// testKey is made once per run; rsa.GenerateKey is slow.
var testKey = sync.OnceValues(func() (*rsa.PrivateKey, *x509.Certificate) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "TEST ONLY"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(20, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return key, cert
})

// counting counts the signatures that it is asked for.
type counting struct {
	crypto.Signer
	n int
}

func (c *counting) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.n++
	return c.Signer.Sign(r, digest, opts)
}

func signing() (response.Signing, *counting) {
	key, cert := testKey()
	counter := &counting{Signer: key}
	return response.Signing{Signer: counter, Certificate: cert}, counter
}

// refused asserts a refusal that stays with us, for a reason.
func refused(t *testing.T, err error, reason idp.Reason) {
	t.Helper()
	if !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: reason}) {
		t.Errorf("got %v, want a refusal with %s", err, reason)
	}
}
