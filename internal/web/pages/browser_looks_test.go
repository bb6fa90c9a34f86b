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
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

func TestPictureCanBeScanned(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 1280} {
			t.Run(fmt.Sprint(scheme, width), func(t *testing.T) {
				f, b := start(t)
				b.Prefer("prefers-color-scheme", scheme)
				b.Size(width, 800)
				text, err := phonescan.Image(bytes.NewReader(chrome.Get(b, chromedp.Screenshot(chromedp.CSS("#qr")))))
				if err != nil { // like a camera, look again at the next picture
					time.Sleep(4 * time.Second)
					text, err = phonescan.Image(bytes.NewReader(chrome.Get(b, chromedp.Screenshot(chromedp.CSS("#qr")))))
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
	b.Allow("400") // of the message
	b.Fits("waiting")
	b.Click("#cannot-scan")
	b.Until(`document.querySelector("#typed").checkVisibility()`)
	b.Fits("code")
	f.approved(true)
	b.Heading("Continue as A...n K...?")
	b.Fits("confirm")
	b.Open(f.URL + "/message")
	b.Fits("message")
}

func TestPrintHidesTheCode(t *testing.T) {
	_, b := start(t)
	chrome.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	b.Until(`getComputedStyle(document.querySelector("#qr svg")).visibility === "hidden"`)
}

func TestReducedMotion(t *testing.T) {
	_, b := start(t)
	b.Prefer("prefers-reduced-motion", "reduce")
	b.Until(`document.getAnimations().length === 0`)
}

// TestScreenshots takes a picture of every state, for people to look at, in
// the folder LATCHKEY_SCREENSHOTS.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	f, b := start(t)
	b.Allow("Failed to load resource")
	shoot := func(name string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{320, 768, 1280} {
				b.Prefer("prefers-color-scheme", scheme)
				b.Size(width, 800)
				time.Sleep(200 * time.Millisecond) // transitions
				shot := chrome.Get(b, chromedp.FullScreenshot(100))
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
		b.Heading(heading)
		shoot(name)
		b.Click("#notice-first")
		b.Waiting()
	}
	shoot("waiting")
	b.Click("#cannot-scan")
	b.Until(`document.querySelector("#typed").checkVisibility()`)
	shoot("code")
	b.Script(`dispatchEvent(new Event("offline"))`)
	f.scanned()
	b.Heading("Phone connected")
	shoot("connected")
	ends("expired", "expired", "expired", "This took too long")
	ends("denied", "denied", "denied", "You said no on your phone")
	ends("contested", "cancelled", "contested", "We stopped this sign-in to be safe")
	f.fail("poll", problem{status: 503, code: "busy", retryAfter: "30"})
	b.Until(`!document.querySelector("#trouble").hidden`)
	shoot("slow")
	f.heal("poll")
	b.Script(`dispatchEvent(new Event("online"))`)
	b.Until(`document.querySelector("#trouble").hidden`)
	f.approved(true)
	b.Heading("Continue as A...n K...?")
	shoot("confirm")
	b.Open(f.URL + "/message")
	shoot("message")
	b.NoScript()
	b.Open(f.URL + "/login")
	shoot("login-noscript")
	b.Open(f.URL + "/post")
	shoot("post-noscript")
}
