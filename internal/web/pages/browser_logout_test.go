//go:build browser

package pages_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

func walkSignOut(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeIdP(t), chrome.Open(t)
	for state := range logoutPages() {
		b.Open(f.URL + "/sign-out/" + state)
		if state == "under" {
			b.Until(`document.querySelector("[data-outcome=done]")`)
		}
		see(b, "sign-out-"+state)
	}
}

func walkApps(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeIdP(t), chrome.Open(t)
	b.Open(f.URL + "/apps")
	see(b, "apps")
}
