//go:build browser

package pages_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// shoot takes pictures of a phone's page, for people to look at, in the folder
// LATCHKEY_SCREENSHOTS.
func (b *tab) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		folder = b.t.TempDir()
	}
	for _, scheme := range []string{"light", "dark"} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "pointer", Value: "coarse"},
		}})
		for _, size := range [][2]int64{{320, 568}, {390, 844}, {768, 1024}} {
			b.window(size[0], size[1])
			time.Sleep(200 * time.Millisecond) // transitions
			shot := get(b, chromedp.CaptureScreenshot())
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, size[0], scheme)), shot, 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

func TestPhoneScreenshots(t *testing.T) {
	t.Run("approve", func(t *testing.T) {
		f, b, a := asked(t)
		b.allow("Failed to load resource")
		b.shoot("m-request")
		a.recognizes(false)
		b.click("#approve")
		b.until(`document.querySelector("#problem").checkVisibility()`)
		b.shoot("m-refused")
		a.recognizes(true)
		b.until(`!document.querySelector("#approve").hasAttribute("aria-disabled")`)
		b.click("#approve")
		b.pane("end", "Done. You can put your phone away.")
		b.shoot("m-done")
		f.set(func() { f.holder = "" })
		b.visit(f.origin + "/m")
		b.pane("type", "Type the code")
		b.click("#code-form button")
		b.shoot("m-code")
		f.set(func() {
			f.match, f.life, f.warnings = "482915", 29*time.Second, []string{"new_browser"}
			f.context.App.Name, f.context.Place = "Universal Consolidated Expense Reporting and Travel Booking", "unknown"
		})
		b.visit(f.origin + "/m#" + aFrame)
		b.until(`document.querySelector("#request")?.checkVisibility()`)
		b.shoot("m-number")
		f.set(func() { f.holder = "x" })
		b.do(chromedp.Evaluate[chromedp.Void](`localStorage.clear()`))
		b.visit(f.origin + "/m#" + aFrame)
		b.pane("end", "This code is open on another device")
		b.shoot("m-other-device")
	})
	t.Run("enroll", func(t *testing.T) {
		f, b, _ := invited(t, "?try")
		b.allow("Failed to load resource")
		b.shoot("e-1-start")
		b.click("#start-go")
		b.pane("who", "Is this you?")
		b.shoot("e-2-who")
		b.click("#who-yes")
		b.pane("make", "Create your passkey")
		b.shoot("e-3-make")
		b.click("#make-form button")
		b.pane("done", "This phone is ready")
		b.shoot("e-4-done")
		f.set(func() { f.refuse["redeem"] = problem{status: 410, code: "invite_used"} })
		b.visit(f.origin + "/e#" + inviteToken)
		b.click("#start-go")
		b.pane("end", "This invite was used or is too old")
		b.shoot("e-used")
	})
	t.Run("login", func(t *testing.T) {
		_, b, _ := offered(t, true)
		b.shoot("login-here")
		b.click("#other-device")
		b.waiting()
		b.shoot("login-scan")
	})
	t.Run("login on a computer", func(t *testing.T) {
		_, b, _ := offered(t, false)
		b.shoot("login-computer")
	})
}
