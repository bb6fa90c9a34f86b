package app_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func TestReplayOfRequest(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	q := query(i.Good())
	location := alice.Start(q)
	view := alice.Login(location)

	t.Run("A19 P1 reload in the same browser", func(t *testing.T) {
		if again := alice.Start(q); again != location {
			t.Errorf("led to %s, at first to %s", again, location)
		}
		if page := alice.Get(location); page.StatusCode != http.StatusOK {
			t.Errorf("page: %d", page.StatusCode)
		}
	})
	t.Run("A19 P1 Q2 another browser while pending", func(t *testing.T) {
		other := i.Browser(address())
		if again := other.Start(q); again != location {
			t.Errorf("led to %s, at first to %s", again, location)
		}
		body := refusedPage(t, i, other.Get(location), http.StatusForbidden, idp.NotYourBrowser)
		if strings.Contains(body, `id="qr"`) || len(other.Cookies) != 0 {
			t.Errorf("cookies %v, page %s", other.Cookies, body)
		}
		_, login, _ := strings.Cut(location, "l=")
		other.Cookies["__Host-bs"] = idp.Base64.EncodeToString(make([]byte, 32))
		if p := idptest.ReadProblem(t, other.Create(login, idptest.RandomKey())); p.Code != idp.NotYourBrowser {
			t.Errorf("create: %+v", p)
		}
	})
	t.Run("A19 P1 when done", func(t *testing.T) {
		req, err := alice.phone.Claim(t.Context(), view.Frames[0].URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := alice.phone.Approve(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		assertion(t, alice.Finish(view.SID, idptest.RandomKey()))
		for name, b := range map[string]*idptest.Browser{"same": alice.Browser, "other": i.Browser(address())} {
			resp := b.Get("/saml/sso?" + q)
			refusedPage(t, i, resp, http.StatusBadRequest, idp.Code(idp.ReasonReplay))
			if resp.Header.Get("Location") != "" {
				t.Errorf("%s browser is sent on", name)
			}
		}
		if n := i.Key.Signs(); n != 1 {
			t.Errorf("%d signatures, want 1", n)
		}
	})
	t.Run("P1 P14 pending for some time, then over", func(t *testing.T) {
		q := query(i.Good())
		location := alice.Start(q)
		i.Clock.Add(4 * time.Minute)
		if alice.Start(q) != location {
			t.Error("a pending one is not gone on with")
		}
		i.Clock.Add(12 * time.Minute)
		refusedPage(t, i, alice.Get("/saml/sso?"+q), http.StatusBadRequest, idp.Code(idp.TimeWindow))
		refusedPage(t, i, alice.Open(location), http.StatusGone, idp.LoginExpired)
	})
}

// TestReplaysAtOnce sends one request 1,000 times, 50 at a time.
func TestReplaysAtOnce(t *testing.T) {
	g := idptest.Guard(t)
	q := query(g.Good())
	g.Table.Take()
	var mu sync.Mutex
	locations := map[string]int{}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+"/saml/sso?"+q, nil)
				resp := g.Serve(r, address())
				mu.Lock()
				locations[resp.Header.Get("Location")]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Run("P1 1,000 replays, one login", func(t *testing.T) {
		for location, n := range locations {
			if n != 1000 || !strings.HasPrefix(location, "/login?l=") {
				t.Errorf("%d answers led to %q", n, location)
			}
		}
	})
	t.Run("P1 one finish of many at once", func(t *testing.T) {
		alice := newPerson(g.IdP, g.Alice)
		for location := range locations {
			oneFinishWins(t, alice, location)
		}
	})
}

// oneFinishWins finishes an approved sign-in with 20 keys at once.
func oneFinishWins(t *testing.T, p *person, location string) {
	t.Helper()
	view := p.approve(location)
	ids := make(chan string, 20)
	var all sync.WaitGroup
	for range cap(ids) {
		all.Go(func() {
			tab := *p.Browser // a browser's map of cookies is not for concurrent use
			tab.Cookies = map[string]string{"__Host-bs": p.Cookies["__Host-bs"]}
			resp := tab.Finish(view.SID, idptest.RandomKey())
			switch resp.StatusCode {
			case http.StatusOK:
				ids <- assertion(t, resp)
			case http.StatusConflict, http.StatusServiceUnavailable:
			default:
				t.Errorf("finish: %d", resp.StatusCode)
			}
		})
	}
	all.Wait()
	close(ids)
	if n := len(ids); n != 1 {
		t.Errorf("%d assertions, want 1", n)
	}
}
