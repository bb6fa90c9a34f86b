package app_test

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const (
	portal      = "urn:sharepoint:portal"
	portalReply = "https://portal.test/_trust/"
	wiki        = "urn:wiki"
)

// withWSFed adds two applications that speak WS-Federation.
func withWSFed(i *idptest.IdP) *idptest.IdP {
	i.T.Helper()
	for _, sp := range []idp.ServiceProvider{
		{EntityID: portal, Slug: "portal", Name: "Portal", ACS: []idp.Endpoint{
			{Binding: idp.BindingPOST, Location: portalReply},
			{Index: 1, Binding: idp.BindingPOST, Location: "https://teams.test/_trust/"},
		}},
		{EntityID: wiki, Slug: "wiki", Name: "Wiki", ACS: []idp.Endpoint{{Binding: idp.BindingPOST, Location: "https://wiki.test/"}}},
	} {
		sp.Protocol, sp.NameID = idp.ProtocolWSFed, "emailAddress = email"
		sp.Attributes = []string{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress = email"}
		must(i.T, i.Store.SaveServiceProvider(context.Background(), &sp))
	}
	return i
}

// wsfed is the address of a request to sign in, with more parameters.
func wsfed(realm, more string) string {
	address := "/wsfed?wa=wsignin1.0&wtrealm=" + url.QueryEscape(realm)
	if more != "" {
		address += "&" + more
	}
	return address
}

// startWSFed sends a request and returns where the 303 leads.
func startWSFed(b *idptest.Browser, realm, more string) string {
	b.IdP.T.Helper()
	resp := b.Get(wsfed(realm, more))
	if location := resp.Header.Get("Location"); resp.StatusCode == http.StatusSeeOther && strings.HasPrefix(location, "/login?l=") {
		return location
	}
	b.IdP.T.Fatalf("wsfed: %d %s", resp.StatusCode, idptest.Body(b.IdP.T, resp))
	return ""
}

// token is what a test reads of a wresult.
type token struct {
	AppliesTo string `xml:"AppliesTo>EndpointReference>Address"`
	Assertion []struct {
		ID       string `xml:"AssertionID,attr"`
		Issuer   string `xml:"Issuer,attr"`
		Audience string `xml:"Conditions>AudienceRestrictionCondition>Audience"`
		Authn    struct {
			Instant string `xml:"AuthenticationInstant,attr"`
			Name    string `xml:"Subject>NameIdentifier"`
		} `xml:"AuthenticationStatement"`
	} `xml:"RequestedSecurityToken>Assertion"`
}

// readToken asserts a page that takes one assertion to an application.
func readToken(t testing.TB, resp *http.Response, reply string) (token, url.Values) {
	t.Helper()
	body := idptest.Body(t, resp)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("page with the answer: %d %s", resp.StatusCode, body)
	}
	action, fields := pageForm(t, body)
	var tok token
	must(t, xml.Unmarshal([]byte(fields.Get("wresult")), &tok))
	if action != reply || fields.Get("wa") != "wsignin1.0" || fields.Has("SAMLResponse") || fields.Has("RelayState") || len(tok.Assertion) != 1 {
		t.Fatalf("to %s with %v", action, fields)
	}
	return tok, fields
}

// published is the certificate, in PEM, that our metadata of SAML 2.0 names.
func published(i *idptest.IdP) []byte {
	i.T.Helper()
	var m struct {
		Certificate []byte `xml:"IDPSSODescriptor>KeyDescriptor>KeyInfo>X509Data>X509Certificate"`
	}
	must(i.T, xml.Unmarshal([]byte(idptest.Body(i.T, i.Browser(address()).Get("/saml/metadata"))), &m))
	der, err := base64.StdEncoding.DecodeString(string(m.Certificate))
	must(i.T, err)
	return schematest.PEM(der)
}

// asks reports whether a login page shows a code, rather than going on by the
// session.
func asks(b *idptest.Browser, location string) bool {
	_, goes := goesOn(b, b.Get(location))
	return !goes
}

func TestWSFedSignIn(t *testing.T) {
	i := withWSFed(idptest.New(t))
	alice := newPerson(i, i.Alice)
	const context = "rm=0&id=passive&ru=%2f_layouts/15/\"<'"
	location := startWSFed(alice.Browser, portal, "wctx="+url.QueryEscape(context)+"&wct="+i.Clock.Now().UTC().Format(time.RFC3339))
	view, req := alice.scan(location)
	if req.Context.App.Name != "Portal" || req.Context.App.Host != "portal.test" {
		t.Errorf("the phone shows %+v", req.Context.App)
	}
	if _, err := alice.phone.Approve(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	key, approved := idptest.RandomKey(), i.Clock.Now()
	tok, fields := readToken(t, alice.Finish(view.SID, key), portalReply)
	a := tok.Assertion[0]
	if fields.Get("wctx") != context || tok.AppliesTo != portal || a.Audience != portal || a.Issuer != i.Config.EntityID ||
		a.Authn.Name != "alice@example.com" || !strings.HasPrefix(a.Authn.Instant, approved.UTC().Format("2006-01-02T15:04:05")) {
		t.Errorf("%+v with context %q", tok, fields.Get("wctx"))
	}
	schematest.VerifySignature(t, []byte(fields.Get("wresult")), published(i), "AssertionID:Assertion")

	t.Run("a lost answer is asked for again", func(t *testing.T) {
		again, _ := readToken(t, alice.Finish(view.SID, key), portalReply)
		if again.Assertion[0].ID != a.ID {
			t.Errorf("another assertion, %s and %s", again.Assertion[0].ID, a.ID)
		}
	})
	t.Run("the second application by the session", func(t *testing.T) {
		i.Clock.Add(10 * time.Minute)
		answer, ok := goesOn(alice.Browser, alice.Get(startWSFed(alice.Browser, wiki, "wctx=")))
		if !ok {
			t.Fatal("asks again")
		}
		tok, fields := readToken(t, answer, "https://wiki.test/")
		if !fields.Has("wctx") || fields.Get("wctx") != "" || !strings.HasPrefix(tok.Assertion[0].Authn.Instant, approved.UTC().Format("2006-01-02T15:04:05")) {
			t.Errorf("%+v with %v", tok, fields)
		}
	})
	t.Run("from WS-Federation to SAML 2.0 and back", func(t *testing.T) {
		answer, ok := goesOn(alice.Browser, alice.Get(alice.Start(query(i.Good()))))
		if !ok {
			t.Fatal("asks again")
		}
		assertion(t, answer)
		sessions, err := i.Store.SSOSessions(t.Context(), i.Alice.ID)
		must(t, err)
		if len(sessions) != 1 || len(sessions[0].Participants) != 3 {
			t.Errorf("%+v", sessions)
		}
	})
	t.Run("no wctx is none", func(t *testing.T) {
		answer, _ := goesOn(alice.Browser, alice.Get(startWSFed(alice.Browser, wiki, "")))
		if _, fields := readToken(t, answer, "https://wiki.test/"); fields.Has("wctx") {
			t.Error("a wctx that nobody sent")
		}
	})
	t.Run("a registered wreply", func(t *testing.T) {
		answer, _ := goesOn(alice.Browser, alice.Get(startWSFed(alice.Browser, portal, "wreply=https%3A%2F%2Fteams.test%2F_trust%2F")))
		readToken(t, answer, "https://teams.test/_trust/")
	})
	t.Run("P16 wfresh", func(t *testing.T) { // approved ten minutes ago
		for fresh, want := range map[string]bool{"wfresh=0": true, "wfresh=9": true, "wfresh=11": false, "wfresh=": false} {
			if got := asks(alice.Browser, startWSFed(alice.Browser, portal, fresh)); got != want {
				t.Errorf("%s asks: %v", fresh, got)
			}
		}
		location := startWSFed(alice.Browser, portal, "wfresh=0")
		id := strings.TrimSuffix(strings.TrimPrefix(location, "/login?l="), "&ask=1")
		resp := alice.PostForm("/login/continue", url.Values{"l": {id}})
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != location {
			t.Errorf("a form of our own page gets %d", resp.StatusCode)
		}
		tok, _ := readToken(t, alice.Finish(alice.approve(location).SID, idptest.RandomKey()), portalReply)
		if want := i.Clock.Now().UTC().Format("2006-01-02T15:04:05"); !strings.HasPrefix(tok.Assertion[0].Authn.Instant, want) {
			t.Errorf("AuthenticationInstant %s, want %s", tok.Assertion[0].Authn.Instant, want)
		}
	})
}

// TestWSFedNobody: the protocol has no message that says that nobody was signed
// in, so the person is told, and nothing is sent or signed.
func TestWSFedNobody(t *testing.T) {
	for name, end := range map[string]func(p *person, sid string) *http.Response{
		"cancelled": func(p *person, sid string) *http.Response {
			return p.PostForm("/login/finish", url.Values{"sid": {sid}, "finish_key": {idptest.RandomKey()}, "decline": {"1"}})
		},
		"not assigned": func(p *person, sid string) *http.Response {
			p.IdP.UpdateSP(portal, func(sp *idp.ServiceProvider) { sp.Access = []string{"user:bob@example.com"} })
			_, fields := pageForm(p.IdP.T, idptest.Body(p.IdP.T, p.Finish(sid, idptest.RandomKey())))
			return p.PostForm("/login/finish", fields)
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := withWSFed(idptest.New(t))
			alice := newPerson(i, i.Alice)
			view := alice.approve(startWSFed(alice.Browser, portal, "wctx=x"))
			resp := end(alice, view.SID)
			body := idptest.Body(t, resp)
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, "Nobody was signed in") || !strings.Contains(body, "Portal") ||
				strings.Contains(body, "<form") || strings.Contains(body, portalReply) || i.Key.Signs() != 0 {
				t.Errorf("%d, %d signatures: %s", resp.StatusCode, i.Key.Signs(), body)
			}
			if body := idptest.Body(t, alice.Finish(view.SID, idptest.RandomKey())); strings.Contains(body, "wresult") || i.Key.Signs() != 0 {
				t.Errorf("the same is finished: %s", body)
			}
		})
	}
}

// TestWSFedSignOut: any page can send a browser here, so that nothing ends.
func TestWSFedSignOut(t *testing.T) {
	i := withWSFed(idptest.New(t))
	alice := newPerson(i, i.Alice)
	readToken(t, alice.Finish(alice.approve(startWSFed(alice.Browser, portal, "")).SID, idptest.RandomKey()), portalReply)
	t.Run("wsignout1.0 leads to the sign-out page, and nowhere else", func(t *testing.T) {
		resp := alice.Get("/wsfed?wa=wsignout1.0&wtrealm=" + portal + "&wreply=https%3A%2F%2Fevil.test%2F")
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/saml/slo" {
			t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
		}
	})
	t.Run("wsignoutcleanup1.0", func(t *testing.T) {
		resp := alice.Get("/wsfed?wa=wsignoutcleanup1.0&wreply=https%3A%2F%2Fevil.test%2F")
		if body := idptest.Body(t, resp); resp.StatusCode != http.StatusOK || strings.Contains(body, "evil") || len(resp.Cookies()) > 0 {
			t.Errorf("%d with cookies %v: %s", resp.StatusCode, resp.Cookies(), body)
		}
	})
	if asks(alice.Browser, startWSFed(alice.Browser, wiki, "")) {
		t.Error("P20 a GET has ended the session")
	}
}

// TestWSFedMetadata: what SharePoint and ASP.NET read leads back to us.
func TestWSFedMetadata(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(address())
	certificate := published(i)
	signs := i.Key.Signs()
	for range 2 { // signed once
		resp := b.Get("/wsfed/FederationMetadata.xml")
		body := idptest.Body(t, resp)
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, "<wsa:Address>"+idptest.Base+"/wsfed</wsa:Address>") ||
			!strings.Contains(body, `entityID="`+i.Config.EntityID+`"`) {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		schematest.VerifySignature(t, []byte(body), certificate, "EntityDescriptor")
	}
	if n := i.Key.Signs() - signs; n != 1 {
		t.Errorf("%d signatures", n)
	}
}

// samlQuery is a fresh request of SAML 2.0 in the name of an application.
func samlQuery(i *idptest.IdP, issuer, acs string) string {
	r := i.Good()
	r.Issuer, r.ACS = issuer, acs
	return samltest.RedirectQuery(r.XML(), nil)
}
