package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// begin is a start at our own address; from is what the browser says about the
// page that led there.
func begin(b *idptest.Browser, path, from string) *http.Response {
	r, err := http.NewRequestWithContext(b.IdP.T.Context(), http.MethodGet, idptest.Base+path, nil)
	must(b.IdP.T, err)
	if from != "" {
		r.Header.Set("Sec-Fetch-Site", from)
	}
	return b.Do(r, true)
}

func TestLaunch(t *testing.T) {
	i, alice, second := signedIn(t)
	t.Run("P25 off until it is switched on", func(t *testing.T) {
		if resp := begin(alice.Browser, "/saml/launch/second", "same-origin"); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%d", resp.StatusCode)
		}
	})
	i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.IdPInitiated, sp.DefaultRelayState = true, "/inbox?a=1" })

	t.Run("from our own page the session signs in", func(t *testing.T) {
		resp := begin(alice.Browser, "/saml/launch/second", "same-origin")
		answer, ok := goesOn(alice.Browser, alice.Get(resp.Header.Get("Location")))
		if !ok {
			t.Fatal("asks for an approval")
		}
		p := idptest.ReadPost(t, answer)
		m := read(t, p)
		if len(m.Assertions) != 1 || m.InResponseTo != "" || strings.Contains(string(p.SAMLResponse), "InResponseTo") ||
			p.ACS != second+"/acs" || p.RelayState != "/inbox?a=1" {
			t.Errorf("%s to %s with %q", p.SAMLResponse, p.ACS, p.RelayState)
		}
	})
	for _, from := range []string{"cross-site", "same-site", "none", ""} {
		t.Run("P25 a start from elsewhere wants an approval: "+from, func(t *testing.T) {
			resp := begin(alice.Browser, "/saml/launch/second?RelayState=x%26y", from)
			location := resp.Header.Get("Location")
			if body := idptest.Body(t, alice.Get(location)); strings.Contains(body, "/login/continue") {
				t.Fatal("the session signs in")
			}
			p := idptest.ReadPost(t, alice.Finish(alice.approve(location).SID, idptest.RandomKey()))
			if m := read(t, p); len(m.Assertions) != 1 || m.InResponseTo != "" || p.RelayState != "x&y" {
				t.Errorf("%s with %q", p.SAMLResponse, p.RelayState)
			}
		})
	}
	t.Run("who declines stays here", func(t *testing.T) {
		location := begin(alice.Browser, "/saml/launch/second", "none").Header.Get("Location")
		view, req := alice.scan(location)
		must(t, alice.phone.Deny(t.Context(), req, "not_me"))
		signs := i.Key.Signs()
		resp := alice.PostForm("/login/finish", url.Values{"sid": {view.SID}, "finish_key": {idptest.RandomKey()}, "decline": {"1"}})
		if body := idptest.Body(t, resp); resp.StatusCode != http.StatusOK || strings.Contains(body, "SAMLResponse") || i.Key.Signs() != signs {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
	for name, c := range map[string]struct {
		query  string
		change func(*idp.ServiceProvider)
		reason idp.Reason
	}{
		"P5 RelayState with a line break": {"?RelayState=a%0D%0Ab", nil, idp.BindingParams},
		"RelayState twice":                {"?RelayState=a&RelayState=b", nil, idp.BindingParams},
		"A30 RelayState too long":         {"?RelayState=" + strings.Repeat("r", 1025), nil, idp.RelayStateSize},
		"no endpoint":                     {"", func(sp *idp.ServiceProvider) { sp.ACS = nil }, idp.ACSUnregistered},
		"an endpoint without TLS":         {"", func(sp *idp.ServiceProvider) { sp.ACS[0].Location = "http://second.test/acs" }, idp.ACSScheme},
		"disabled":                        {"", func(sp *idp.ServiceProvider) { sp.Disabled = true }, idp.SPDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			var before idp.ServiceProvider
			i.UpdateSP(second, func(sp *idp.ServiceProvider) {
				before = *sp
				before.ACS = append([]idp.Endpoint(nil), sp.ACS...)
				if c.change != nil {
					c.change(sp)
				}
			})
			refusedPage(t, i, begin(alice.Browser, "/saml/launch/second"+c.query, "same-origin"), http.StatusBadRequest, idp.Code(c.reason))
			i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.ACS, sp.Disabled = before.ACS, false })
		})
	}
	t.Run("an application of another protocol", func(t *testing.T) {
		i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.Protocol = idp.ProtocolWSFed })
		if resp := begin(alice.Browser, "/saml/launch/second", "same-origin"); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%d", resp.StatusCode)
		}
	})
}

func TestLaunchpad(t *testing.T) {
	i, alice, second := signedIn(t)
	i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.IdPInitiated = true })
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.StartURL = "https://sp-b.test/start" })
	i.UpdateSP("https://sp-c.test", func(sp *idp.ServiceProvider) { sp.IdPInitiated = true }) // disabled
	body := idptest.Body(t, alice.Get("/apps"))
	for _, want := range []string{`href="/saml/launch/second"`, `href="https://sp-b.test/start"`, "Alice Adams"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body, "SP a") || strings.Contains(body, "SP c") {
		t.Errorf("more than can be opened: %s", body)
	}
	t.Run("only what the person may use", func(t *testing.T) {
		i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.Access = []string{"user:bob@example.com"} })
		if body := idptest.Body(t, alice.Get("/apps")); strings.Contains(body, "launch/second") {
			t.Errorf("%s", body)
		}
	})
	t.Run("nobody is signed in", func(t *testing.T) {
		body := idptest.Body(t, i.Browser(address()).Get("/apps"))
		if !strings.Contains(body, `href="/me"`) || strings.Contains(body, "sp-b.test") {
			t.Errorf("%s", body)
		}
	})
	t.Run("P28 a person who is not active", func(t *testing.T) {
		i.UpdateUser(i.Alice.ID, func(u *idp.User) { u.Disabled = true })
		if resp := alice.Get("/apps"); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%d", resp.StatusCode)
		}
	})
}
