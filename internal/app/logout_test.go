package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func TestLogoutByApplication(t *testing.T) {
	v := newVisit(t, idptest.Options{})
	b, a := v.guests[0], v.guests[1]
	page := v.asks(b, "state & more")
	if v.alive() {
		t.Fatal("our own session is alive")
	}
	if _, again := goesOn(v.Browser, v.Get(v.Start(v.signIn(samltest.A())))); again {
		t.Error("the session signs in")
	}
	id := logoutOf(page)
	body := idptest.Body(t, v.Get(page))
	for _, want := range []string{"SP a", `src="/logout/tell?l=` + id + `&amp;n=0"`, `action="/logout/finish"`, "Go on to SP b"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if s := v.state(id); !s.Pending || !s.Partial || len(s.Outcomes) != 1 || s.Outcomes[0] != "pending" {
		t.Errorf("state %+v", s)
	}

	m := byRedirect(t, v.IdP, v.frame(id, "0"), "SAMLRequest")
	if m.XMLName.Local != "LogoutRequest" || m.to != "https://sp-a.test/slo?x=1" || m.Destination != m.to || m.Issuer != v.IdP.Config.EntityID ||
		m.NameID.Value != aliceID || m.NameID.Format != idp.NameIDEmail || len(m.SessionIndex) != 1 || m.SessionIndex[0] != a.index ||
		m.SessionIndex[0] == b.index || !m.NotOnOrAfter.After(v.IdP.Clock.Now()) {
		t.Errorf("A is told %+v", m)
	}
	resp := v.answers(a, m.ID)
	if resp.StatusCode != http.StatusOK || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'self'") {
		t.Errorf("frame: %d %s", resp.StatusCode, resp.Header.Get("Content-Security-Policy"))
	}
	if s := v.state(id); s.Pending || s.Partial || s.Outcomes[0] != "done" {
		t.Errorf("state %+v", s)
	}
	back := byRedirect(t, v.IdP, v.PostForm("/logout/finish", url.Values{"l": {id}}), "SAMLResponse")
	if back.status() != "Success" || back.InResponseTo != "_sp-b-logout-1" || back.to != "https://sp-b.test/slo?x=1" || back.relayState != "state & more" {
		t.Errorf("B is told %+v, %s", back, back.status())
	}
	t.Run("the audit trail has it", func(t *testing.T) {
		var got []string
		for _, e := range v.IdP.Audit() {
			if strings.HasPrefix(e.Event, "logout.") {
				got = append(got, e.Event+" "+e.SP+" "+e.Outcome)
			}
		}
		want := "logout.started https://sp-b.test , logout.told https://sp-a.test done, logout.answered https://sp-b.test "
		if strings.Join(got, ", ") != want {
			t.Errorf("%q, want %q", strings.Join(got, ", "), want)
		}
	})
}

func TestLogoutByPost(t *testing.T) {
	v := newVisit(t, idptest.Options{})
	for n := range v.guests {
		v.IdP.UpdateSP(v.guests[n].EntityID, func(sp *idp.ServiceProvider) {
			sp.SLO = []idp.Endpoint{{Binding: idp.BindingPOST, Location: sp.EntityID + "/slo", Response: sp.EntityID + "/slo-done"}}
		})
	}
	b, a := v.guests[0], v.guests[1]
	relay := "x"
	signed := b.SignXML(b.Logout(v.IdP.Clock.Now(), aliceID).XML(), samltest.Signing{}) // no SessionIndex: all sessions
	resp := v.PostFrom("https://sp-b.test", "/saml/slo", samltest.POSTBody(signed, &relay))
	page := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusSeeOther || v.alive() {
		t.Fatalf("%d %s", resp.StatusCode, idptest.Body(t, resp))
	}
	id := logoutOf(page)
	form := idptest.ReadPost(t, v.frame(id, "0"))
	m := parseSent(t, form.SAMLRequest)
	if form.ACS != "https://sp-a.test/slo" || m.Signature == nil || m.NameID.Value != aliceID {
		t.Errorf("A is told %+v at %s", m, form.ACS)
	}
	done := a.SignXML(a.LoggedOut(v.IdP.Clock.Now(), m.ID).XML(), samltest.Signing{})
	if r := v.PostFrom("https://sp-a.test", "/saml/slo", samltest.ResponseBody(done)); r.StatusCode != http.StatusOK {
		t.Errorf("answer by POST: %d", r.StatusCode)
	}
	back := idptest.ReadPost(t, v.PostForm("/logout/finish", url.Values{"l": {id}}))
	if said := parseSent(t, back.SAMLResponse); said.status() != "Success" || back.ACS != "https://sp-b.test/slo-done" || said.Destination != back.ACS || back.RelayState != "x" || said.Signature == nil {
		t.Errorf("B is told %s at %s", said.status(), back.ACS)
	}
}

// P23: who did not answer is named, and the initiator hears PartialLogout.
func TestPartialLogoutIsTold(t *testing.T) {
	for name, act := range map[string]struct {
		do      func(v *visit, id string)
		outcome string
	}{
		"P23 no answer": {func(v *visit, _ string) { v.IdP.Clock.Add(20 * time.Second) }, "no_answer"},
		"failed": {func(v *visit, id string) {
			m := byRedirect(v.IdP.T, v.IdP, v.frame(id, "0"), "SAMLRequest")
			v.answers(v.guests[1], m.ID, func(r *samltest.LogoutResponse) { r.Status = "Responder" })
		}, "failed"},
		"partial itself": {func(v *visit, id string) {
			m := byRedirect(v.IdP.T, v.IdP, v.frame(id, "0"), "SAMLRequest")
			v.answers(v.guests[1], m.ID, func(r *samltest.LogoutResponse) { r.Second = "PartialLogout" })
		}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisit(t, idptest.Options{})
			page := v.asks(v.guests[0])
			act.do(v, logoutOf(page))
			s := v.state(logoutOf(page))
			if s.Pending || !s.Partial || s.Outcomes[0] != act.outcome {
				t.Errorf("state %+v, want %s", s, act.outcome)
			}
			if body := idptest.Body(t, v.Get(page)); !strings.Contains(body, "not signed out everywhere") || !strings.Contains(body, "SP a") || strings.Contains(body, "<iframe") {
				t.Errorf("page: %s", body)
			}
			back := byRedirect(t, v.IdP, v.PostForm("/logout/finish", url.Values{"l": {logoutOf(page)}}), "SAMLResponse")
			if want := "Success PartialLogout"; back.status() != want {
				t.Errorf("status %s, want %s", back.status(), want)
			}
		})
	}
	t.Run("an application without an endpoint", func(t *testing.T) {
		v := newVisit(t, idptest.Options{})
		v.IdP.UpdateSP(v.guests[1].EntityID, func(sp *idp.ServiceProvider) { sp.SLO = nil })
		page := v.asks(v.guests[0])
		if s := v.state(logoutOf(page)); s.Pending || !s.Partial || s.Outcomes[0] != "untold" {
			t.Errorf("state %+v", s)
		}
	})
	t.Run("going on early", func(t *testing.T) {
		v := newVisit(t, idptest.Options{})
		page := v.asks(v.guests[0])
		back := byRedirect(t, v.IdP, v.PostForm("/logout/finish", url.Values{"l": {logoutOf(page)}}), "SAMLResponse")
		if !strings.HasSuffix(back.status(), "PartialLogout") {
			t.Errorf("status %s", back.status())
		}
	})
}

func TestLogoutAlone(t *testing.T) {
	i := idptest.New(t)
	sp := samltest.B()
	i.UpdateSP(sp.EntityID, func(s *idp.ServiceProvider) {
		s.SLO = []idp.Endpoint{{Binding: idp.BindingRedirect, Location: sp.EntityID + "/slo"}}
	})
	alice := newPerson(i, i.Alice)
	assertion(t, alice.Finish(alice.approve(alice.Start(query(i.Good()))).SID, idptest.RandomKey()))
	resp := alice.Get("/saml/slo?" + sp.SignQuery(samltest.RedirectQuery(sp.Logout(i.Clock.Now(), aliceID).XML(), nil), samltest.RSASHA256))
	if back := byRedirect(t, i, resp, "SAMLResponse"); back.status() != "Success" {
		t.Errorf("status %s", back.status())
	}
}

func TestLogoutAsynchronous(t *testing.T) {
	v := newVisit(t, idptest.Options{})
	b := v.guests[0]
	r := b.Logout(v.IdP.Clock.Now(), aliceID, b.index)
	r.Children = `<samlp:Extensions><a:Asynchronous xmlns:a="urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo"/></samlp:Extensions>`
	resp := v.Get("/saml/slo?" + signedQuery(b, r))
	page := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusSeeOther || v.alive() {
		t.Fatalf("%d", resp.StatusCode)
	}
	if body := idptest.Body(t, v.Get(page)); strings.Contains(body, "/logout/finish") || !strings.Contains(body, "/logout/tell") {
		t.Errorf("page of a logout whose initiator wants no answer: %s", body)
	}
	refusedPage(t, v.IdP, v.PostForm("/logout/finish", url.Values{"l": {logoutOf(page)}}), http.StatusConflict, idp.WrongState)
}

func TestLogoutByPerson(t *testing.T) {
	v := newVisit(t, idptest.Options{})
	body := idptest.Body(t, v.Get("/saml/slo"))
	if !strings.Contains(body, "SP a") || !strings.Contains(body, "SP b") || !strings.Contains(body, `action="/logout/start"`) || !v.alive() {
		t.Fatalf("page: %s", body)
	}
	resp := v.PostForm("/logout/start", nil)
	page := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusSeeOther || v.alive() {
		t.Fatalf("%d", resp.StatusCode)
	}
	if resp.Header.Get("Clear-Site-Data") == "" {
		t.Error("no Clear-Site-Data")
	}
	id := logoutOf(page)
	for n, frame := range []string{"0", "1"} {
		m := byRedirect(t, v.IdP, v.frame(id, frame), "SAMLRequest")
		if m.SessionIndex[0] != v.guests[n].index {
			t.Errorf("frame %s: %+v", frame, m)
		}
		v.answers(v.guests[n], m.ID)
	}
	if body := idptest.Body(t, v.Get(page)); !strings.Contains(body, "You are signed out") || strings.Contains(body, "/logout/finish") {
		t.Errorf("page: %s", body)
	}
	if body := idptest.Body(t, v.Get("/saml/slo")); !strings.Contains(body, "Nobody is signed in") {
		t.Errorf("page afterwards: %s", body)
	}
}
