package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestInterleaved signs alice in at SP B and bob at SP A, at once and over and
// over, in one process: nobody gets what belongs to the other.
func TestInterleaved(t *testing.T) {
	i := idptest.New(t)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	type role struct {
		user *idp.User
		sp   *samltest.SP
	}
	people := []role{{i.Alice, samltest.B()}, {i.Bob, samltest.A()}, {i.Bob, samltest.B()}, {i.Alice, samltest.A()}}
	t.Run("L8", func(t *testing.T) {
		var all sync.WaitGroup
		for lane, r := range append(people, people...) {
			p := newPerson(i, r.user)
			all.Go(func() {
				for n := range rounds {
					interleave(t, p, r.user, r.sp, fmt.Sprintf("%d-%d", lane, n))
				}
			})
		}
		all.Wait()
	})
}

func interleave(t *testing.T, p *person, u *idp.User, sp *samltest.SP, mark string) {
	r := sp.Request(p.IdP.Clock.Now())
	r.ID = "_" + mark + idptest.RandomKey()
	b := p.IdP.Browser(address())
	resp := b.Get("/saml/sso?" + sp.SignQuery(query(r, mark), samltest.RSASHA256))
	_, login, _ := strings.Cut(resp.Header.Get("Location"), "l=")
	b.Get(resp.Header.Get("Location"))
	created := b.Create(login, idptest.RandomKey())
	if created.StatusCode != http.StatusCreated {
		t.Errorf("%s: create: %d", mark, created.StatusCode)
		return
	}
	view := idptest.Decode[idptest.View](t, created)
	req, err := p.phone.Claim(t.Context(), view.Frames[0].URL)
	if err == nil {
		_, err = p.phone.Approve(t.Context(), req)
	}
	if err != nil {
		t.Errorf("%s: %v", mark, err)
		return
	}
	finished := b.Finish(view.SID, idptest.RandomKey())
	if finished.StatusCode != http.StatusOK {
		t.Errorf("%s: finish: %d", mark, finished.StatusCode)
		return
	}
	posted := idptest.ReadPost(t, finished)
	m := read(t, posted)
	if posted.RelayState != mark || m.InResponseTo != r.ID || posted.ACS != sp.EntityID+"/acs" || len(m.Assertions) != 1 ||
		m.Assertions[0].NameID.Value != u.Email || len(m.Assertions[0].Audience) != 1 || m.Assertions[0].Audience[0] != sp.EntityID {
		t.Errorf("%s of %s at %s: RelayState %q, %+v", mark, u.Email, sp.EntityID, posted.RelayState, m)
	}
}

// TestOverButStillStored: time is judged by the clock, not by what the table
// still holds.
func TestOverButStillStored(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	t.Run("L9 login page", func(t *testing.T) {
		location := alice.Start(query(i.Good()))
		i.Clock.Add(15 * time.Minute)
		refusedPage(t, i, alice.Get(location), http.StatusGone, idp.LoginExpired)
	})
	t.Run("L9 Q8 approve", func(t *testing.T) {
		view, req := alice.scan(alice.Start(query(i.Good())))
		i.Clock.Add(2 * time.Minute)
		_, err := alice.phone.Approve(t.Context(), req)
		phoneRefused(t, err, http.StatusGone, idp.SessionExpired)
		if s := alice.Poll(view.SID).Status; s != idp.StateExpired {
			t.Errorf("session is %s", s)
		}
	})
	t.Run("L9 finish", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		i.Clock.Add(time.Minute)
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusGone, idp.SessionExpired)
		if i.Key.Signs() != 0 {
			t.Error("something was signed")
		}
	})
	t.Run("L9 ACCEPT finish a millisecond earlier", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		i.Clock.Add(time.Minute - time.Millisecond)
		assertion(t, alice.Finish(view.SID, idptest.RandomKey()))
	})
	t.Run("L10 cancel and finish at once", func(t *testing.T) {
		cancelRacesFinish(t, alice)
	})
}

// cancelRacesFinish: whoever wins, there is one outcome.
func cancelRacesFinish(t *testing.T, p *person) {
	t.Helper()
	for range 20 {
		p.IdP.Clock.Add(time.Minute)
		view := p.approve(p.Start(query(p.IdP.Good())))
		tab := *p.Browser
		tab.Cookies = map[string]string{"__Host-bs": p.Cookies["__Host-bs"]}
		var finished, cancelled *http.Response
		var both sync.WaitGroup
		both.Go(func() { finished = p.Finish(view.SID, idptest.RandomKey()) })
		both.Go(func() { cancelled = tab.API("/v1/login/sessions/"+view.SID+"/cancel", map[string]string{}) })
		both.Wait()
		issued := 0
		if finished.StatusCode == http.StatusOK {
			issued = len(read(t, idptest.ReadPost(t, finished)).Assertions)
		}
		s, err := p.IdP.Store.Session(t.Context(), view.SID)
		if err != nil {
			t.Fatal(err)
		}
		if (issued == 1) != (s.State == idp.StateConsumed) || (cancelled.StatusCode == http.StatusOK) != (s.State == idp.StateCancelled) {
			t.Fatalf("%d assertions, cancel %d, session %s", issued, cancelled.StatusCode, s.State)
		}
	}
}

// TestGarbageCostsNothing: before a valid request of a registered service
// provider nothing is written and the key is not used.
func TestGarbageCostsNothing(t *testing.T) {
	var counting *tabletest.Counting
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		counting = tabletest.NewCounting(inner)
		return counting
	}})
	i.Browser(address()).Get("/saml/metadata")
	signs := i.Key.Signs()
	total := 10_000
	if testing.Short() {
		total = 1_000
	}
	evil, unsigned := i.Good(), samltest.A().Request(i.Clock.Now())
	evil.Issuer = "https://evil.test"
	requests := []func(b *idptest.Browser) *http.Response{
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/sso?SAMLRequest=garbage") },
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/sso?" + query(evil)) },
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/sso?" + query(unsigned)) },
		func(b *idptest.Browser) *http.Response { return b.Get("/login?l=AAAAAAAAAAAAAAAAAAAAAAAAAA") },
		func(b *idptest.Browser) *http.Response {
			return b.API("/v1/login/sessions/AAAAAAAAAAAAAAAAAAAAAAAAAA", nil)
		},
		func(b *idptest.Browser) *http.Response {
			return b.Finish("AAAAAAAAAAAAAAAAAAAAAAAAAA", idptest.RandomKey())
		},
		func(b *idptest.Browser) *http.Response {
			return b.Create("AAAAAAAAAAAAAAAAAAAAAAAAAA", idptest.RandomKey())
		},
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/metadata/evil") },
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/metadata") },
		func(b *idptest.Browser) *http.Response {
			return b.PostFrom("https://evil.test", "/saml/sso", []byte("SAMLRequest=%"))
		},
		func(b *idptest.Browser) *http.Response { return b.Get("/nothing/evil") },
	}
	counting.Take()
	t.Run("L14 10,000 garbage requests", func(t *testing.T) {
		for n := range total {
			b := i.Browser(address())
			b.Cookies["__Host-bs"] = idp.Base64.EncodeToString(bytes.Repeat([]byte{byte(n)}, 32))
			if resp := requests[n%len(requests)](b); resp.StatusCode >= 500 {
				t.Fatalf("request %d: %d", n, resp.StatusCode)
			}
			if n%500 == 0 {
				i.Log.Reset()
			}
		}
		if c := counting.Take(); c.WriteRequests != 0 {
			t.Errorf("%d writes", c.WriteRequests)
		}
		if n := i.Key.Signs() - signs; n != 0 {
			t.Errorf("%d signatures", n)
		}
	})
}

// TestItemsOfTheFuture: a newer program wrote what this one does not know.
func TestItemsOfTheFuture(t *testing.T) {
	var tab table.Table
	i := idptest.New(t, kept(&tab))
	alice := newPerson(i, i.Alice)
	future := func(t *testing.T, key table.Key) {
		t.Helper()
		item, err := tab.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(item.Data, []byte(`{"s":1,`)) {
			t.Fatalf("item %s", item.Data)
		}
		item.Data = append([]byte(`{"s":2,`), item.Data[len(`{"s":1,`):]...)
		if _, err := tab.Put(t.Context(), item); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("L17 session", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		future(t, table.Key{PK: "QRSESSION#" + view.SID, SK: "session"})
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
		if p := idptest.ReadProblem(t, alice.API("/v1/login/sessions/"+view.SID, nil)); p.Status != http.StatusServiceUnavailable {
			t.Errorf("poll: %+v", p)
		}
	})
	t.Run("L17 login", func(t *testing.T) {
		q := query(i.Good())
		location := alice.Start(q)
		_, login, _ := strings.Cut(location, "l=")
		future(t, table.Key{PK: "LOGIN#" + login, SK: "login"})
		refusedPage(t, i, alice.Get(location), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
		refusedPage(t, i, alice.Get("/saml/sso?"+q), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
	})
	t.Run("L17 user and service provider", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		future(t, table.Key{PK: "USER#" + i.Alice.ID, SK: "user"})
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
		future(t, table.Key{PK: "SP#https://sp-b.test", SK: "sp"})
		refusedPage(t, i, alice.Get("/saml/sso?"+query(i.Good())), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
	})
	if i.Key.Signs() != 0 {
		t.Error("L17 something was signed")
	}
}
