//go:build browser

package chrome

import (
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

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	stepTime = 60 * time.Second // for one step of the browser: generous, since other tests run beside
	waitTime = 45 * time.Second // for an expression to become true
)

// Tab is one page in headless Chromium.
type Tab struct {
	t     *testing.T
	ctx   context.Context
	hosts []string // that may be asked; empty: everything on this machine

	width, height int64
	media         map[string]string // preferences, by feature
	noScript      bool

	mu       sync.Mutex
	problems []string // what the browser complains about
	allowed  []string // complaints that a test expects
	urls     []string // that were asked
}

// Open starts a browser with one tab of 1280 × 800 px. It may talk to these
// hosts (host:port) only; without any, to this machine only.
func Open(t *testing.T, hosts ...string) *Tab {
	t.Helper()
	return open(t, hosts)
}

// OpenCamera is Open for a device with a camera, which pages may use and which
// shows a film (see Film).
func OpenCamera(t *testing.T, film string, hosts ...string) *Tab {
	t.Helper()
	b := open(t, hosts,
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-video-capture", film))
	b.AllowCamera(true)
	return b
}

// OpenMapped is Open where an https host is found at an address of this machine,
// and where certificates count for nothing.
func OpenMapped(t *testing.T, host, address string, hosts ...string) *Tab {
	t.Helper()
	return open(t, append(hosts, host),
		chromedp.Flag("host-resolver-rules", "MAP "+host+":443 "+address),
		chromedp.Flag("ignore-certificate-errors", true))
}

// AllowCamera answers for the person whether pages may use the camera.
func (b *Tab) AllowCamera(yes bool) {
	b.t.Helper()
	setting := browser.PermissionSettingDenied
	if yes {
		setting = browser.PermissionSettingGranted
	}
	Call(b, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: "camera"}, Setting: setting})
}

func open(t *testing.T, hosts []string, more ...chromedp.ExecAllocatorOption) *Tab {
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
	options = append(options, more...)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	return openTab(t, alloc, hosts)
}

// Another opens a further tab of the same browser.
func (b *Tab) Another() *Tab {
	b.t.Helper()
	return openTab(b.t, b.ctx, b.hosts)
}

func openTab(t *testing.T, parent context.Context, hosts []string) *Tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(parent)
	t.Cleanup(stop)
	b := &Tab{t: t, ctx: ctx, hosts: hosts, media: map[string]string{}}
	b.Listen(b.heard)
	Call(b, log.Enable, cdp.Empty{})
	Call(b, network.Enable, network.EnableParams{})
	b.OnEachPage(recordStatus + undoing)
	b.Size(1280, 800)
	t.Cleanup(b.check)
	return b
}

// Listen hands every event of the tab to a function.
func (b *Tab) Listen(heard func(event any)) {
	b.t.Helper()
	if err := chromedp.Listen(b.ctx, heard); err != nil {
		b.t.Fatal(err)
	}
}

// OnEachPage runs JavaScript in every page before its own.
func (b *Tab) OnEachPage(source string) {
	b.t.Helper()
	Call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
}

func (b *Tab) heard(event any) {
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
func (b *Tab) request(address string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return
	}
	b.mu.Lock()
	b.urls = append(b.urls, address)
	b.mu.Unlock()
	here := len(b.hosts) == 0 && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
	if !here && !slices.Contains(b.hosts, u.Host) {
		b.note("request to a third party: " + address)
	}
}

func (b *Tab) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, text)
}

// Requested are the addresses that were asked since the tab was opened.
func (b *Tab) Requested() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.urls)
}

// Problems are the complaints so far, allowed ones too.
func (b *Tab) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

// Allow accepts complaints that contain a text: the browser logs every answer
// with an error status.
func (b *Tab) Allow(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allowed = append(b.allowed, text)
}

func (b *Tab) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		if !slices.ContainsFunc(b.allowed, func(a string) bool { return strings.Contains(p, a) }) {
			b.t.Errorf("the browser reports: %s", p)
		}
	}
}

// Do takes steps one after the other.
func (b *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTime)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// Get takes a step that answers something.
func Get[T any](b *Tab, step chromedp.Action[T]) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTime)
	defer stop()
	v, err := chromedp.Run(ctx, step)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// Eval is the value of a JavaScript expression in the page.
func Eval[T any](b *Tab, expression string) T {
	b.t.Helper()
	return Get(b, chromedp.Evaluate[T](expression))
}

// Call gives the browser a command of its debugging protocol.
func Call[P, R any](b *Tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTime)
	defer stop()
	answer, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer
}

// Script runs JavaScript in the page.
func (b *Tab) Script(expression string) {
	b.t.Helper()
	Eval[bool](b, "("+expression+", true)")
}

// Until waits for a JavaScript expression to be true.
func (b *Tab) Until(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(waitTime); ; time.Sleep(30 * time.Millisecond) {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("never true: %s (%v)\n%s", expression, err, b.Text("body"))
		}
	}
}

// Text is what an element shows; empty where there is none.
func (b *Tab) Text(selector string) string {
	b.t.Helper()
	return Eval[string](b, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// Open goes to an address.
func (b *Tab) Open(address string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(address))
}

// Reopen goes to an address that may differ from the present one in its
// fragment only, which a browser alone would not load again.
func (b *Tab) Reopen(address string) {
	b.t.Helper()
	b.Do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
}

// Start goes to an address without waiting for what it loads.
func (b *Tab) Start(address string) {
	b.t.Helper()
	Call(b, page.Navigate, page.NavigateParams{URL: address})
}

// Hold keeps requests for addresses of a pattern, such as *.js, from being
// answered.
func (b *Tab) Hold(pattern string) {
	b.t.Helper()
	Call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern}}})
}

// Click clicks an element as soon as it is seen.
func (b *Tab) Click(selector string) {
	b.t.Helper()
	b.Until(fmt.Sprintf("document.querySelector(%q)?.checkVisibility()", selector))
	b.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Press presses a key (package chromedp/kb).
func (b *Tab) Press(key string) {
	b.t.Helper()
	b.Do(chromedp.KeyEvent(key))
}

// Size sets the window's inside, in CSS pixels.
func (b *Tab) Size(width, height int64) {
	b.t.Helper()
	b.width, b.height = width, height
	Call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

// Prefer sets a preference of the person or a trait of the device, such as
// prefers-color-scheme or pointer; the others stay as they are.
func (b *Tab) Prefer(feature, value string) {
	b.t.Helper()
	b.media[feature] = value
	var features []*emulation.MediaFeature
	for name, value := range b.media {
		features = append(features, &emulation.MediaFeature{Name: name, Value: value})
	}
	Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
}

// Screenshot is a PNG of what the window shows.
func (b *Tab) Screenshot() []byte {
	b.t.Helper()
	return Get(b, chromedp.CaptureScreenshot())
}

// TouchScreen makes the tab one of a device that is touched.
func (b *Tab) TouchScreen() {
	b.t.Helper()
	Call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	b.Prefer("pointer", "coarse")
}

// NoScript switches the scripts of the pages off, as some people do.
func (b *Tab) NoScript() {
	b.t.Helper()
	b.noScript = true
	b.scripts(false)
}

func (b *Tab) scripts(on bool) {
	b.t.Helper()
	Call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}
