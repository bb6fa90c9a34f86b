//go:build browser

package pages_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is one page in headless Chromium. It fails the test on any error in the
// console, violation of the policy, exception or dialog that was not allowed.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	allowed []string
	errors  []string
}

func openTab(t *testing.T) *tab {
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
		chromedp.Flag("disable-component-update", true))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(stop)

	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: recordStatus})
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
	}
}

func (b *tab) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors = append(b.errors, text)
}

// allow accepts errors that contain a text: failed calls are logged by the
// browser itself.
func (b *tab) allow(text string) { b.allowed = append(b.allowed, text) }

func (b *tab) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, e := range b.errors {
		for _, a := range b.allowed {
			if strings.Contains(e, a) {
				continue next
			}
		}
		b.t.Errorf("the browser reports: %s", e)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 15*time.Second)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 15*time.Second)
	defer stop()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

// script runs JavaScript in the page.
func (b *tab) script(expression string) {
	b.t.Helper()
	get(b, chromedp.Evaluate[bool]("("+expression+", true)"))
}

// until waits for a JavaScript expression to be true.
func (b *tab) until(expression string) {
	b.t.Helper()
	deadline := time.Now().Add(8 * time.Second)
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
	return get(b, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)))
}

func (b *tab) said() string {
	b.t.Helper()
	return get(b, chromedp.Evaluate[string](`said.join(" | ")`))
}

// heading waits until the notice shows a heading.
func (b *tab) heading(words string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector("#notice-title")?.checkVisibility() && document.querySelector("#notice-title").textContent === %s`, quote(words)))
}

// waiting waits for a picture of the code.
func (b *tab) waiting() {
	b.t.Helper()
	b.until(`document.querySelector("#qr path")?.getAttribute("d") && document.querySelector("#scan").checkVisibility() && document.querySelector("#cover").hidden`)
}

// arrived waits for the application's own page.
func (b *tab) arrived() {
	b.t.Helper()
	b.until(`document.title === "Home"`)
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

func (b *tab) size(width int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1})
}

func (b *tab) prefer(feature, value string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.size(1280)
	b.do(chromedp.Navigate(url))
}
