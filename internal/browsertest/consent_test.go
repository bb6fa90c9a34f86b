//go:build browser

package browsertest

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// TestConsent: from the code to the question, and from the yes to the
// application, by forms that no policy of ours stops; and the no.
func TestConsent(t *testing.T) {
	w := newWorld(t)
	w.idp.Register(w.app.metadata, func(sp *idp.ServiceProvider) { sp.Name, sp.Consent = appName, idp.ConsentAlways })
	b := w.start()
	w.approve(w.dana, w.claim(w.dana, b))
	b.Click("#notice-first")
	b.Until(`document.querySelector("h1")?.innerText === "Send this to ` + appName + `?"`)
	contains(t, "what is sent", b.Text("dl"), "dana@example.com", "Dana", "Novak")
	if n := len(w.app.acs()); n > 0 {
		t.Errorf("the application was answered %d times before the yes", n)
	}
	b.Click("button.primary")
	w.arrived(b, "dana@example.com")

	t.Run("no", func(t *testing.T) {
		other := w.start()
		other.Allow("403") // of the application
		w.approve(w.bob, w.claim(w.bob, other))
		other.Click("#notice-first")
		other.Until(`document.querySelector("dl")?.innerText.includes("bob@example.com")`)
		other.Click("button.quiet")
		other.Until(`document.title === "Not signed in"`)
	})
}
