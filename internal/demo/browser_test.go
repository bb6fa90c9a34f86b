//go:build browser

package demo_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// window is a page in headless Chromium.
type window struct {
	t   *testing.T
	ctx context.Context
}

// openWindows opens n windows of one browser.
func openWindows(t *testing.T, n int) []*window {
	t.Helper()
	path := os.Getenv("LATCHKEY_CHROMIUM")
	if path == "" {
		path = "chromium"
	}
	path, err := exec.LookPath(path)
	if err != nil {
		if os.Getenv("LATCHKEY_REQUIRE_ALL") == "1" {
			t.Fatal("Chromium is needed: ", err)
		}
		t.Skip("no Chromium: ", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	parent, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	var out []*window
	for range n {
		ctx, stop := chromedp.NewContext(parent)
		t.Cleanup(stop)
		// The first call makes the window and lends it its context.
		if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
			t.Fatal(err)
		}
		out = append(out, &window{t, ctx})
		parent = ctx // a further one is of the same browser
	}
	return out
}

func (w *window) open(url string, width int64) {
	w.t.Helper()
	w.do(chromedp.Navigate(url))
	if _, err := chromedp.Call(w.ctx, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.ctx, 15*time.Second)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.t.Fatal(err)
	}
}

// until waits for a JavaScript expression to be true.
func (w *window) until(expression string) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(30 * time.Millisecond) {
		ok, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			w.picture("failed")
			w.t.Fatalf("never true: %s (%v)", expression, err)
		}
	}
}

// says waits until an element is seen with these words.
func (w *window) says(selector, words string) {
	w.t.Helper()
	w.until(fmt.Sprintf("document.querySelector(%q)?.checkVisibility() && document.querySelector(%q).innerText.includes(%q)", selector, selector, words))
}

func (w *window) click(selector string) {
	w.t.Helper()
	w.until(fmt.Sprintf("document.querySelector(%q)?.checkVisibility()", selector))
	w.do(chromedp.Click(chromedp.CSS(selector)))
}

// picture keeps what the window shows, where LATCHKEY_SCREENSHOTS names a
// folder.
func (w *window) picture(name string) {
	w.t.Helper()
	dir := os.Getenv("LATCHKEY_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		w.t.Error(err)
	}
}

// The story that a newcomer sees: two windows beside each other.
func TestTwoWindows(t *testing.T) {
	d := start(t, filepath.Join(t.TempDir(), "demo"), false)
	windows := openWindows(t, 2)
	screen, phone := windows[0], windows[1]
	phone.open(d.Phone+"/", 440)
	screen.open(d.App+"/", 1000)
	phone.says("#unseen", "No code is in sight")
	phone.click("#scan")
	phone.says("#camera-error", "No code is on the screen")

	// Denied.
	screen.click("a.primary")
	screen.until(`document.querySelector("#qr path")?.getAttribute("d")`)
	phone.until(`document.querySelector("#seen").checkVisibility()`)
	phone.picture("phone-camera")
	phone.click("#scan")
	phone.says("#request-title", "Sign in to Orchard Travel?")
	phone.until(`document.activeElement.id === "deny"`)
	phone.says(".fixed", "Only continue if you opened localhost:")
	phone.picture("phone-request")
	screen.says("#notice-title", "Phone connected")
	phone.click("#deny")
	phone.says("#result-title", "Denied")
	phone.picture("phone-denied")
	screen.until(`document.querySelector("#notice-title")?.innerText.length > 0 && !document.querySelector("#notice-title").innerText.includes("Phone connected")`)
	screen.picture("login-denied")

	// A new code, cancelled: the application is told.
	screen.open(d.App+"/sign-in", 1000)
	screen.until(`document.querySelector("#qr path")?.getAttribute("d")`)
	screen.click("#cancel")
	screen.says("h1", "You cancelled the sign-in")
	screen.says(".facts", "RequestDenied")
	screen.picture("app-cancelled")

	// Approved, from a picture that is chosen.
	screen.click("a.primary")
	screen.until(`document.querySelector("#qr path")?.getAttribute("d")`)
	phone.click("#again")
	phone.until(`document.querySelector("#seen").checkVisibility()`)
	shot, err := chromedp.Run(screen.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	phone.do(chromedp.Click(chromedp.CSS("#camera summary")))
	phone.picture("phone-other-ways")
	if _, err := chromedp.Run(phone.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
		const bytes = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0));
		const data = new DataTransfer();
		data.items.add(new File([bytes], "screen.png", {type: "image/png"}));
		document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
		return true;
	})()`, base64.StdEncoding.EncodeToString(shot)))); err != nil {
		t.Fatal(err)
	}
	phone.says("#request-title", "Sign in to Orchard Travel?")
	phone.click("#approve")
	phone.says("#result-title", "Done")
	phone.picture("phone-approved")
	screen.says("#notice-title", "Continue as D...a N...?")
	screen.click("#notice-first")
	screen.says("#name-id", "dana@example.com")
	screen.says("h1", "Welcome, Dana")
	screen.picture("app-signed-in")
	screen.click("form.ending button")
	screen.says("a.primary", "Sign in with Latchkey")
}
