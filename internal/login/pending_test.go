package login_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

func TestCheckBrowser(t *testing.T) {
	bound := func(l *idp.Login) { l.Browser = &theBrowser }
	for _, c := range []struct {
		name    string
		change  func(*idp.Login)
		browser *idp.BrowserSecret
		now     idp.Millis
		want    idp.Code
	}{
		{"first browser", nil, &theBrowser, t0, ""},
		{"same browser", bound, &theBrowser, t0, ""},
		{"Q2 other browser", bound, &otherBrowser, t0, idp.NotYourBrowser},
		{"no cookie", nil, nil, t0, idp.CookiesNeeded},
		{"missing", func(l *idp.Login) { *l = idp.Login{} }, &theBrowser, t0, idp.SessionUnknown},
		{"last millisecond", nil, &theBrowser, t0 + 899_999, ""},
		{"over", nil, &theBrowser, t0 + 900_000, idp.LoginExpired},
		{"done", func(l *idp.Login) { l.Done = vectorSID }, &theBrowser, t0, idp.WrongState},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := pendingLogin()
			if c.change != nil {
				c.change(&l)
			}
			if err := login.CheckBrowser(l, c.browser, c.now); idp.CodeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestBegin(t *testing.T) {
	l, err := login.Begin(pendingLogin(), theBrowser, "sid1", t0)
	if err != nil || l.Browser == nil || *l.Browser != theBrowser || l.Current != "sid1" || l.Creates != 1 || l.LastAt != t0 {
		t.Fatalf("first: %+v, %v", l, err)
	}
	if again, err := login.Begin(l, theBrowser, "sid1", t0+1); err != nil || !cmp.Equal(l, again) {
		t.Errorf("the same create again: %+v, %v", again, err)
	}
	var e *idp.Error
	if _, err = login.Begin(l, theBrowser, "sid2", t0+1999); !errors.As(err, &e) || e.Code != idp.SlowDown || e.RetryAfter != time.Millisecond {
		t.Errorf("too fast: %v", err)
	}
	if l, err = login.Begin(l, theBrowser, "sid2", t0+2000); err != nil || l.Current != "sid2" || l.Creates != 2 {
		t.Errorf("second: %+v, %v", l, err)
	}
	l.Creates = 20
	if _, err = login.Begin(l, theBrowser, "sid3", t0+9000); idp.CodeOf(err) != idp.LoginExpired {
		t.Errorf("twenty-first: %v", err)
	}
}

func TestComplete(t *testing.T) {
	l := pendingLogin()
	l.Current = "sid2"
	if _, err := login.Complete(l, "sid1"); idp.CodeOf(err) != idp.WrongState {
		t.Errorf("a former session finished: %v", err)
	}
	l, err := login.Complete(l, "sid2")
	if err != nil || l.Done != "sid2" {
		t.Fatalf("%+v, %v", l, err)
	}
	if _, err := login.Complete(l, "sid2"); err != nil {
		t.Errorf("again: %v", err)
	}
	l.Current = "sid3"
	if _, err := login.Complete(l, "sid3"); idp.CodeOf(err) != idp.WrongState {
		t.Errorf("second session finished: %v", err)
	}
}

func TestView(t *testing.T) {
	contested := sessionIn(t, idp.StateCancelled)
	contested.Why = idp.WhyContested
	coded := session(t)
	coded.CodeHash = codeHash
	for _, c := range []struct {
		session idp.QRSession
		hint    string
		ends    idp.Millis
		poll    time.Duration
	}{
		{session(t), "waiting_for_scan", t0 + 180_000, 2 * time.Second},
		{coded, "code_shown", t0 + 180_000, 2 * time.Second},
		{sessionIn(t, idp.StateScanned), "phone_connected", t0 + 120_000, time.Second},
		{sessionIn(t, idp.StateApproved), "confirm_user", t0 + 60_000, time.Second},
		{sessionIn(t, idp.StateConsumed), "consumed", 0, 0},
		{sessionIn(t, idp.StateDenied), "denied", 0, 0},
		{sessionIn(t, idp.StateCancelled), "cancelled", 0, 0},
		{contested, "contested", 0, 0},
		{sessionIn(t, idp.StateExpired), "expired", 0, 0},
	} {
		t.Run(c.hint, func(t *testing.T) {
			s := c.session
			if got := login.Hint(s); got != c.hint {
				t.Errorf("hint %q", got)
			}
			if got := login.EndsAt(s); got != c.ends {
				t.Errorf("ends %d, want %d", got, c.ends)
			}
			if got := login.PollAfter(s, t0); got != c.poll {
				t.Errorf("poll after %v, want %v", got, c.poll)
			}
			if c.ends != 0 {
				if login.Observe(s, c.ends-1).State != s.State || login.Observe(s, c.ends).State != idp.StateExpired {
					t.Error("expiry not observed at its millisecond")
				}
			}
		})
	}
	known, here := sessionIn(t, idp.StateApproved), sessionIn(t, idp.StateApproved)
	known.Known = []idp.KnownUser{{ID: known.UserID}}
	here.ACR = idp.ACRPHR
	for name, s := range map[string]idp.QRSession{"known browser": known, "passkey in this browser": here} {
		if got := login.Hint(s); got != "approved" {
			t.Errorf("%s: hint %q", name, got)
		}
	}
	if got := login.PollAfter(session(t), t0+60_001); got != 3*time.Second {
		t.Errorf("after a minute: poll after %v", got)
	}
}
