package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func TestRelayStateThroughHTML(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	for name, relay := range map[string]string{
		"A30 P5 script":      `"><script>alert(1)</script>`,
		"A30 P5 1,024 bytes": strings.Repeat("r", 1024),
		"P5 javascript":      "javascript:alert(1)",
		"P5 entities":        "&lt;&amp;&#13;&quot;'`",
		"P5 white space":     " \t leading and trailing \t ",
		"P5 unicode":         "\u202e\u2028\ufeffé😀\u00a0",
		"P5 control":         "\x01\x0b\x1b\x7f",
		"P5 base64":          "a+b/c==%2B&x=y",
		"P5 empty":           "",
	} {
		t.Run(name, func(t *testing.T) {
			location := alice.Start(query(i.Good(), relay))
			if strings.Contains(location, "alert") {
				t.Errorf("redirect to %s", location)
			}
			resp := alice.Finish(alice.approve(location).SID, idptest.RandomKey())
			p := idptest.ReadPost(t, resp)
			if p.RelayState != relay || !p.HasRelayState {
				t.Errorf("RelayState %q, want %q", p.RelayState, relay)
			}
			if p.ACS != "https://sp-b.test/acs" {
				t.Errorf("posted to %q", p.ACS)
			}
		})
	}
	t.Run("P5 absent", func(t *testing.T) {
		p := idptest.ReadPost(t, alice.Finish(alice.approve(alice.Start(query(i.Good()))).SID, idptest.RandomKey()))
		if p.HasRelayState {
			t.Errorf("RelayState %q, want none", p.RelayState)
		}
	})
	t.Run("P27 headers of the page with the assertion", func(t *testing.T) {
		resp := alice.Finish(alice.approve(alice.Start(query(i.Good()))).SID, idptest.RandomKey())
		idptest.CheckHeaders(t, resp)
		h := resp.Header
		if h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "strict-origin" || h.Get("Location") != "" {
			t.Errorf("headers %v", h)
		}
		if body := idptest.Body(t, resp); !strings.Contains(body, `method="post"`) || !strings.Contains(body, ">Continue<") {
			t.Errorf("page %s", body)
		}
	})
}

// TestAppDisabledMeanwhile: a pending sign-in stops when its app does.
func TestAppDisabledMeanwhile(t *testing.T) {
	changes := map[string]func(*idp.ServiceProvider){
		"disabled": func(sp *idp.ServiceProvider) { sp.Disabled = true },
		"draft":    func(sp *idp.ServiceProvider) { sp.Draft = true },
	}
	for name, change := range changes {
		t.Run("P7 "+name+" before approve", func(t *testing.T) {
			i := idptest.New(t)
			alice := newPerson(i, i.Alice)
			view, req := alice.scan(alice.Start(query(i.Good())))
			i.UpdateSP("https://sp-b.test", change)
			_, err := alice.phone.Approve(t.Context(), req)
			phoneRefused(t, err, http.StatusForbidden, idp.AppDisabled)
			if s := alice.Poll(view.SID).Status; s != idp.StateScanned {
				t.Errorf("session is %s", s)
			}
		})
	}
	changes["ACS removed"] = func(sp *idp.ServiceProvider) { sp.ACS[0].Location += "/new" }
	for name, change := range changes {
		t.Run("P7 "+name+" before finish", func(t *testing.T) {
			i := idptest.New(t)
			alice := newPerson(i, i.Alice)
			view := alice.approve(alice.Start(query(i.Good())))
			i.UpdateSP("https://sp-b.test", change)
			body := refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusForbidden, idp.AppDisabled)
			if strings.Contains(body, "<form") || i.Key.Signs() != 0 {
				t.Errorf("%d signatures, page %s", i.Key.Signs(), body)
			}
			if s, err := i.Store.Session(t.Context(), view.SID); err != nil || s.State != idp.StateApproved {
				t.Errorf("session is %s, %v", s.State, err)
			}
		})
	}
	t.Run("P7 disabled between finish and its repeat", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		view, key := alice.approve(alice.Start(query(i.Good()))), idptest.RandomKey()
		assertion(t, alice.Finish(view.SID, key))
		i.UpdateSP("https://sp-b.test", changes["disabled"])
		refusedPage(t, i, alice.Finish(view.SID, key), http.StatusForbidden, idp.AppDisabled)
	})
}

// TestUserInactiveMeanwhile: the way back tells the service provider.
func TestUserInactiveMeanwhile(t *testing.T) {
	disable := func(u *idp.User) { u.Disabled = true }
	t.Run("P28 before approve", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		_, req := alice.scan(alice.Start(query(i.Good())))
		i.UpdateUser(i.Alice.ID, disable)
		_, err := alice.phone.Approve(t.Context(), req)
		phoneRefused(t, err, http.StatusForbidden, idp.UserInactive)
	})
	t.Run("P28 before finish", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		r := i.Good()
		view := alice.approve(alice.Start(query(r, "relay")))
		i.UpdateUser(i.Alice.ID, disable)
		body := refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusForbidden, idp.UserInactive)
		action, form := pageForm(t, body)
		posted := told(t, alice.PostForm(action, form), r, "Responder", "AuthnFailed")
		if posted.RelayState != "relay" {
			t.Errorf("RelayState %q", posted.RelayState)
		}
	})
	t.Run("P28 between finish and its repeat", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		view, key := alice.approve(alice.Start(query(i.Good()))), idptest.RandomKey()
		assertion(t, alice.Finish(view.SID, key))
		i.UpdateUser(i.Alice.ID, disable)
		refusedPage(t, i, alice.Finish(view.SID, key), http.StatusForbidden, idp.UserInactive)
	})
}

func TestSubjectNamesAnotherUser(t *testing.T) {
	subject := func(name string) string {
		return `<saml:Subject><saml:NameID Format="` + idp.NameIDEmail + `">` + name + `</saml:NameID></saml:Subject>`
	}
	t.Run("P10 alice approves for bob", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		r := i.Good()
		r.Children = subject("bob@example.com")
		view, req := alice.scan(alice.Start(query(r)))
		_, err := alice.phone.Approve(t.Context(), req)
		phoneRefused(t, err, http.StatusForbidden, idp.UserMismatch)
		if s := alice.Poll(view.SID).Status; s == idp.StateApproved {
			t.Errorf("session is %s", s)
		}
		if i.Key.Signs() != 0 {
			t.Error("something was signed")
		}
	})
	t.Run("P10 alice is no longer the subject at finish", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		r := i.Good()
		r.Children = subject("alice@example.com")
		view := alice.approve(alice.Start(query(r)))
		i.UpdateUser(i.Alice.ID, func(u *idp.User) { u.Email = "alice.adams@example.com" })
		body := refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusForbidden, idp.UserMismatch)
		action, form := pageForm(t, body)
		told(t, alice.PostForm(action, form), r, "Responder", "UnknownPrincipal")
	})
	t.Run("P10 ACCEPT bob approves", func(t *testing.T) {
		i := idptest.New(t)
		bob := newPerson(i, i.Bob)
		r := i.Good()
		r.Children = subject("BOB@example.com")
		assertion(t, bob.Finish(bob.approve(bob.Start(query(r))).SID, idptest.RandomKey()))
	})
}

// TestAnsweredAtOnce: what the service provider is told without a person.
func TestAnsweredAtOnce(t *testing.T) {
	g := idptest.Guard(t)
	for name, tt := range map[string]struct{ attributes, children, top, second string }{
		"A33 P9 persistent": {"", `<samlp:NameIDPolicy Format="` + idp.NameIDPersistent + `"/>`, "Requester", "InvalidNameIDPolicy"},
		"A33 P9 SP A's":     {"", `<samlp:NameIDPolicy SPNameQualifier="https://sp-a.test"/>`, "Requester", "InvalidNameIDPolicy"},
		"P18 Artifact":      {`ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"`, "", "Requester", "UnsupportedBinding"},
		"P18 SOAP":          {`ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP"`, "", "Requester", "UnsupportedBinding"},
		"P18 PAOS":          {`ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:PAOS"`, "", "Requester", "UnsupportedBinding"},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.Good()
			r.Attributes, r.Children = tt.attributes, tt.children
			for binding, send := range map[string]func(b *idptest.Browser) *http.Response{
				"Redirect": func(b *idptest.Browser) *http.Response { return b.Get("/saml/sso?" + query(r, `"><b>`)) },
				"POST": func(b *idptest.Browser) *http.Response {
					relay := `"><b>`
					return b.PostFrom("https://sp-b.test", "/saml/sso", samltest.POSTBody(r.XML(), &relay))
				},
			} {
				b := g.Browser(address())
				resp := send(b)
				idptest.CheckHeaders(t, resp)
				if p := told(t, resp, r, tt.top, tt.second); p.RelayState != `"><b>` {
					t.Errorf("%s: RelayState %q", binding, p.RelayState)
				}
				if len(b.Cookies) != 0 {
					t.Errorf("%s: cookies %v", binding, b.Cookies)
				}
			}
		})
	}
	t.Run("P9 unspecified means the default", func(t *testing.T) {
		alice := newPerson(g.IdP, g.Alice)
		r := g.Good()
		r.Children = `<samlp:NameIDPolicy Format="` + idp.NameIDUnspecified + `"/>`
		m := read(t, idptest.ReadPost(t, alice.Finish(alice.approve(alice.Start(query(r))).SID, idptest.RandomKey())))
		if id := m.Assertions[0].NameID; id.Value != "alice@example.com" || id.Format != idp.NameIDEmail {
			t.Errorf("NameID %+v", id)
		}
	})
	t.Run("L14 refusals that are signed are few per address", func(t *testing.T) {
		b := g.Browser(address())
		slow := 0
		for range 100 {
			r := g.Good()
			r.Children = `<samlp:NameIDPolicy Format="` + idp.NameIDPersistent + `"/>`
			if b.Get("/saml/sso?"+query(r)).StatusCode == http.StatusTooManyRequests {
				slow++
			}
		}
		if slow < 60 {
			t.Errorf("only %d of 100 were slowed down", slow)
		}
	})
	t.Run("P6 W5 the Host header never counts", func(t *testing.T) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://evil.test/saml/sso?"+query(g.Good()), nil)
		if resp := g.Serve(r, address()); resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}

// TestDeclineIsBounded: who keeps asking for the refusal again gets no
// signature for each.
func TestDeclineIsBounded(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	view, req := alice.scan(alice.Start(query(i.Good())))
	if err := alice.phone.Deny(t.Context(), req, idp.WhyNotMe); err != nil {
		t.Fatal(err)
	}
	t.Run("L14 declined again and again", func(t *testing.T) {
		for range 200 {
			alice.Finish(view.SID, idptest.RandomKey())
		}
		if n := i.Key.Signs(); n > 40 {
			t.Errorf("%d signatures", n)
		}
	})
}
