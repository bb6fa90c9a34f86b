//go:build browser

package browsertest

import (
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// TestSignedInAlready: a browser that is signed in goes through to the
// application without a code, by a form that no policy of ours stops.
func TestSignedInAlready(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	w.approve(w.dana, w.claim(w.dana, b))
	b.Click("#notice-first")
	w.arrived(b, "dana@example.com")

	// The application forgets them, as one would that they have not opened yet.
	chrome.Call(b, network.DeleteCookies, network.DeleteCookiesParams{Name: "token", URL: w.app.url})
	b.Open(w.app.url)
	w.arrived(b, "dana@example.com")
	if n := len(w.app.acs()); n != 2 {
		t.Errorf("the application was answered %d times", n)
	}
}
