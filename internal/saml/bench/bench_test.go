package bench_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
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
	for b.Loop() {
		if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIssueResponse parses a request, decides, builds the Response, signs
// it and encodes it for the form.
func BenchmarkIssueResponse(b *testing.B) {
	now := time.Now()
	sp, user := provider(), ana()
	query := samltest.RedirectQuery(sp.Request(now).XML(), nil)
	env := request.Env{SSOURL: samltest.SSO, Now: now}
	signing := response.Signing{Signer: samltest.A().Key, Certificate: samltest.A().Cert}
	pairwise := make([]byte, 32)
	b.ReportAllocs()
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

// BenchmarkRejectWorst refuses the dearest messages within the limits of size.
// Target: 2 ms of CPU and 1 MB each.
func BenchmarkRejectWorst(b *testing.B) {
	now := time.Now()
	sp := samltest.A()
	env := request.Env{SSOURL: samltest.SSO, Now: now}
	for name, query := range worst(sp, now) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := judge(query, sp, env); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func judge(query string, sp *samltest.SP, env request.Env) error {
	in, err := binding.Redirect(query)
	if err != nil {
		return err
	}
	in.Binding = idp.BindingPOST // so that the signature inside is looked at
	req, err := request.Parse(in)
	if err != nil {
		return err
	}
	_, err = request.Judge(req, in, &sp.ServiceProvider, env)
	return err
}

// worst are redirect queries that need the most work before they are refused.
func worst(sp *samltest.SP, now time.Time) map[string]string {
	message := sp.Request(now).XML()
	signed := sp.SignXML(message, samltest.Signing{KeyInfo: sp.X509()})
	var names strings.Builder
	for i := range 60 {
		names.WriteString(` xmlns:n` + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `="urn:n"`)
	}
	stuffed := func(message, element string, n int) string {
		return samltest.RedirectQuery(samltest.Insert(message, "<samlp:Extensions"+names.String()+">"+strings.Repeat(element, n)+"</samlp:Extensions>"), nil)
	}
	return map[string]string{
		"unsigned_elements": stuffed(message, `<t v="tttt">&lt;&lt;</t>`, 420),
		"signed_attributes": stuffed(signed, "<x y='"+strings.Repeat("z", 130)+"'/>", 80),
		"signed_elements":   stuffed(signed, `<t v="ttt">t</t>`, 400),
		"unknown_key":       samltest.RedirectQuery(samltest.B().SignXML(message, samltest.Signing{}), nil),
		"deep":              samltest.RedirectQuery(samltest.Insert(message, strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)), nil),
		"inflates":          samltest.RedirectQuery(strings.Repeat(" ", 8<<20), nil),
		"doctype":           samltest.RedirectQuery(`<!DOCTYPE r [<!ENTITY a "`+strings.Repeat("x", 20000)+`">]>`+message, nil),
	}
}

// TestVectors keeps the benchmarks honest: what they measure is what happens.
func TestVectors(t *testing.T) {
	now := time.Now()
	sp := samltest.A()
	for name, query := range worst(sp, now) {
		err := judge(query, sp, request.Env{SSOURL: samltest.SSO, Now: now})
		var refused *idp.Error
		var answered *request.Answer
		if !errors.As(err, &refused) && !errors.As(err, &answered) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s (%d bytes): %v", name, len(query), err)
	}
}
