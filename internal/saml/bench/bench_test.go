//go:build unix

package bench_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/logger"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

const issuer = "https://idp.test/saml/metadata"

// ana is who signs in, with what a typical application is told.
func ana() *idp.User {
	return &idp.User{ID: "CAIREEYUCULBOGAZDINRYHI6D4", Email: "ana@example.com", GivenName: "Ana", FamilyName: "Kovač"}
}

func provider() *samltest.SP {
	sp := samltest.B()
	sp.Attributes = []string{"mail = email", "givenName = givenName", "sn = familyName", "displayName = displayName"}
	return sp
}

// BenchmarkBareRSA2048 is the floor: the signature alone.
func BenchmarkBareRSA2048(b *testing.B) {
	key := samltest.A().Key
	digest := sha256.Sum256([]byte("digest"))
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIssueResponse parses a request, decides, builds the Response, signs
// it and encodes it for the form.
func BenchmarkIssueResponse(b *testing.B) { issueResponse(b, provider()) }

// BenchmarkIssueEncryptedResponse does the same for a service provider that
// wants encryption: one AES key more, and one RSA operation with a public key.
func BenchmarkIssueEncryptedResponse(b *testing.B) {
	sp := provider()
	sp.Encryption, sp.EncryptCerts = idp.EncryptRequired, [][]byte{sp.Cert.Raw}
	issueResponse(b, sp)
}

func issueResponse(b *testing.B, sp *samltest.SP) {
	b.Helper()
	now := time.Now()
	user := ana()
	query := samltest.RedirectQuery(sp.Request(now).XML(), nil)
	env := request.Env{SSOURL: samltest.SSO, Now: now}
	signing := response.Signing{Signer: samltest.A().Key, Certificate: samltest.A().Cert}
	pairwise := make([]byte, 32)
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		in, err := binding.Redirect(query)
		if err != nil {
			b.Fatal(err)
		}
		req, err := request.Parse(in)
		if err != nil {
			b.Fatal(err)
		}
		login, err := request.Judge(req, in, &sp.ServiceProvider, env)
		if err != nil {
			b.Fatal(err)
		}
		issued, err := response.Assert(response.Issue{
			SP: &sp.ServiceProvider, Login: login, User: user, Issuer: issuer,
			ResponseID: "_r", AssertionID: "_a", SessionIndex: "_s", AuthnInstant: now, Now: now,
			SessionNotOnOrAfter: now.Add(time.Hour), ACR: idp.ACRQR, Pairwise: pairwise, Seed: "seed",
		}, signing)
		if err != nil {
			b.Fatal(err)
		}
		_ = response.Encode(issued.XML)
	}
}

// BenchmarkCrewjam does the same with crewjam/saml. It always signs both the
// assertion and the Response.
func BenchmarkCrewjam(b *testing.B) {
	now := time.Now()
	sp, user := provider(), ana()
	target := samltest.SSO + "?" + samltest.RedirectQuery(sp.Request(now).XML(), nil)
	server := crewjamIdP(b, sp)
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		req, err := crewjam.NewIdpAuthnRequest(server, httptest.NewRequestWithContext(b.Context(), http.MethodGet, target, nil))
		if err != nil {
			b.Fatal(err)
		}
		req.Now = now
		if err := req.Validate(); err != nil {
			b.Fatal(err)
		}
		err = crewjam.DefaultAssertionMaker{}.MakeAssertion(req, &crewjam.Session{
			ID: "s", CreateTime: now, ExpireTime: now.Add(time.Hour), Index: "_s", NameID: user.Email,
			UserName: user.Email, UserEmail: user.Email, UserGivenName: user.GivenName, UserSurname: user.FamilyName, UserCommonName: user.Display(),
		})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := req.PostBinding(); err != nil {
			b.Fatal(err)
		}
	}
}

// metadata is a crewjam.ServiceProviderProvider of one service provider.
type metadata struct{ *crewjam.EntityDescriptor }

func (m metadata) GetServiceProvider(*http.Request, string) (*crewjam.EntityDescriptor, error) {
	return m.EntityDescriptor, nil
}

func crewjamIdP(b *testing.B, sp *samltest.SP) *crewjam.IdentityProvider {
	b.Helper()
	at := func(s string) url.URL {
		u, err := url.Parse(s)
		if err != nil {
			b.Fatal(err)
		}
		return *u
	}
	id := samltest.A().Identity
	return &crewjam.IdentityProvider{
		Key: id.Key, Certificate: id.Cert, Logger: logger.DefaultLogger, SignatureMethod: samltest.RSASHA256,
		MetadataURL: at(issuer), SSOURL: at(samltest.SSO), ValidDuration: new(time.Duration),
		ServiceProviderProvider: metadata{&crewjam.EntityDescriptor{
			EntityID: sp.EntityID,
			SPSSODescriptors: []crewjam.SPSSODescriptor{{AssertionConsumerServices: []crewjam.IndexedEndpoint{
				{Binding: crewjam.HTTPPostBinding, Location: sp.ACS[0].Location, Index: 0},
			}}},
		}},
	}
}
