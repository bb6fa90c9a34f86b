package app_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// soleSession is the session that a person has.
func soleSession(t *testing.T, i *idptest.IdP, u *idp.User) idp.SSOSession {
	t.Helper()
	list, err := i.Store.SSOSessions(context.Background(), u.ID)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	return list[0]
}

func TestSessionRestsOnItsDevice(t *testing.T) {
	i := idptest.New(t)
	p := atHome(t, i, i.Alice, phoneIP)
	t.Run("Q17 a session that is written as its phone is revoked", func(t *testing.T) {
		s := soleSession(t, i, i.Alice)
		if _, err := i.Store.RevokeDevice(t.Context(), i.Alice.ID, p.device); err != nil {
			t.Fatal(err)
		}
		s.Version = 0
		if err := i.Store.SaveSSOSession(t.Context(), &s); err != nil { // by a finish that overlapped
			t.Fatal(err)
		}
		p.refused("GET", "/v1/me", nil, idp.StepupRequired)
	})
	t.Run("Q17 revoked phones get no session", func(t *testing.T) {
		_, options := p.send("POST", "/v1/me/stepup/options", map[string]any{})
		p.refused("POST", "/v1/me/stepup", map[string]any{"assertion": p.answer(options)}, idp.CredentialRevoked)
	})
}

// TestRemovalIsRepeated: storage fails after the phone was revoked and before its
// sessions were ended.
func TestRemovalIsRepeated(t *testing.T) {
	var broken atomic.Bool
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		return &tabletest.Faulty{Table: inner, Before: func(op string, _ []table.Key) error {
			if op == "delete" && broken.Load() {
				return table.ErrUnavailable
			}
			return nil
		}}
	}})
	first := atHome(t, i, i.Alice, phoneIP)
	second := newWebPhone(t, i, phoneIP, i.Alice)
	second.enroll(i.Invite(i.Alice))
	second.stepUp()
	path := "/v1/me/devices/" + second.device
	broken.Store(true)
	first.refused("DELETE", path, map[string]string{}, idp.Busy)
	t.Run("Q17 out at once all the same", func(t *testing.T) { second.refused("GET", "/v1/me", nil, idp.StepupRequired) })
	broken.Store(false)
	want[any](first, "DELETE", path, map[string]string{}, http.StatusNoContent)
	soleSession(t, i, i.Alice)
}

func TestStepUpTakesOverTheSession(t *testing.T) {
	i := idptest.New(t)
	strong := atHome(t, i, i.Alice, phoneIP)
	d, err := i.Store.Device(t.Context(), strong.device)
	if err != nil {
		t.Fatal(err)
	}
	s := soleSession(t, i, i.Alice)
	s.ACR = idp.ACRPHRHW // as if by an attested key
	if err := i.Store.PutSSOSession(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	young := newWebPhone(t, i, phoneIP, i.Alice)
	young.enroll(i.Invite(i.Alice))
	young.http.Jar = strong.http.Jar // the same browser
	i.Clock.Add(time.Minute)
	young.stepUp()
	after := soleSession(t, i, i.Alice)
	now := idp.At(i.Clock.Now())
	t.Run("W4 the level is that of the last check", func(t *testing.T) {
		if after.SID != s.SID || after.ACR != idp.ACRPHR || after.CredentialID != young.device || after.ApprovedAt != now {
			t.Errorf("%+v", after)
		}
	})
	t.Run("Q15 a phone on probation holds a session for an hour", func(t *testing.T) {
		if after.ExpiresAt != now.Add(time.Hour) {
			t.Errorf("until %v, now is %v", after.ExpiresAt.Time(), now.Time())
		}
	})
	t.Run("Q15 a phone on probation renames itself only", func(t *testing.T) {
		young.refused("PATCH", "/v1/me/devices/"+d.ID, map[string]string{"name": "Stolen phone"}, idp.Probation)
		want[any](young, "PATCH", "/v1/me/devices/"+young.device, map[string]string{"name": "My phone"}, http.StatusOK)
	})
	t.Run("Q15 a phone on probation sends nobody away", func(t *testing.T) {
		young.refused("DELETE", "/v1/me/devices/"+d.ID, map[string]string{}, idp.Probation)
	})
	t.Run("Q18 the notice says until when it can be sent away", func(t *testing.T) {
		strong.stepUp()
		type told struct {
			Notices []struct {
				Code, Device string
				Until        int64
			}
		}
		me := want[told](strong, "GET", "/v1/me", nil, http.StatusOK)
		if len(me.Notices) == 0 || me.Notices[0].Device != young.device || me.Notices[0].Until != now.Add(24*time.Hour-time.Minute).Seconds() {
			t.Errorf("%+v", me)
		}
	})
}

// TestRecoveryTellsNothing: a wrong code of somebody who is there costs the same
// reads and writes as one of somebody who is not.
func TestRecoveryTellsNothing(t *testing.T) {
	var count *tabletest.Counting
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		count = tabletest.NewCounting(inner)
		return count
	}})
	p := atHome(t, i, i.Alice, phoneIP)
	want[any](p, "POST", "/v1/me/recovery-codes", map[string]any{}, http.StatusCreated)
	cost := map[string]tabletest.Counts{}
	for n, login := range []string{"alice@example.com", "bob@example.com", "nobody@example.com"} {
		lost := newWebPhone(t, i, "192.0.2."+string(rune('1'+n)), i.Alice)
		count.Take()
		lost.refused("POST", "/v1/enroll/recovery", map[string]string{"login": login, "code": "0000-0000-0000-0000"}, idp.CodeWrong)
		cost[login] = count.Take()
	}
	t.Run("W11 the same work for everybody", func(t *testing.T) {
		for login, c := range cost {
			if c != cost["alice@example.com"] {
				t.Errorf("%s: %+v, alice: %+v", login, c, cost["alice@example.com"])
			}
		}
	})
}

// TestRefusalsAreAlike: what is somebody else's is told apart from what does not
// exist by nothing but the reference, and so are the ways in which a session
// does not hold.
func TestRefusalsAreAlike(t *testing.T) {
	i := idptest.New(t)
	alice, bob := atHome(t, i, i.Alice, phoneIP), atHome(t, i, i.Bob, "203.0.113.99")
	a := want[adding](alice, "POST", "/v1/me/devices/add", map[string]any{}, http.StatusCreated)
	body := func(p *webPhone, method, path string) string {
		t.Helper()
		payload := map[string]any{}
		switch method {
		case http.MethodPatch:
			payload["name"] = "x"
		case http.MethodGet:
			payload = nil
		}
		status, text := p.send(method, path, payload)
		before, _, _ := strings.Cut(text, `"trace"`)
		return fmt.Sprint(status, before)
	}
	const unknown = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	must(t, i.Store.SaveConsent(t.Context(), i.Alice.ID, &idp.Consent{SP: spB}))
	for _, c := range []struct{ method, theirs, nobodys string }{
		{"PATCH", "/v1/me/devices/" + alice.device, "/v1/me/devices/" + unknown},
		{"DELETE", "/v1/me/devices/" + alice.device, "/v1/me/devices/" + unknown},
		{"GET", "/v1/me/devices/add/" + a.ID, "/v1/me/devices/add/" + unknown},
		{"DELETE", "/v1/me/devices/add/" + a.ID, "/v1/me/devices/add/" + unknown},
		{"POST", "/v1/me/devices/add/" + a.ID + "/approve", "/v1/me/devices/add/" + unknown + "/approve"},
		{"DELETE", "/v1/me/sessions/" + soleSession(t, i, i.Alice).SID, "/v1/me/sessions/" + unknown},
		{"DELETE", "/v1/me/consents/" + idp.ConsentID(spB), "/v1/me/consents/" + idp.ConsentID("https://nobody.test")},
	} {
		t.Run("AD7 "+c.method+" "+c.nobodys, func(t *testing.T) {
			if theirs, nobodys := body(bob, c.method, c.theirs), body(bob, c.method, c.nobodys); theirs != nobodys {
				t.Errorf("theirs %s, nobody's %s", theirs, nobodys)
			}
		})
	}
	t.Run("AD7 nothing came of it", func(t *testing.T) {
		want[addProgress](alice, "GET", "/v1/me/devices/add/"+a.ID, nil, http.StatusOK)
		want[any](alice, "GET", "/v1/me", nil, http.StatusOK)
	})
	t.Run("W4 sessions that do not hold", func(t *testing.T) {
		sid, secret := soleSession(t, i, i.Alice).SID, strings.Repeat("A", 43)
		first := ""
		for _, cookie := range []string{
			i.Alice.ID + "." + sid + "." + secret,     // a wrong secret
			i.Alice.ID + "." + unknown + "." + secret, // no such session
			unknown + "." + sid + "." + secret,        // no such person
			i.Bob.ID + "." + sid + "." + secret,       // of somebody else
			"nonsense", i.Alice.ID + "." + sid, "..",
		} {
			got := body(alice.with("__Host-ss", cookie), "GET", "/v1/me")
			if first == "" {
				first = got
			}
			if got != first || !strings.Contains(got, string(idp.StepupRequired)) {
				t.Errorf("%s: %s, not %s", cookie, got, first)
			}
		}
	})
}

func TestActivityIsByPages(t *testing.T) {
	i := idptest.New(t)
	p := atHome(t, i, i.Alice, phoneIP)
	for n := range 25 {
		sid := idp.Base32.EncodeToString(append(make([]byte, 15), byte(n)))
		if err := i.Store.AddSignIn(t.Context(), i.Alice.ID, &idp.SignIn{At: idp.At(i.Clock.Now()).Add(time.Duration(n) * time.Second), SID: sid}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for path := "/v1/me/activity"; ; {
		page := want[items[struct{ ID string }]](p, "GET", path, nil, http.StatusOK)
		for _, in := range page.Items {
			seen[in.ID] = true
		}
		if page.Cursor == "" {
			break
		}
		path = "/v1/me/activity?cursor=" + page.Cursor
	}
	if len(seen) != 25 {
		t.Errorf("%d sign-ins", len(seen))
	}
	t.Run("AD7 a cursor leads to nobody else's", func(t *testing.T) {
		bob := atHome(t, i, i.Bob, "203.0.113.99")
		for _, cursor := range []string{"0", "~", "session%23", "%00", "signin"} {
			if page := want[items[struct{ ID string }]](bob, "GET", "/v1/me/activity?cursor="+cursor, nil, http.StatusOK); len(page.Items) != 0 {
				t.Errorf("%s: %+v", cursor, page)
			}
		}
	})
}
