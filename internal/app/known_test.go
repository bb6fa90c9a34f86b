package app_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// A browser asks "Continue as" once for each person.
func TestKnownBrowser(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	alice, bob := i.EnrolledHandset(i.Alice, phoneIP), i.EnrolledHandset(i.Bob, "198.51.100.30")
	signIn := func(h *idptest.Handset) (hint string, notices string) {
		t.Helper()
		v, c := i.Scanned(b, h)
		answer := h.Approve(c.SID, h.Sign(c))
		body := idptest.Body(t, answer)
		hint = b.Poll(v.SID).Hint
		assertionID(t, b.Finish(v.SID, idptest.RandomKey()))
		i.Clock.Add(time.Minute)
		return hint, body
	}
	for n, step := range []struct {
		who  *idptest.Handset
		hint string
		told bool
	}{{alice, "confirm_user", true}, {alice, "approved", false}, {bob, "confirm_user", true}, {bob, "approved", false}, {alice, "approved", false}} {
		hint, answer := signIn(step.who)
		if hint != step.hint || strings.Contains(answer, "first_time_browser") != step.told {
			t.Errorf("W12 sign-in %d: hint %s, the phone is told %s", n+1, hint, answer)
		}
	}
	v := b.ShowCode()
	if v.Remembered == nil || v.Remembered.Display != i.Alice.Masked() {
		t.Errorf("remembered: %+v", v.Remembered)
	}
	t.Run("W4 the secret is new at each sign-in and the old one is worth nothing", func(t *testing.T) {
		old := b.Tab()
		before := b.Cookies["__Host-bid"]
		signIn(alice)
		if before == "" || b.Cookies["__Host-bid"] == before {
			t.Error("same secret")
		}
		if v := old.ShowCode(); v.Remembered != nil {
			t.Errorf("the old secret knows %+v", v.Remembered)
		}
	})
	t.Run("a known browser signs nobody in", func(t *testing.T) {
		thief := i.Browser("192.0.2.66")
		thief.Cookies["__Host-bid"] = b.Cookies["__Host-bid"]
		v := thief.ShowCode()
		if resp := thief.Finish(v.SID, idptest.RandomKey()); resp.StatusCode == http.StatusOK {
			t.Error("signed in by a cookie that only remembers")
		}
	})
	t.Run("the list of sign-ins", func(t *testing.T) {
		list, _, err := i.Store.SignIns(context.Background(), i.Alice.ID, "", 10)
		if err != nil || len(list) != 4 {
			t.Fatalf("%d sign-ins, %v", len(list), err)
		}
		first := list[3]
		if !first.NewBrowser || list[0].NewBrowser || first.AppName != "SP b" || first.DeviceID != alice.DeviceID || first.IP == "" {
			t.Errorf("%+v", list)
		}
		if !slices.IsSortedFunc(list, func(a, b idp.SignIn) int { return int(b.At - a.At) }) {
			t.Error("not newest first")
		}
	})
	t.Run("a repeated finish is one line", func(t *testing.T) {
		v, _ := i.Approved(b, alice)
		key := idptest.RandomKey()
		for range 3 {
			assertionID(t, b.Finish(v.SID, key))
		}
		if list, _, err := i.Store.SignIns(context.Background(), i.Alice.ID, "", 10); err != nil || len(list) != 5 {
			t.Errorf("%d sign-ins, %v", len(list), err)
		}
	})
}

func TestProbation(t *testing.T) {
	i := idptest.New(t)
	i.EnrolledHandset(i.Alice, phoneIP)
	second := i.EnrolledHandset(i.Alice, phoneIP) // the second phone is on probation
	b := i.Browser(screenIP)
	session := func() *idp.SSOSession {
		t.Helper()
		v, _ := i.Approved(b, second)
		assertionID(t, b.Finish(v.SID, idptest.RandomKey()))
		s, err := i.Store.SSOSession(context.Background(), i.Alice.ID, v.SID)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := session(); s.ExpiresAt != s.CreatedAt.Add(time.Hour) {
		t.Errorf("Q15 the session lasts %s", s.ExpiresAt.Sub(s.CreatedAt))
	}
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.RefuseProbation = true })
	_, c := i.Scanned(b, second)
	p := idptest.ReadProblem(t, second.Approve(c.SID, second.Sign(c)))
	if p.Code != idp.Probation || !strings.Contains(p.Detail, "2026-11-23 12:00 UTC") {
		t.Errorf("Q15 %s %s", p.Code, p.Detail)
	}
	i.Clock.Add(24 * time.Hour)
	if s := session(); s.ExpiresAt != s.CreatedAt.Add(24*time.Hour) {
		t.Errorf("after probation the session lasts %s", s.ExpiresAt.Sub(s.CreatedAt))
	}
	if d, err := i.Store.Device(context.Background(), second.DeviceID); err != nil || d.State != idp.DeviceActive {
		t.Errorf("device %+v, %v", d, err)
	}
	ended := 0
	for _, e := range i.Audit() {
		if e.Event == idp.AuditProbationEnded {
			ended++
		}
	}
	if ended != 1 {
		t.Errorf("%d events of the end of probation", ended)
	}
}
