//go:build browser

package pages_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// shoot takes pictures of a phone's page, for people to look at, in the folder
// LATCHKEY_SCREENSHOTS.
func shoot(t *testing.T, b *chrome.Tab, name string) {
	t.Helper()
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, scheme := range []string{"light", "dark"} {
		b.Prefer("prefers-color-scheme", scheme)
		for _, size := range [][2]int64{{320, 568}, {390, 844}, {768, 1024}} {
			b.Size(size[0], size[1])
			time.Sleep(200 * time.Millisecond) // transitions
			shot := chrome.Get(b, chromedp.CaptureScreenshot())
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, size[0], scheme)), shot, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPhoneScreenshots(t *testing.T) {
	t.Run("approve", func(t *testing.T) {
		f, b, a := asked(t)
		b.Allow("Failed to load resource")
		shoot(t, b, "m-request")
		a.Recognizes(false)
		b.Click("#approve")
		b.Until(`document.querySelector("#problem").checkVisibility()`)
		shoot(t, b, "m-refused")
		a.Recognizes(true)
		b.Until(`!document.querySelector("#approve").hasAttribute("aria-disabled")`)
		b.Click("#approve")
		b.Pane("end", "Done. You can put your phone away.")
		shoot(t, b, "m-done")
		f.set(func() { f.holder = "" })
		visit(b, f.origin+"/m")
		b.Pane("type", "Type the code")
		b.Click("#code-form button")
		shoot(t, b, "m-code")
		f.set(func() {
			f.match, f.life, f.warnings = "482915", 29*time.Second, []string{"new_browser"}
			f.context.App.Name, f.context.Place = "Universal Consolidated Expense Reporting and Travel Booking", "unknown"
		})
		visit(b, f.origin+"/m#"+aFrame)
		b.Until(`document.querySelector("#request")?.checkVisibility()`)
		shoot(t, b, "m-number")
		f.set(func() { f.holder = "x" })
		b.Do(chromedp.Evaluate[chromedp.Void](`localStorage.clear()`))
		visit(b, f.origin+"/m#"+aFrame)
		b.Pane("end", "This code is open on another device")
		shoot(t, b, "m-other-device")
	})
	t.Run("enroll", func(t *testing.T) {
		f, b, _ := invited(t, "?try")
		b.Allow("Failed to load resource")
		shoot(t, b, "e-1-start")
		b.Click("#start-go")
		b.Pane("who", "Is this you?")
		shoot(t, b, "e-2-who")
		b.Click("#who-yes")
		b.Pane("make", "Create your passkey")
		shoot(t, b, "e-3-make")
		b.Click("#make-form button")
		b.Pane("done", "This phone is ready")
		shoot(t, b, "e-4-done")
		f.set(func() { f.refuse["redeem"] = problem{status: 410, code: "invite_used"} })
		visit(b, f.origin+"/e#"+inviteToken)
		b.Click("#start-go")
		b.Pane("end", "This invite was used or is too old")
		shoot(t, b, "e-used")
	})
	t.Run("login", func(t *testing.T) {
		_, b, _ := offered(t, true)
		shoot(t, b, "login-here")
		b.Click("#other-device")
		b.Waiting()
		shoot(t, b, "login-scan")
	})
	t.Run("login on a computer", func(t *testing.T) {
		_, b, _ := offered(t, false)
		shoot(t, b, "login-computer")
	})
}
