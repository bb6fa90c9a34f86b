//go:build browser

package pages_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	phonescan "github.com/latchkey-idp/latchkey/internal/phone/scan"
)

func TestPictureCanBeScanned(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 1280} {
			t.Run(fmt.Sprint(scheme, width), func(t *testing.T) {
				f, b := start(t)
				b.prefer("prefers-color-scheme", scheme)
				b.size(width)
				text, err := phonescan.Image(bytes.NewReader(get(b, chromedp.Screenshot(chromedp.CSS("#qr")))))
				if err != nil { // like a camera, look again at the next picture
					time.Sleep(4 * time.Second)
					text, err = phonescan.Image(bytes.NewReader(get(b, chromedp.Screenshot(chromedp.CSS("#qr")))))
				}
				if err != nil {
					t.Fatal(err)
				}
				now := int(time.Now().UnixMilli() / 4000)
				if text != newFrame(f.session().SID, now).URL && text != newFrame(f.session().SID, now-1).URL {
					t.Errorf("scanned %q", text)
				}
			})
		}
	}
}

// Nothing is cut off at 320 px, not even at 200 % text.
func TestReflow(t *testing.T) {
	f, b := start(t)
	b.allow("400") // of the message
	fits := func(what string) {
		t.Helper()
		for _, size := range []string{"100%", "200%"} {
			b.size(320)
			b.script(fmt.Sprintf(`document.documentElement.style.setProperty("font-size", %q)`, size))
			wide := get(b, chromedp.Evaluate[[]string](`[...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && !e.closest("[role=status], svg") && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.tagName + "#" + e.id)`))
			if len(wide) > 0 {
				t.Errorf("%s at %s: %v", what, size, wide)
			}
		}
		b.script(`document.documentElement.style.removeProperty("font-size")`)
	}
	fits("waiting")
	b.click("#cannot-scan")
	b.until(`document.querySelector("#typed").checkVisibility()`)
	fits("code")
	f.approved(true)
	b.heading("Continue as A...n K...?")
	fits("confirm")
	b.do(chromedp.Navigate(f.URL + "/message"))
	fits("message")
}

func TestPrintHidesTheCode(t *testing.T) {
	_, b := start(t)
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	b.until(`getComputedStyle(document.querySelector("#qr svg")).visibility === "hidden"`)
}

func TestReducedMotion(t *testing.T) {
	_, b := start(t)
	b.prefer("prefers-reduced-motion", "reduce")
	b.until(`document.getAnimations().length === 0`)
}

// TestScreenshots takes a picture of every state, for people to look at, in
// the folder LATCHKEY_SCREENSHOTS.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	f, b := start(t)
	b.allow("Failed to load resource")
	shoot := func(name string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{320, 768, 1280} {
				b.prefer("prefers-color-scheme", scheme)
				b.size(width)
				time.Sleep(200 * time.Millisecond) // transitions
				shot := get(b, chromedp.FullScreenshot(100))
				file := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
				if err := os.WriteFile(file, shot, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	ends := func(name, status, hint, heading string) {
		t.Helper()
		f.change(func(v *view) { v.Status, v.Hint, v.Return = status, hint, true })
		b.heading(heading)
		shoot(name)
		b.click("#notice-first")
		b.waiting()
	}
	shoot("waiting")
	b.click("#cannot-scan")
	b.until(`document.querySelector("#typed").checkVisibility()`)
	shoot("code")
	b.script(`dispatchEvent(new Event("offline"))`)
	f.scanned()
	b.heading("Phone connected")
	shoot("connected")
	ends("expired", "expired", "expired", "This took too long")
	ends("denied", "denied", "denied", "You said no on your phone")
	ends("contested", "cancelled", "contested", "We stopped this sign-in to be safe")
	f.fail("poll", problem{status: 503, code: "busy", retryAfter: "30"})
	b.until(`!document.querySelector("#trouble").hidden`)
	shoot("slow")
	f.heal("poll")
	b.script(`dispatchEvent(new Event("online"))`)
	b.until(`document.querySelector("#trouble").hidden`)
	f.approved(true)
	b.heading("Continue as A...n K...?")
	shoot("confirm")
	b.do(chromedp.Navigate(f.URL + "/message"))
	shoot("message")
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.do(chromedp.Navigate(f.URL + "/login"))
	shoot("login-noscript")
	b.do(chromedp.Navigate(f.URL + "/post"))
	shoot("post-noscript")
}
