package app_test

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// signedIn is a person whose browser has an SSO session, and a second
// application to go to.
func signedIn(t *testing.T) (i *idptest.IdP, alice *person, second string) {
	t.Helper()
	i = idptest.New(t)
	alice = newPerson(i, i.Alice)
	assertion(t, alice.Finish(alice.approve(alice.Start(query(i.Good()))).SID, idptest.RandomKey()))
	second = "https://second.test"
	must(t, i.Store.SaveServiceProvider(context.Background(), &idp.ServiceProvider{
		EntityID: second, Slug: "second", Name: "Second", NameID: "emailAddress = email",
		ACS: []idp.Endpoint{{Binding: idp.BindingPOST, Location: second + "/acs"}},
		SLO: []idp.Endpoint{{Binding: idp.BindingRedirect, Location: second + "/slo"}},
	}))
	i.Clock.Add(10 * time.Minute)
	return i, alice, second
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// to is a fresh request of the second application.
func to(i *idptest.IdP, second, attributes string) samltest.Request {
	r := i.Good()
	r.Issuer, r.ACS, r.Attributes = second, second+"/acs", attributes
	return r
}

// goesOn sends the form of a login page that hands over to the session; false:
// there is none, or it leads back to be asked.
func goesOn(b *idptest.Browser, page *http.Response) (*http.Response, bool) {
	body := idptest.Body(b.IdP.T, page)
	if page.StatusCode != http.StatusOK || !strings.Contains(body, `action="/login/continue"`) {
		return nil, false
	}
	_, after, _ := strings.Cut(body, `name="l" value="`)
	id, _, _ := strings.Cut(after, `"`)
	answer := b.PostForm("/login/continue", url.Values{"l": {id}})
	return answer, answer.StatusCode != http.StatusSeeOther
}

type authn struct {
	Statement struct {
		Instant string `xml:"AuthnInstant,attr"`
		Index   string `xml:"SessionIndex,attr"`
	} `xml:"Assertion>AuthnStatement"`
}

func TestSecondApplication(t *testing.T) {
	i, alice, second := signedIn(t)
	r := to(i, second, "")
	signs := i.Key.Signs()
	location := alice.Start(query(r, "state"))
	answer, ok := goesOn(alice.Browser, alice.Get(location))
	if !ok {
		t.Fatal("the login page asks again")
	}
	p := idptest.ReadPost(t, answer)
	m := read(t, p)
	if len(m.Assertions) != 1 || m.Assertions[0].NameID.Value != "alice@example.com" || m.Assertions[0].Audience[0] != second ||
		p.ACS != second+"/acs" || m.InResponseTo != r.ID || p.RelayState != "state" || i.Key.Signs() != signs+1 {
		t.Errorf("%+v to %s with %q, %d signatures", m, p.ACS, p.RelayState, i.Key.Signs()-signs)
	}
	var said authn
	must(t, xml.Unmarshal(p.SAMLResponse, &said))
	if want := idptest.Start.UTC().Format("2006-01-02T15:04"); !strings.HasPrefix(said.Statement.Instant, want) {
		t.Errorf("AuthnInstant %s is not the approval's, %s", said.Statement.Instant, want)
	}
	sessions, err := i.Store.SSOSessions(context.Background(), i.Alice.ID)
	must(t, err)
	if len(sessions) != 1 || len(sessions[0].Participants) != 2 {
		t.Fatalf("%+v", sessions)
	}
	first, next := sessions[0].Participants[0], sessions[0].Participants[1]
	if next.SP != second || next.SessionIndex != said.Statement.Index || next.SessionIndex == first.SessionIndex {
		t.Errorf("participants %+v and %+v, index sent %s", first, next, said.Statement.Index)
	}
	if who, err := i.Store.PeopleNamed(context.Background(), second, "alice@example.com"); err != nil || len(who) != 1 || who[0] != i.Alice.ID {
		t.Errorf("who stands behind the NameID: %v, %v", who, err)
	}
	id := strings.TrimPrefix(location, "/login?l=")
	t.Run("a lost answer is asked for again", func(t *testing.T) {
		if again := assertion(t, alice.PostForm("/login/continue", url.Values{"l": {id}})); again != m.Assertions[0].ID {
			t.Errorf("another assertion, %s", again)
		}
	})
	t.Run("P12 not for ever", func(t *testing.T) {
		i.Clock.Add(time.Minute)
		refusedPage(t, i, alice.PostForm("/login/continue", url.Values{"l": {id}}), http.StatusConflict, idp.WrongState)
	})
	t.Run("passive is answered by the session", func(t *testing.T) {
		answer, ok := goesOn(alice.Browser, alice.Get(alice.Start(query(to(i, second, `IsPassive="true"`)))))
		if !ok {
			t.Fatal("asks")
		}
		assertion(t, answer)
	})
	t.Run("W3 another site cannot post it", func(t *testing.T) {
		location := alice.Start(query(to(i, second, "")))
		form := url.Values{"l": {strings.TrimPrefix(location, "/login?l=")}}
		alice.Get(location)
		resp := alice.PostFrom("https://evil.test", "/login/continue", []byte(form.Encode()))
		refusedPage(t, i, resp, http.StatusForbidden, idp.CrossSite)
	})
	t.Run("P14 a login of another browser", func(t *testing.T) {
		other := newPerson(i, i.Bob)
		location := other.Start(query(to(i, second, "")))
		other.Login(location)
		resp := alice.PostForm("/login/continue", url.Values{"l": {strings.TrimPrefix(location, "/login?l=")}})
		refusedPage(t, i, resp, http.StatusForbidden, idp.NotYourBrowser)
	})
	t.Run("the own list has it", func(t *testing.T) {
		list, _, err := i.Store.SignIns(context.Background(), i.Alice.ID, "", 0)
		must(t, err)
		if len(list) != 3 || !list[0].Continued || list[0].AppName != "Second" || list[2].Continued {
			t.Errorf("%+v", list)
		}
	})
}

// TestSessionDoesNotSuffice: whatever stands against it, the person is asked,
// and a passive request gets NoPassive.
func TestSessionDoesNotSuffice(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]func(i *idptest.IdP, alice *person, second string){
		"the application asks always": func(i *idptest.IdP, _ *person, second string) {
			i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.AlwaysAsk = true })
		},
		"approval too old": func(i *idptest.IdP, _ *person, second string) {
			i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.MaxSessionMinutes = 10 })
		},
		"level": func(i *idptest.IdP, _ *person, second string) {
			i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.MinACR = idp.ACRPHR })
		},
		"number": func(i *idptest.IdP, _ *person, second string) {
			i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.QRNumber = true })
		},
		"not assigned": func(i *idptest.IdP, _ *person, second string) {
			i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.Access = []string{"user:bob@example.com"} })
		},
		"person disabled": func(i *idptest.IdP, _ *person, _ string) {
			i.UpdateUser(i.Alice.ID, func(u *idp.User) { u.Disabled = true })
		},
		"unused for too long": func(i *idptest.IdP, _ *person, _ string) { i.Clock.Add(8*time.Hour + time.Minute) },
		"session ended": func(i *idptest.IdP, _ *person, _ string) {
			_, err := i.Store.EndSSOSessions(ctx, i.Alice.ID, "")
			must(i.T, err)
		},
		"device revoked": func(i *idptest.IdP, _ *person, _ string) {
			list, err := i.Store.Devices(ctx, i.Alice.ID)
			must(i.T, err)
			for n := range list {
				list[n].State = idp.DeviceRevoked
				must(i.T, i.Store.SaveDevice(ctx, &list[n]))
			}
		},
		"another secret": func(_ *idptest.IdP, alice *person, _ string) {
			parts := strings.SplitN(alice.Cookies["__Host-ss"], ".", 3)
			parts[2] = idptest.RandomKey32()
			alice.Cookies["__Host-ss"] = strings.Join(parts, ".")
		},
	} {
		t.Run("P16 "+name, func(t *testing.T) {
			i, alice, second := signedIn(t)
			change(i, alice, second)
			r := to(i, second, `IsPassive="true"`)
			passive := alice.Start(query(r))
			p := idptest.ReadPost(t, alice.Open(passive))
			if m := read(t, p); m.Top.Second.Value != statusPrefix+"NoPassive" || len(m.Assertions) != 0 {
				t.Errorf("%s", p.SAMLResponse)
			}
			location := alice.Start(query(to(i, second, "")))
			if _, ok := goesOn(alice.Browser, alice.Get(location)); ok {
				t.Error("goes on without asking")
			}
			// The way back asks, and does not lead to the session again.
			resp := alice.PostForm("/login/continue", url.Values{"l": {strings.TrimPrefix(location, "/login?l=")}})
			if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != location+"&ask=1" {
				t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
			}
			page := alice.Get(resp.Header.Get("Location"))
			if body := idptest.Body(t, page); page.StatusCode != http.StatusOK || !strings.Contains(body, "data-login=") || strings.Contains(body, `action="/login/continue"`) {
				t.Errorf("%d: %s", page.StatusCode, body)
			}
		})
	}
}

func TestForceAuthn(t *testing.T) {
	i, alice, second := signedIn(t)
	t.Run("A32 P16 ForceAuthn with a session", func(t *testing.T) {
		location := alice.Start(query(to(i, second, `ForceAuthn="true"`)))
		if _, ok := goesOn(alice.Browser, alice.Get(location)); ok {
			t.Fatal("goes on without asking")
		}
		now := i.Clock.Now()
		p := idptest.ReadPost(t, alice.Finish(alice.approve(location).SID, idptest.RandomKey()))
		var said authn
		must(t, xml.Unmarshal(p.SAMLResponse, &said))
		if want := now.UTC().Format("2006-01-02T15:04"); !strings.HasPrefix(said.Statement.Instant, want) {
			t.Errorf("AuthnInstant %s, want %s", said.Statement.Instant, want)
		}
	})
	t.Run("the new session takes the applications of the old one over", func(t *testing.T) {
		sessions, err := i.Store.SSOSessions(context.Background(), i.Alice.ID)
		must(t, err)
		if len(sessions) != 1 || len(sessions[0].Participants) != 2 {
			t.Errorf("%+v", sessions)
		}
	})
	for name, attributes := range map[string]string{
		"A31 P15 passive and forced": `IsPassive="1" ForceAuthn="true"`,
	} {
		t.Run(name, func(t *testing.T) {
			r := i.Good()
			r.Attributes = attributes
			told(t, alice.Get(alice.Start(query(r))), r, "Responder", "NoPassive")
		})
	}
	t.Run("A31 P15 passive and nobody signed in", func(t *testing.T) {
		r := i.Good()
		r.Attributes = `IsPassive="true"`
		b := i.Browser(address())
		location := b.Start(query(r))
		told(t, b.Get(location), r, "Responder", "NoPassive")
		if resp := b.Create(strings.TrimPrefix(location, "/login?l="), idptest.RandomKey()); resp.StatusCode != http.StatusConflict {
			t.Errorf("a code for a passive request that was answered: %d", resp.StatusCode)
		}
	})
}

// TestEndedSessionStaysEnded: a finish that is repeated brings no session back.
func TestEndedSessionStaysEnded(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	view, key := alice.approve(alice.Start(query(i.Good()))), idptest.RandomKey()
	assertion(t, alice.Finish(view.SID, key))
	assertion(t, alice.Finish(view.SID, key))
	_, err := i.Store.EndSSOSessions(context.Background(), i.Alice.ID, "")
	must(t, err)
	refusedPage(t, i, alice.Finish(view.SID, key), http.StatusConflict, idp.WrongState)
	if left, err := i.Store.SSOSessions(context.Background(), i.Alice.ID); err != nil || len(left) != 0 {
		t.Errorf("%d sessions, %v", len(left), err)
	}
}
