package app_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const sessions = "/v1/login/sessions/"

func TestOnlyTheBrowserThatStarted(t *testing.T) {
	i := idptest.New(t)
	victim, attacker := i.Browser(screenIP), i.Browser(screenIP)
	location := victim.StartLogin(nil)
	v := victim.Login(location)
	id := loginOf(t, i, v.SID).ID

	t.Run("Q2", func(t *testing.T) {
		page := attacker.Get(location)
		if body := idptest.Body(t, page); page.StatusCode != http.StatusForbidden || strings.Contains(body, "data-login") {
			t.Errorf("login URL in a second browser: %d %s", page.StatusCode, body)
		}
		attacker.Login(attacker.StartLogin(nil)) // a login of its own gives it a secret
		refused(t, attacker.Create(id, idptest.RandomKey()), http.StatusForbidden, idp.NotYourBrowser)
		refused(t, attacker.API(sessions+v.SID, nil), http.StatusNotFound, idp.SessionUnknown)
		for _, action := range []string{"cancel", "extend", "user-code"} {
			refused(t, attacker.API(sessions+v.SID+"/"+action, struct{}{}), http.StatusNotFound, idp.SessionUnknown)
		}
		approve(t, i, v)
		pageRefused(t, i, attacker.Finish(v.SID, idptest.RandomKey()), http.StatusForbidden, idp.NotYourBrowser)
		if i.Key.Signs() != 0 {
			t.Error("something was signed for the second browser")
		}
		idptest.ReadPost(t, victim.Finish(v.SID, idptest.RandomKey()))
	})

	t.Run("A43", func(t *testing.T) {
		live := victim.ShowCode()
		trace := regexp.MustCompile(`"trace":"[^"]*"`)
		answer := func(b *idptest.Browser, sid string) string {
			r := b.API(sessions+sid, nil)
			return fmt.Sprint(r.StatusCode, r.Header) + trace.ReplaceAllString(idptest.Body(t, r), "")
		}
		unknown := idp.Base32.EncodeToString(make([]byte, 16))
		want := answer(attacker, unknown)
		if !strings.HasPrefix(want, "404 ") || strings.Contains(want, `"state"`) {
			t.Fatalf("unknown session: %s", want)
		}
		for name, got := range map[string]string{
			"foreign cookie": answer(attacker, live.SID), "no cookie": answer(i.Browser(screenIP), live.SID),
			"no cookie, unknown": answer(i.Browser(screenIP), unknown), "not an id": answer(attacker, "x"),
		} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s is answered differently:\n%s", name, diff)
			}
		}
		for range 1000 {
			id, err := idp.NewID(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if got := answer(attacker, id); got != want {
				t.Fatalf("guess %s: %s", id, got)
			}
		}
	})
	t.Run("Q10 no name before approved", func(t *testing.T) {
		h := i.EnrolledHandset(i.Alice, phoneIP)
		stranger := i.Browser(screenIP) // nobody has signed in in it
		v := stranger.ShowCode()
		c := h.MustScan(v.Frames[0].URL)
		for _, action := range []func(){func() {}, func() { accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK) }} {
			action()
			i.Clock.Add(time.Second)
			body := idptest.Body(t, stranger.API(sessions+v.SID, nil))
			if named := strings.Contains(body, "A...e A..."); named != strings.Contains(body, `"status":"approved"`) {
				t.Errorf("name in %s", body)
			}
			if strings.Contains(body, "Alice") || strings.Contains(body, "alice@") {
				t.Errorf("full name in %s", body)
			}
		}
	})
}

func approve(t testing.TB, i *idptest.IdP, v idptest.View) {
	t.Helper()
	h := i.EnrolledHandset(i.Alice, phoneIP)
	c := h.MustScan(v.Frames[0].URL)
	accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
}

func TestPollingIsCheap(t *testing.T) {
	var counting *tabletest.Counting
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		counting = tabletest.NewCounting(inner)
		return counting
	}})
	b := i.Browser(screenIP)
	v := b.ShowCode()
	t.Run("Q11", func(t *testing.T) {
		const seconds = 10
		i.Clock.Add(time.Second)
		counting.Take()
		slow := 0
		for range seconds * 100 {
			i.Clock.Add(10 * time.Millisecond)
			if r := b.API(sessions+v.SID, nil); r.StatusCode == http.StatusTooManyRequests {
				refused(t, r, http.StatusTooManyRequests, idp.SlowDown)
				if r.Header.Get("Retry-After") != "1" {
					t.Fatalf("Retry-After %q", r.Header.Get("Retry-After"))
				}
				slow++
			}
		}
		counts := counting.Take()
		if counts.ReadRequests > 2*seconds+2 {
			t.Errorf("%d of %d polls in %d s reached the store", counts.ReadRequests, seconds*100, seconds)
		}
		if counts.WriteRequests != 0 {
			t.Errorf("polls wrote %d times", counts.WriteRequests)
		}
		if slow != seconds*100-counts.ReadRequests {
			t.Errorf("%d polls were told to slow down", slow)
		}
	})
	t.Run("Q11 expired", func(t *testing.T) { // finding that the time is over is no write either
		i.Clock.Add(4 * time.Minute)
		counting.Take()
		if v := b.Poll(v.SID); v.Status != idp.StateExpired || v.Hint != "expired" || len(v.Frames) != 0 {
			t.Errorf("%+v", v)
		}
		if n := counting.Take().WriteRequests; n != 0 {
			t.Errorf("a poll wrote %d times", n)
		}
	})
	t.Run("interval", func(t *testing.T) {
		h := i.EnrolledHandset(i.Alice, phoneIP)
		v := b.ShowCode()
		if v.PollAfter != 2000 {
			t.Errorf("created: poll after %d ms", v.PollAfter)
		}
		i.Clock.Add(61 * time.Second)
		if v = b.Poll(v.SID); v.PollAfter != 3000 {
			t.Errorf("created, after a minute: poll after %d ms", v.PollAfter)
		}
		c := h.MustScan(v.Frames[0].URL)
		i.Clock.Add(time.Second)
		if v = b.Poll(v.SID); v.PollAfter != 1000 || v.Hint != "phone_connected" || v.Device == nil || len(v.Frames) != 0 {
			t.Errorf("scanned: %+v", v)
		}
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		i.Clock.Add(time.Second)
		if v = b.Poll(v.SID); v.PollAfter != 1000 {
			t.Errorf("approved: poll after %d ms", v.PollAfter)
		}
	})
}

func TestNewCode(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	location := b.StartLogin(nil)
	id := strings.TrimPrefix(location, "/login?l=")
	accepted(t, b.Get(location), http.StatusOK)
	key := idptest.RandomKey()
	resp := b.Create(id, key)
	accepted(t, resp, http.StatusCreated)
	first := idptest.Decode[idptest.View](t, resp)

	t.Run("repeat", func(t *testing.T) {
		resp := b.Create(id, key)
		accepted(t, resp, http.StatusCreated)
		if v := idptest.Decode[idptest.View](t, resp); v.SID != first.SID || v.V != first.V || v.Status != idp.StateCreated {
			t.Errorf("the same call again: %+v", v)
		}
	})
	t.Run("too fast", func(t *testing.T) {
		i.Clock.Add(1999 * time.Millisecond)
		refused(t, b.Create(id, idptest.RandomKey()), http.StatusTooManyRequests, idp.SlowDown)
	})
	i.Clock.Add(time.Millisecond)
	second := b.NewCode(id)
	t.Run("supersedes", func(t *testing.T) {
		if v := b.Poll(first.SID); v.Status != idp.StateCancelled || i.Session(first.SID).Why != idp.WhySuperseded {
			t.Errorf("the former session: %+v", v)
		}
		refused(t, i.EnrolledHandset(i.Alice, phoneIP).Scan(first.Frames[0].URL), http.StatusConflict, idp.WrongState)
	})
	t.Run("late repeat", func(t *testing.T) { // a lost call that arrives after "Show a new code"
		i.Clock.Add(2 * time.Second)
		resp := b.Create(id, key)
		accepted(t, resp, http.StatusCreated)
		if v := idptest.Decode[idptest.View](t, resp); v.SID != first.SID || v.Status != idp.StateCancelled {
			t.Errorf("answered %+v", v)
		}
		if v := b.Poll(second.SID); v.Status != idp.StateCreated || loginOf(t, i, second.SID).Current != second.SID {
			t.Errorf("the live session is now %+v", v)
		}
	})
	t.Run("20 in all", func(t *testing.T) {
		for range 18 {
			i.Clock.Add(5 * time.Second)
			b.NewCode(id) // the first two came before
		}
		i.Clock.Add(5 * time.Second)
		refused(t, b.Create(id, idptest.RandomKey()), http.StatusGone, idp.LoginExpired)
	})
	t.Run("after the login's time", func(t *testing.T) {
		location := b.StartLogin(nil)
		i.Clock.Add(15*time.Minute - time.Millisecond)
		v := b.Login(location)
		if end := loginOf(t, i, v.SID).ExpiresAt; i.Session(v.SID).QRExpiresAt != end {
			t.Error("a session outlives its login")
		}
		i.Clock.Add(time.Millisecond)
		refused(t, b.Create(strings.TrimPrefix(location, "/login?l="), idptest.RandomKey()), http.StatusGone, idp.LoginExpired)
	})
}

func TestCreateRefusals(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	location := b.StartLogin(nil)
	id := strings.TrimPrefix(location, "/login?l=")
	refused(t, b.Create(id, idptest.RandomKey()), http.StatusBadRequest, idp.CookiesNeeded)
	accepted(t, b.Get(location), http.StatusOK)
	refused(t, b.Create(id, "short"), http.StatusBadRequest, idp.BadRequest)
	refused(t, b.Create("nonsense", idptest.RandomKey()), http.StatusNotFound, idp.SessionUnknown)
	refused(t, b.Create(idp.Base32.EncodeToString(make([]byte, 16)), idptest.RandomKey()), http.StatusNotFound, idp.SessionUnknown)
	refused(t, b.Create(id, idptest.RandomKey(), "Origin", ""), http.StatusForbidden, idp.CrossSite)
	refused(t, b.Create(id, idptest.RandomKey(), "Origin", "https://evil.test"), http.StatusForbidden, idp.CrossSite)
	refused(t, b.Create(id, idptest.RandomKey(), "X-Requested-By", ""), http.StatusForbidden, idp.CrossSite)
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.Disabled = true })
	i.Clock.Add(10 * time.Second) // how long a process may go on with what it read
	refused(t, b.Create(id, idptest.RandomKey()), http.StatusForbidden, idp.AppDisabled)
}

func TestCreateFloodCostsLittle(t *testing.T) {
	var counting *tabletest.Counting
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		counting = tabletest.NewCounting(inner)
		return counting
	}})
	b := i.Browser(screenIP)
	unknown := idp.Base32.EncodeToString(make([]byte, 16))
	accepted(t, b.Get(b.StartLogin(nil)), http.StatusOK)
	for range 30 {
		refused(t, b.Create(unknown, idptest.RandomKey()), http.StatusNotFound, idp.SessionUnknown)
	}
	counting.Take()
	for range 100 {
		refused(t, b.Create(unknown, idptest.RandomKey()), http.StatusTooManyRequests, idp.SlowDown)
	}
	if c := counting.Take(); c.ReadRequests != 0 || c.WriteRequests > 1 {
		t.Errorf("100 refused calls cost %+v", c)
	}
}

func TestScreenActions(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	t.Run("more time", func(t *testing.T) {
		v := b.ShowCode()
		r := b.API(sessions+v.SID+"/extend", struct{}{})
		accepted(t, r, http.StatusOK)
		if got := idptest.Decode[idptest.View](t, r).ExpiresAt; got != v.ExpiresAt+60 {
			t.Errorf("expires at %d, before %d", got, v.ExpiresAt)
		}
		refused(t, b.API(sessions+v.SID+"/extend", struct{}{}), http.StatusConflict, idp.WrongState)
	})
	t.Run("more time on the phone", func(t *testing.T) {
		_, c := i.Scanned(b, h)
		path := "/v1/approvals/" + c.SID + "/extend"
		old := h.Sign(c)
		r := h.Call(path, struct{}{})
		accepted(t, r, http.StatusOK)
		later := idptest.Decode[idptest.Claimed](t, r)
		if later.ExpiresAt != c.ExpiresAt+60 || later.Text.Expires != later.ExpiresAt {
			t.Errorf("expires at %d, before %d", later.ExpiresAt, c.ExpiresAt)
		}
		refused(t, h.Call(path, struct{}{}), http.StatusConflict, idp.WrongState)
		refused(t, h.Approve(c.SID, old), http.StatusUnprocessableEntity, idp.BadChallenge)
		i.Clock.Add(170 * time.Second)
		accepted(t, h.Approve(c.SID, h.Sign(later)), http.StatusOK)
	})
	t.Run("cancel", func(t *testing.T) {
		for name, v := range map[string]idptest.View{
			"created":  b.ShowCode(),
			"scanned":  first(i.Scanned(b, h)),
			"approved": first(i.Approved(b, h)),
		} {
			for range 2 { // again is 200 again
				r := b.API(sessions+v.SID+"/cancel", struct{}{})
				accepted(t, r, http.StatusOK)
				if got := idptest.Decode[idptest.View](t, r); got.Status != idp.StateCancelled || !got.Return {
					t.Errorf("%s: %+v", name, got)
				}
			}
		}
	})
	t.Run("cancelled under the phone", func(t *testing.T) {
		v, c := i.Scanned(b, h)
		accepted(t, b.API(sessions+v.SID+"/cancel", struct{}{}), http.StatusOK)
		refused(t, h.Approve(c.SID, h.Sign(c)), http.StatusConflict, idp.WrongState)
	})
	t.Run("Not me", func(t *testing.T) { // another person's approval, refused at "Continue as"
		v, _ := i.Approved(b, h)
		accepted(t, b.API(sessions+v.SID+"/cancel", struct{}{}), http.StatusOK)
		posted := idptest.ReadPost(t, b.Finish(v.SID, idptest.RandomKey()))
		if !strings.Contains(string(posted.SAMLResponse), "RequestDenied") || strings.Contains(string(posted.SAMLResponse), "Assertion ") {
			t.Errorf("%s", posted.SAMLResponse)
		}
	})
	t.Run("view of expiry", func(t *testing.T) {
		v := b.ShowCode()
		i.Clock.Add(180*time.Second - time.Millisecond)
		if got := b.Poll(v.SID); got.Status != idp.StateCreated {
			t.Errorf("1 ms before: %+v", got)
		}
		i.Clock.Add(time.Millisecond)
		if got := b.Poll(v.SID); got.Status != idp.StateExpired || got.PollAfter != 0 {
			t.Errorf("at the limit: %+v", got)
		}
		p := refused(t, b.API(sessions+v.SID+"/extend", struct{}{}), http.StatusGone, idp.SessionExpired)
		if p.State != idp.StateExpired {
			t.Errorf("state %q", p.State)
		}
	})
}

func first[A, B any](a A, _ B) A { return a }
