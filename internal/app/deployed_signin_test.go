package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func signInFlows(t *testing.T, d *deployment) {
	alice := newPerson(d.IdP, d.Alice)
	relay := "where=/payroll"
	finish := func(p *person, location string) idptest.Posted {
		t.Helper()
		return idptest.ReadPost(t, p.Finish(p.approve(location).SID, idptest.RandomKey()))
	}
	first := finish(alice, alice.Start(samltest.RedirectQuery(d.Good().XML(), &relay)))
	if first.ACS != samltest.B().ACS[0].Location || first.RelayState != relay || !strings.Contains(string(first.SAMLResponse), d.Alice.Email) {
		t.Errorf("posted to %s with %q: %s", first.ACS, first.RelayState, first.SAMLResponse)
	}
	alice.DropSession() // the browser stays known

	a := samltest.A() // signed, by POST
	request := a.Request(d.Clock.Now())
	request.ID = "_" + idptest.RandomKey()
	resp := alice.PostFrom("https://sp-a.test", "/saml/sso", samltest.POSTBody(a.SignXML(request.XML(), samltest.Signing{}), nil))
	accepted(t, resp, http.StatusSeeOther)
	finish(alice, resp.Header.Get("Location"))

	stranger := &person{d.Browser(address()), alice.phone}
	view, req := stranger.scan(stranger.StartLogin(nil))
	must(t, alice.phone.Deny(t.Context(), req, idp.WhyNotMe))
	if stranger.Poll(view.SID).Status != idp.StateDenied {
		t.Error("not denied")
	}
	stranger.PostForm("/login/finish", url.Values{"sid": {view.SID}, "finish_key": {idptest.RandomKey()}})

	h := d.EnrolledHandset(d.Bob, address())
	b := d.Browser(address())
	v := b.ShowCode() // typed, and extended by both sides
	accepted(t, b.API("/v1/login/sessions/"+v.SID+"/extend", map[string]any{}), http.StatusOK)
	code := idptest.Decode[struct {
		UserCode string `json:"user_code"`
	}](t, b.API("/v1/login/sessions/"+v.SID+"/user-code", map[string]any{}))
	typed := h.TypeCode(code.UserCode)
	accepted(t, typed, http.StatusOK)
	c := idptest.Decode[idptest.Claimed](t, typed)
	accepted(t, h.Call("/v1/approvals/"+c.SID, nil), http.StatusOK)
	accepted(t, h.Call("/v1/approvals/"+c.SID+"/extend", map[string]any{}), http.StatusOK)
	accepted(t, h.Call("/v1/approvals/"+c.SID, nil), http.StatusOK)
	c = idptest.Decode[idptest.Claimed](t, h.Call("/v1/approvals/"+c.SID, nil))
	accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
	assertionID(t, b.Finish(c.SID, idptest.RandomKey()))

	v = d.Browser(address()).ShowCode() // two phones want it
	h.NewClaim()
	h.MustScan(v.Frames[0].URL)
	refused(t, d.Handset(address()).Scan(v.Frames[0].URL), http.StatusConflict, idp.Contested)

	b = d.Browser(address())
	v = b.ShowCode()
	accepted(t, b.API("/v1/login/sessions/"+v.SID+"/cancel", map[string]any{}), http.StatusOK)

	b = d.Browser(address()) // an app that leads back
	v, c = d.Scanned(b, h)
	to, _ := approveAndReturn(t, h, c)
	assertion(t, see(t, b.Get(to)).press(b, "Continue"))
	for _, path := range []string{"/m", "/sw.js", "/manifest.webmanifest", "/e", "/login/logo/s"} {
		accepted(t, b.Get(path), http.StatusOK)
	}
	accepted(t, b.API("/v1/reports", []any{}, "Content-Type", "application/reports+json"), http.StatusNoContent)
	if resp := b.Finish(v.SID, idptest.RandomKey()); resp.StatusCode == http.StatusOK {
		t.Error("finished twice")
	}
}

func plainFlows(t *testing.T, d *deployment) {
	b, h := d.Browser(address()), d.EnrolledHandset(d.Alice, address())
	at := plainLogin(t, b, b.StartLogin(nil))
	c := h.MustScan(see(t, b.Get(at)).scanned())
	accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
	assertion(t, see(t, b.Get(at)).press(b, "Continue"))
	b = d.Browser(address())
	page := see(t, b.Get(plainLogin(t, b, b.StartLogin(nil))))
	accepted(t, page.press(b, "Cancel and go back"), http.StatusOK)
	b = d.Browser(address())
	code := see(t, b.Get(plainLogin(t, b, b.StartLogin(nil)))).texts["code"]
	h.NewClaim()
	accepted(t, h.TypeCode(code), http.StatusOK)
}

func passkeyFlows(t *testing.T, d *deployment) {
	b, here := browserPasskey(t, d.IdP, d.Alice)
	view := b.Login(b.StartLogin(nil))
	accepted(t, b.API("/v1/login/sessions/"+view.SID+"/passkey", map[string]any{"assertion": here.assert(b, view.SID)}), http.StatusOK)
	if p := idptest.ReadPost(t, b.Finish(view.SID, idptest.RandomKey())); !strings.Contains(string(p.SAMLResponse), idp.ACRPHR) {
		t.Errorf("no class %s in %s", idp.ACRPHR, p.SAMLResponse)
	}
	other := d.Browser(address()) // a passkey on the phone
	view = other.Login(other.StartLogin(nil))
	sid, assertion := here.sign(view.Frames[0].URL)
	here.post("/v1/approvals/"+sid+"/approve", map[string]any{"type": "webauthn", "assertion": assertion}, http.StatusOK)
	assertionID(t, other.Finish(sid, idptest.RandomKey()))
}

// sessionFlows: the second application, consent, and sign-ins that begin here.
func sessionFlows(t *testing.T, d *deployment) {
	bob := newPerson(d.IdP, d.Bob)
	must(t, d.Store.SaveServiceProvider(t.Context(), &idp.ServiceProvider{
		EntityID: "https://pairwise.test", Slug: "pairwise", Name: "Pairwise", NameID: "persistent",
		ACS:          []idp.Endpoint{{Binding: idp.BindingPOST, Location: "https://pairwise.test/acs"}},
		IdPInitiated: true, DefaultRelayState: "/inbox", Consent: idp.ConsentOnce,
	}))
	q := func(r samltest.Request) string { return query(r) }
	assertionID(t, bob.Finish(bob.approve(bob.Start(q(d.Good()))).SID, idptest.RandomKey()))
	first := consentPage(t, d.IdP, func() *http.Response {
		return bob.Open(bob.Start(q(to(d.IdP, "https://pairwise.test", ""))))
	})
	assertion(t, bob.PostForm(first.action, first.yes))
	// Agreed to once, the session signs in; from our own page also without a request.
	assertion(t, bob.Open(bob.Start(q(to(d.IdP, "https://pairwise.test", "")))))
	assertion(t, bob.Open(begin(bob.Browser, "/saml/launch/pairwise", "same-origin").Header.Get("Location")))
	accepted(t, bob.Get("/apps"), http.StatusOK)
}
