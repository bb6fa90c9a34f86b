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

// refusedLogout asserts that a message was refused for a reason and that alice
// is signed in still.
func (v *visit) refusedLogout(t *testing.T, resp *http.Response, reason idp.Reason) {
	t.Helper()
	refusedPage(t, v.IdP, resp, http.StatusBadRequest, idp.Code(reason))
	if !v.alive() {
		t.Error("the session was ended")
	}
}

func TestLogoutRequestsThatAreRefused(t *testing.T) {
	v := newVisit(t, idptest.Options{})
	b, a := v.guests[0], v.guests[1]
	now := v.IdP.Clock.Now()
	good := func() samltest.LogoutRequest {
		r := b.Logout(now, aliceID, b.index)
		r.ID = "_" + idptest.RandomKey()
		return r
	}
	with := func(change func(*samltest.LogoutRequest)) samltest.LogoutRequest { r := good(); change(&r); return r }
	for name, c := range map[string]struct {
		query  string
		reason idp.Reason
	}{
		"P19 A36 unsigned":              {samltest.RedirectQuery(good().XML(), nil), idp.SLOUnsigned},
		"P19 signed by another":         {signedQuery(a, good()), idp.SigUntrustedKey},
		"P21 A36 NotOnOrAfter past":     {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.NotOnOrAfter = now.UTC().Format(time.RFC3339) })), idp.TimeWindow},
		"P21 IssueInstant past":         {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.IssueInstant = "2026-11-22T11:00:00Z" })), idp.TimeWindow},
		"wrong Destination":             {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.Destination = "https://other.test/saml/slo" })), idp.ReasonDestination},
		"the address of sign-in":        {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.Destination = samltest.SSO })), idp.ReasonDestination},
		"no Destination":                {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.Destination = "" })), idp.ReasonDestination},
		"unknown issuer":                {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.Issuer = "https://nobody.test" })), idp.SPUnknown},
		"disabled":                      {signedQuery(guest{SP: samltest.C()}, with(func(r *samltest.LogoutRequest) { r.Issuer = samltest.C().EntityID })), idp.SPDisabled},
		"Version 1.1":                   {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.Version = "1.1" })), idp.SAMLVersion},
		"no NameID":                     {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.NameID = "" })), idp.XMLSchema},
		"two NameIDs":                   {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.Children = "<saml:NameID>bob@example.com</saml:NameID>" })), idp.XMLSchema},
		"EncryptedID without our key":   {signedQuery(b, with(func(r *samltest.LogoutRequest) { r.NameID = ""; r.Children = "<saml:EncryptedID/>" })), idp.EncShape},
		"an AuthnRequest":               {v.signIn(b.SP), idp.XMLSchema},
		"a LogoutRequest as a response": {b.SignQuery(samltest.ResponseQuery(good().XML(), nil), samltest.RSASHA256), idp.XMLSchema},
		"RelayState changed":            {strings.Replace(signedQuery(b, good(), "one"), "RelayState=one", "RelayState=two", 1), idp.SigUntrustedKey},
		"nothing":                       {"SAMLRequest=", idp.BadBase64},
	} {
		t.Run(name, func(t *testing.T) { v.refusedLogout(t, v.Get("/saml/slo?"+c.query), c.reason) })
	}
	t.Run("S1 signature of another element", func(t *testing.T) {
		signed := b.SignXML(good().XML(), samltest.Signing{})
		evil := with(func(r *samltest.LogoutRequest) { r.NameID = "bob@example.com" }).XML()
		wrapped := strings.Replace(evil, "<saml:NameID", "<samlp:Extensions>"+signed+"</samlp:Extensions><saml:NameID", 1)
		v.refusedLogout(t, v.PostFrom("https://sp-b.test", "/saml/slo", samltest.POSTBody(wrapped, nil)), idp.SigShape)
	})
	t.Run("a LogoutRequest at the address of sign-in", func(t *testing.T) {
		refusedPage(t, v.IdP, v.Get("/saml/sso?"+signedQuery(b, good())), http.StatusBadRequest, idp.Code(idp.XMLSchema))
	})
	for name, r := range map[string]samltest.LogoutRequest{
		"P21 A36 foreign SessionIndex":    with(func(r *samltest.LogoutRequest) { r.SessionIndexes = []string{a.index} }),
		"P19 another person":              with(func(r *samltest.LogoutRequest) { r.NameID = "bob@example.com"; r.SessionIndexes = nil }),
		"another format":                  with(func(r *samltest.LogoutRequest) { r.Format = idp.NameIDPersistent }),
		"qualifier of another SP":         with(func(r *samltest.LogoutRequest) { r.NameIDAttributes = `SPNameQualifier="https://sp-a.test"` }),
		"qualifier of another IdP":        with(func(r *samltest.LogoutRequest) { r.NameIDAttributes = `NameQualifier="https://other.test"` }),
		"other case":                      with(func(r *samltest.LogoutRequest) { r.NameID = "Alice@example.com" }),
		"SessionIndex that nobody knows":  with(func(r *samltest.LogoutRequest) { r.SessionIndexes = []string{"_x"} }),
		"SessionIndex of another session": with(func(r *samltest.LogoutRequest) { r.SessionIndexes = []string{b.index + "0"} }),
	} {
		t.Run(name, func(t *testing.T) {
			back := byRedirect(t, v.IdP, v.Get("/saml/slo?"+signedQuery(b, r)), "SAMLResponse")
			if back.status() != "Requester UnknownPrincipal" || back.InResponseTo != r.ID || !v.alive() {
				t.Errorf("status %s, alive %v", back.status(), v.alive())
			}
			if reasons := v.IdP.Log.Reasons(); len(reasons) == 0 || reasons[len(reasons)-1] != string(idp.SLONotParticipant) {
				t.Errorf("the log says %v", reasons)
			}
		})
	}
	t.Run("P19 A36 an application that takes no part", func(t *testing.T) {
		stranger := samltest.NewSP("stranger")
		stranger.SLO = []idp.Endpoint{{Binding: idp.BindingRedirect, Location: stranger.EntityID + "/slo"}}
		stored := stranger.ServiceProvider
		must(t, v.IdP.Store.SaveServiceProvider(t.Context(), &stored))
		r := stranger.Logout(now, aliceID)
		back := byRedirect(t, v.IdP, v.Get("/saml/slo?"+signedQuery(guest{SP: stranger}, r)), "SAMLResponse")
		if back.status() != "Requester UnknownPrincipal" || !v.alive() {
			t.Errorf("status %s, alive %v", back.status(), v.alive())
		}
	})
	t.Run("P21 A36 replay", func(t *testing.T) {
		query := signedQuery(b, good())
		if resp := v.Get("/saml/slo?" + query); resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("%d", resp.StatusCode)
		}
		page := v.Get("/saml/slo?" + query).Header.Get("Location")
		if !strings.HasPrefix(page, "/logout?l=") {
			t.Errorf("a reload leads to %q", page)
		}
		other := newPerson(v.IdP, v.IdP.Alice)
		refusedPage(t, v.IdP, other.Get("/saml/slo?"+query), http.StatusBadRequest, idp.Code(idp.ReasonReplay))
	})
}

// A37, P20: nobody else signs a person out.
func TestLogoutFromElsewhere(t *testing.T) {
	v := newVisit(t, idptest.Options{})
	t.Run("A37 an image", func(t *testing.T) {
		if resp := v.Get("/saml/slo"); resp.StatusCode != http.StatusOK || !v.alive() {
			t.Errorf("%d, alive %v", resp.StatusCode, v.alive())
		}
	})
	t.Run("P20 a form of another site", func(t *testing.T) {
		refusedPage(t, v.IdP, v.PostFrom("https://evil.test", "/logout/start", nil), http.StatusForbidden, idp.CrossSite)
		if !v.alive() {
			t.Error("signed out")
		}
	})
	page := v.asks(v.guests[0])
	id := logoutOf(page)
	other := v.IdP.Browser(address())
	for name, resp := range map[string]*http.Response{
		"page": other.Get(page), "frame": other.Get("/logout/tell?l=" + id + "&n=0"), "finish": other.PostForm("/logout/finish", url.Values{"l": {id}}),
		"confirm": other.PostForm("/logout/confirm", url.Values{"l": {id}}), "state": other.Get("/v1/logout?l=" + id),
	} {
		t.Run("another browser: "+name, func(t *testing.T) {
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("%d", resp.StatusCode)
			}
		})
	}
	t.Run("finish by another site", func(t *testing.T) {
		resp := v.PostFrom("https://evil.test", "/logout/finish", []byte("l="+id))
		refusedPage(t, v.IdP, resp, http.StatusForbidden, idp.CrossSite)
	})
	for _, n := range []string{"1", "-1", "x", "99999999999999999999"} {
		t.Run("frame "+n, func(t *testing.T) {
			if resp := v.frame(id, n); resp.StatusCode != http.StatusNotFound {
				t.Errorf("%d", resp.StatusCode)
			}
		})
	}
	t.Run("a frame costs no signature after the deadline", func(t *testing.T) {
		v.IdP.Clock.Add(16 * time.Second)
		signs := v.IdP.Key.Signs()
		if resp := v.frame(id, "0"); resp.StatusCode != http.StatusNotFound || v.IdP.Key.Signs() != signs {
			t.Errorf("%d", resp.StatusCode)
		}
	})
	t.Run("P24 an address that is registered no more", func(t *testing.T) {
		v.IdP.UpdateSP(v.guests[0].EntityID, func(sp *idp.ServiceProvider) {
			sp.SLO = []idp.Endpoint{{Binding: idp.BindingRedirect, Location: sp.EntityID + "/moved"}}
		})
		resp := v.PostForm("/logout/finish", url.Values{"l": {id}})
		if resp.StatusCode != http.StatusOK || strings.Contains(idptest.Body(t, resp), "SAMLResponse") {
			t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
		}
	})
}

// P22: an answer counts only from whom we asked, for what we asked.
func TestLogoutResponsesThatAreRefused(t *testing.T) {
	v := newVisit(t, idptest.Options{})
	b, a := v.guests[0], v.guests[1]
	id := logoutOf(v.asks(b))
	asked := byRedirect(t, v.IdP, v.frame(id, "0"), "SAMLRequest").ID
	now := v.IdP.Clock.Now()
	for name, c := range map[string]struct {
		resp   func() *http.Response
		reason idp.Reason
	}{
		"P22 unsigned": {func() *http.Response {
			return v.Get("/saml/slo?" + samltest.ResponseQuery(a.LoggedOut(now, asked).XML(), nil))
		}, idp.SLOUnsigned},
		"P22 signed by another": {func() *http.Response {
			return v.Get("/saml/slo?" + b.SignQuery(samltest.ResponseQuery(a.LoggedOut(now, asked).XML(), nil), samltest.RSASHA256))
		}, idp.SigUntrustedKey},
		"P22 of another SP":        {func() *http.Response { return v.answers(b, asked) }, idp.SLOUnsolicited},
		"P22 unsolicited":          {func() *http.Response { return v.answers(a, "_x") }, idp.SLOUnsolicited},
		"P22 no InResponseTo":      {func() *http.Response { return v.answers(a, "") }, idp.SLOUnsolicited},
		"P22 another number":       {func() *http.Response { return v.answers(a, strings.TrimSuffix(asked, "0")+"7") }, idp.SLOUnsolicited},
		"P22 another spelling":     {func() *http.Response { return v.answers(a, strings.TrimSuffix(asked, "0")+"00") }, idp.SLOUnsolicited},
		"P22 a logout that is not": {func() *http.Response { return v.answers(a, "_CAIREEYUCULBOGAZDINRYHI6D4-0") }, idp.SLOUnsolicited},
		"another Destination": {func() *http.Response {
			return v.answers(a, asked, func(r *samltest.LogoutResponse) { r.Destination = "https://other.test" })
		}, idp.ReasonDestination},
		"old": {func() *http.Response {
			return v.answers(a, asked, func(r *samltest.LogoutResponse) { r.IssueInstant = "2026-11-22T10:00:00Z" })
		}, idp.TimeWindow},
	} {
		t.Run(name, func(t *testing.T) {
			refusedPage(t, v.IdP, c.resp(), http.StatusBadRequest, idp.Code(c.reason))
			if s := v.state(id); s.Outcomes[0] != "pending" {
				t.Errorf("state %+v", s)
			}
		})
	}
	t.Run("P22 the first answer stands", func(t *testing.T) {
		v.answers(a, asked, func(r *samltest.LogoutResponse) { r.Status = "Responder" })
		v.answers(a, asked)
		if s := v.state(id); s.Outcomes[0] != "failed" {
			t.Errorf("state %+v", s)
		}
	})
	t.Run("P22 long after", func(t *testing.T) {
		v.IdP.Clock.Add(16 * time.Minute)
		refusedPage(t, v.IdP, v.answers(a, asked, func(r *samltest.LogoutResponse) {
			r.IssueInstant = v.IdP.Clock.Now().UTC().Format(time.RFC3339)
		}), http.StatusBadRequest, idp.Code(idp.SLOUnsolicited))
	})
}

// P19: where a setting accepts unsigned requests, the person decides.
func TestUnsignedLogoutIsConfirmed(t *testing.T) {
	begin := func(t *testing.T) (*visit, string) {
		v := newVisit(t, idptest.Options{})
		v.IdP.UpdateSP(v.guests[0].EntityID, func(sp *idp.ServiceProvider) { sp.ConfirmUnsignedLogout = true })
		r := v.guests[0].Logout(v.IdP.Clock.Now(), aliceID)
		r.Destination = ""
		resp := v.Get("/saml/slo?" + samltest.RedirectQuery(r.XML(), nil))
		page := resp.Header.Get("Location")
		if resp.StatusCode != http.StatusSeeOther || !v.alive() {
			t.Fatalf("%d, alive %v", resp.StatusCode, v.alive())
		}
		return v, page
	}
	t.Run("confirmed", func(t *testing.T) {
		v, page := begin(t)
		id := logoutOf(page)
		body := idptest.Body(t, v.Get(page))
		if !strings.Contains(body, `action="/logout/confirm"`) || strings.Contains(body, "<iframe") || strings.Contains(body, "/logout/finish") || !strings.Contains(body, "SP a") {
			t.Fatalf("page: %s", body)
		}
		if resp := v.PostForm("/logout/confirm", url.Values{"l": {id}}); resp.StatusCode != http.StatusSeeOther || v.alive() {
			t.Fatalf("%d, alive %v", resp.StatusCode, v.alive())
		}
		m := byRedirect(t, v.IdP, v.frame(id, "0"), "SAMLRequest")
		v.answers(v.guests[1], m.ID)
		if back := byRedirect(t, v.IdP, v.PostForm("/logout/finish", url.Values{"l": {id}}), "SAMLResponse"); back.status() != "Success" {
			t.Errorf("status %s", back.status())
		}
	})
	t.Run("P19 not confirmed", func(t *testing.T) {
		v, page := begin(t)
		refusedPage(t, v.IdP, v.PostForm("/logout/finish", url.Values{"l": {logoutOf(page)}}), http.StatusConflict, idp.WrongState)
		if !v.alive() || v.frame(logoutOf(page), "0").StatusCode != http.StatusNotFound {
			t.Error("something was ended, or somebody is told")
		}
	})
	t.Run("P19 confirmed by another site", func(t *testing.T) {
		v, page := begin(t)
		refusedPage(t, v.IdP, v.PostFrom("https://evil.test", "/logout/confirm", []byte("l="+logoutOf(page))), http.StatusForbidden, idp.CrossSite)
		if !v.alive() {
			t.Error("signed out")
		}
	})
	t.Run("P19 about somebody else", func(t *testing.T) {
		v, _ := begin(t)
		bob := newPerson(v.IdP, v.IdP.Bob)
		r := v.guests[0].Logout(v.IdP.Clock.Now(), aliceID)
		r.ID = "_other"
		page := bob.Get("/saml/slo?" + samltest.RedirectQuery(r.XML(), nil)).Header.Get("Location")
		bob.PostForm("/logout/confirm", url.Values{"l": {logoutOf(page)}})
		if !v.alive() {
			t.Error("bob's browser signed alice out")
		}
		if back := byRedirect(t, v.IdP, bob.PostForm("/logout/finish", url.Values{"l": {logoutOf(page)}}), "SAMLResponse"); back.status() != "Success" {
			t.Errorf("status %s", back.status())
		}
	})
	t.Run("SOAP has nobody to ask", func(t *testing.T) {
		v, _ := begin(t)
		r := v.guests[0].Logout(v.IdP.Clock.Now(), aliceID)
		r.ID, r.Destination = "_soap", samltest.SLO+"/soap"
		if body, status := v.soap(samltest.Soap(r.XML())); status != http.StatusInternalServerError || !strings.Contains(body, "S:Client") || !v.alive() {
			t.Errorf("%d %s", status, body)
		}
	})
}
