//go:build browser

package demo_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// window is a page with its picture.
type window struct {
	*chrome.Tab
	t *testing.T
}

func (w window) show(url string, width int64) {
	w.t.Helper()
	w.Size(width, 800)
	w.Open(url)
}

// says waits until an element is seen with these words.
func (w window) says(selector, words string) {
	w.t.Helper()
	w.Until(fmt.Sprintf("document.querySelector(%q)?.checkVisibility() && document.querySelector(%q).innerText.includes(%q)", selector, selector, words))
}

// picture keeps what the window shows, where LATCHKEY_SCREENSHOTS names a
// folder.
func (w window) picture(name string) {
	w.t.Helper()
	if dir := os.Getenv("LATCHKEY_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), w.Screenshot(), 0o600); err != nil {
			w.t.Error(err)
		}
	}
}

// The story that a newcomer sees: two windows beside each other.
func TestTwoWindows(t *testing.T) {
	d := start(t, filepath.Join(t.TempDir(), "demo"), false)
	first := chrome.Open(t)
	screen, phone := window{first, t}, window{first.Another(), t}
	phone.Allow("/screen.png") // there is none yet
	phone.Allow("/api/look")   // without a code in sight
	phone.show(d.Phone+"/", 440)
	screen.show(d.App+"/", 1000)
	phone.says("#unseen", "No code is in sight")
	phone.Click("#scan")
	phone.says("#camera-error", "No code is on the screen")

	// Denied.
	screen.Click("a.primary")
	screen.Until(`document.querySelector("#qr path")?.getAttribute("d")`)
	phone.Until(`document.querySelector("#seen").checkVisibility()`)
	phone.picture("phone-camera")
	phone.Click("#scan")
	phone.says("#request-title", "Sign in to Orchard Travel?")
	phone.Until(`document.activeElement.id === "deny"`)
	phone.says(".fixed", "Only continue if you opened localhost:")
	phone.picture("phone-request")
	screen.says("#notice-title", "Phone connected")
	phone.Click("#deny")
	phone.says("#result-title", "Denied")
	phone.picture("phone-denied")
	screen.Until(`document.querySelector("#notice-title")?.innerText.length > 0 && !document.querySelector("#notice-title").innerText.includes("Phone connected")`)
	screen.picture("login-denied")

	// A new code, cancelled: the application is told.
	screen.show(d.App+"/sign-in", 1000)
	screen.Until(`document.querySelector("#qr path")?.getAttribute("d")`)
	screen.Click("#cancel")
	screen.says("h1", "You cancelled the sign-in")
	screen.says(".facts", "RequestDenied")
	screen.picture("app-cancelled")

	// Approved, from a picture that is chosen.
	screen.Click("a.primary")
	screen.Until(`document.querySelector("#qr path")?.getAttribute("d")`)
	phone.Click("#again")
	phone.Until(`document.querySelector("#seen").checkVisibility()`)
	shot := screen.Screenshot()
	phone.Click("#camera summary")
	phone.picture("phone-other-ways")
	phone.Script(fmt.Sprintf(`(() => {
		const bytes = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0));
		const data = new DataTransfer();
		data.items.add(new File([bytes], "screen.png", {type: "image/png"}));
		document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
	})()`, base64.StdEncoding.EncodeToString(shot)))
	phone.says("#request-title", "Sign in to Orchard Travel?")
	phone.Click("#approve")
	phone.says("#result-title", "Done")
	phone.picture("phone-approved")
	screen.says("#notice-title", "Continue as D...a N...?")
	screen.Click("#notice-first")
	screen.says("#name-id", "dana@example.com")
	screen.says("h1", "Welcome, Dana")
	screen.picture("app-signed-in")
	screen.Click("form.ending button")
	screen.says("a.primary", "Sign in with Latchkey")
	screen.show(d.IDP+"/saml/slo", 1000)
	screen.says(".words", "Nobody is signed in")
}
