//go:build browser

package browsertest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/phone/scan"
)

// tab is one page in headless Chromium.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // what the browser complains about
	allowed  []string // complaints that a test expects
	hosts    []string // that may be asked
	urls     []string // that were asked
}

// openBrowser starts a browser with one tab that may talk to hosts only.
func openBrowser(t *testing.T, hosts ...string) *tab {
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
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("force-color-profile", "srgb"))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	return openTab(t, alloc, hosts)
}

// another opens a further tab of the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	return openTab(b.t, b.ctx, b.hosts)
}

func openTab(t *testing.T, parent context.Context, hosts []string) *tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(parent)
	t.Cleanup(stop)
	b := &tab{t: t, ctx: ctx, hosts: hosts}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, network.Enable, network.EnableParams{})
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: recordStatus})
	b.size(1280, 800)
	t.Cleanup(b.check)
	return b
}

// recordStatus keeps what a screen reader is told.
const recordStatus = `globalThis.said = [];
addEventListener("DOMContentLoaded", () => {
	const status = document.querySelector("[role=status]");
	if (status) new MutationObserver(() => said.push(status.textContent)).observe(status, {childList: true, characterData: true, subtree: true});
});`

func (b *tab) listen(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning || e.Entry.Source == log.EntrySourceSecurity {
			b.note(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		b.note(fmt.Sprintf("exception: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		b.note(fmt.Sprintf("console.%s", e.Type))
	case *page.EventJavascriptDialogOpening:
		b.note("dialog: " + e.Message)
	case *network.EventRequestWillBeSent:
		b.request(e.Request.URL)
	}
}

// request notes what is asked; data: and about: ask nobody.
func (b *tab) request(address string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return
	}
	b.mu.Lock()
	b.urls = append(b.urls, address)
	b.mu.Unlock()
	if !slices.Contains(b.hosts, u.Host) {
		b.note("request to a third party: " + address)
	}
}

func (b *tab) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, text)
}

// requested is what was asked of the network since the tab was opened.
func (b *tab) requested() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.urls)
}

// allow accepts complaints that contain a text: the browser logs every answer
// with an error status.
func (b *tab) allow(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allowed = append(b.allowed, text)
}

func (b *tab) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		if !slices.ContainsFunc(b.allowed, func(a string) bool { return strings.Contains(p, a) }) {
			b.t.Errorf("the browser reports: %s", p)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 20*time.Second)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 20*time.Second)
	defer stop()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](expression))
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

// until waits for a JavaScript expression to be true.
func (b *tab) until(expression string) {
	b.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("never true: %s (%v)\n%s", expression, err, b.text("body"))
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

func (b *tab) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.querySelector(%q)?.checkVisibility()", selector))
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

func (b *tab) press(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key))
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

func (b *tab) prefer(feature, value string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

// waiting waits for the picture of a code.
func (b *tab) waiting() {
	b.t.Helper()
	b.until(`document.querySelector("#qr path")?.getAttribute("d") && document.querySelector("#scan").checkVisibility() && document.querySelector("#cover").hidden`)
}

// notice waits for a notice and the title that goes with it.
func (b *tab) notice(heading, title string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector("#notice-title")?.checkVisibility() && document.querySelector("#notice-title").textContent === %q`, heading))
	b.until(fmt.Sprintf("document.title === %q", title))
}

// camera is what the camera of a phone in front of the screen reads. Like one
// it looks again where it could not make a picture out.
func (b *tab) camera() string {
	b.t.Helper()
	b.waiting()
	var text string
	var err error
	for range 3 {
		if text, err = scan.Image(bytes.NewReader(get(b, chromedp.CaptureScreenshot()))); err == nil {
			return text
		}
		time.Sleep(4 * time.Second) // the next picture
	}
	b.t.Fatal(err)
	return text
}
