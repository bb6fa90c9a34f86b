//go:build browser

package browsertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// At 320 px nothing has to be scrolled sideways, and the phone can still scan.
func TestNarrowScreen(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.Size(320, 640)
	b.Open(w.app.url)
	b.Waiting()
	b.Fits("waiting")
	req := w.claim(w.dana, b)
	b.Notice("Phone connected", "Check your phone - "+appName)
	b.Fits("connected")
	w.approve(w.dana, req)
	b.Notice("Continue as "+w.danasMasked+"?", "Is this you? - "+appName)
	b.Fits("confirm")
	b.Click("#notice-first")
	w.arrived(b, "dana@example.com")
}

// The code can be scanned from a dark page, too.
func TestDark(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.Prefer("prefers-color-scheme", "dark")
	b.Open(w.app.url)
	w.claim(w.dana, b)
	b.Until(`Math.max(...getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number)) < 64`)
}

// picture writes what a tab shows, where LATCHKEY_SCREENSHOTS names a folder.
func (w *world) picture(b *chrome.Tab, name string) {
	w.t.Helper()
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		return
	}
	chrome.Call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 840, Height: 780, DeviceScaleFactor: 1.5})
	b.Until("document.fonts.status === 'loaded'")
	shot := chrome.Get(b, chromedp.CaptureScreenshot())
	b.Size(1280, 800)
	must(w.t, os.MkdirAll(folder, 0o755))                                    //nolint:gosec // pictures are for everyone
	must(w.t, os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o644)) //nolint:gosec // as above
	if len(shot) > 150<<10 {
		w.t.Errorf("%s.png has %d bytes", name, len(shot))
	}
}

func (w *world) pictureDark(b *chrome.Tab, name string) {
	w.t.Helper()
	b.Prefer("prefers-color-scheme", "dark")
	w.picture(b, name)
	b.Prefer("prefers-color-scheme", "light")
}
