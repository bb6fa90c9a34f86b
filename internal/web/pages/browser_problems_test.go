//go:build browser

package pages_test

import (
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

func TestProblems(t *testing.T) {
	tests := map[string]struct {
		problem         problem
		heading, button string
	}{
		"login_expired":    {problem{status: 410, code: "login_expired"}, "This took too long", ""},
		"session_unknown":  {problem{status: 404, code: "session_unknown"}, "We cannot find this sign-in", "Show a new code"},
		"not_your_browser": {problem{status: 403, code: "not_your_browser"}, "Another browser", ""},
		"cookies_needed":   {problem{status: 400, code: "cookies_needed"}, "Cookies are needed", "Try again"},
		"app_disabled":     {problem{status: 403, code: "app_disabled"}, "Payroll is switched off", ""},
		"unknown code":     {problem{status: 403, code: "new_code", detail: "Words of the server."}, "Something went wrong", "Show a new code"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, b := newFakeIdP(t), chrome.Open(t)
			b.Allow("Failed to load resource")
			f.fail("create", test.problem)
			b.Open(f.URL + "/login")
			b.Heading(test.heading)
			if got := b.Text("#notice-first"); got != test.button {
				t.Errorf("button %q, want %q", got, test.button)
			}
			if test.problem.detail != "" && b.Text("#notice-words") != test.problem.detail {
				t.Errorf("words %q", b.Text("#notice-words"))
			}
		})
	}
	t.Run("slow_down at create", func(t *testing.T) {
		f, b := newFakeIdP(t), chrome.Open(t)
		b.Allow("429")
		f.fail("create", problem{status: 429, code: "slow_down", retryAfter: "2"})
		b.Open(f.URL + "/login")
		b.Heading("One moment")
		f.heal("create")
		b.Waiting()
	})
	t.Run("slow_down at poll", func(t *testing.T) {
		f, b := start(t)
		b.Allow("429")
		f.fail("poll", problem{status: 429, code: "slow_down", retryAfter: "2"})
		time.Sleep(400 * time.Millisecond)
		polls := f.count("GET")
		time.Sleep(1200 * time.Millisecond)
		if f.count("GET") != polls {
			t.Error("Retry-After is not honoured")
		}
		f.heal("poll")
		f.scanned()
		b.Heading("Phone connected")
	})
}

func TestConnectionTrouble(t *testing.T) {
	f, b := start(t)
	b.Allow("Failed to load resource")
	f.fail("poll", problem{status: 503, code: "busy"})
	b.Until(`document.querySelector("#trouble").textContent.startsWith("This is taking longer")`)
	b.Script(`dispatchEvent(new Event("offline"))`)
	b.Until(`document.querySelector("#trouble").textContent.startsWith("You are offline.")`)
	f.heal("poll")
	b.Script(`dispatchEvent(new Event("online"))`)
	b.Until(`document.querySelector("#trouble").hidden`)
	b.Waiting()
}

func TestOlderViewIsIgnored(t *testing.T) {
	f, b := start(t)
	f.scanned()
	b.Heading("Phone connected")
	f.mu.Lock()
	f.view.V, f.view.Status = 1, "created"
	f.mu.Unlock()
	time.Sleep(400 * time.Millisecond)
	b.Heading("Phone connected")
}
