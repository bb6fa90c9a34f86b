//go:build browser

package browsertest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// scanPhone is a phone with a camera, which sees what is in film.
func (w *world) scanPhone() (p *webPhone, film string) {
	w.t.Helper()
	film = filepath.Join(w.t.TempDir(), "film.y4m")
	b := chrome.OpenCamera(w.t, film, host(w.t, w.idp.URL))
	return w.asPhone(b), film
}

// A whole sign-in in which the phone reads the code with its own scanner.
func TestScanner(t *testing.T) {
	w := newWorld(t)
	_, link := w.newcomer()
	p, film := w.scanPhone()
	p.enroll(link)
	p.Open(w.idp.URL + "/m?source=app")
	p.Pane("scan", "Scan the code")
	p.picture("scan")
	b := w.start()
	chrome.Film(t, film, b.Camera())
	p.Click("#scan-start")
	p.Pane("request", "Sign in to "+appName+"?")
	b.Notice("Phone connected", "Check your phone - "+appName)
	p.Click("#approve")
	p.Pane("end", "Done. You can put your phone away.")
	b.Click("#notice-first")
	w.arrived(b, "ana@example.com")
	if n := chrome.Eval[int](p.Tab, "history.length"); n > 3 {
		t.Errorf("the phone went %d pages", n)
	}
}

func TestOffline(t *testing.T) {
	w := newWorld(t)
	p := w.webPhone()
	p.Open(w.idp.URL + "/m?source=app")
	p.Pane("scan", "Scan the code")
	p.Until(`navigator.serviceWorker.controller?.state === "activated"`)
	scope := `navigator.serviceWorker.getRegistration().then((r) => { globalThis.scope = new URL(r.scope).pathname; })`
	p.Script(scope)
	p.Until(`globalThis.scope === "/m"`)
	p.Allow("ERR_EMPTY_RESPONSE")
	p.Allow("503")
	w.idp.Silence(true)
	for _, path := range []string{"/m?source=app", "/m", "/me"} {
		p.Open(w.idp.URL + path)
		p.Until(`document.title === "No connection" && getComputedStyle(document.querySelector(".card")).borderRadius !== "0px"`)
		contains(t, path, p.Text("main"), "This phone is not connected to the internet.", "Try again")
	}
	p.picture("offline")
	w.idp.Silence(false)
	p.Click("main a")
	p.Pane("scan", "Scan the code")
}

// What the worker keeps would outlive a signed-out session and another person's
// turn on the same phone.
func TestWorkerKeepsNothingPersonal(t *testing.T) {
	w := newWorld(t)
	_, link := w.newcomer()
	p := w.webPhone()
	p.Allow("403") // of a person's own page, before the sign-in there
	p.Open(w.idp.URL + "/m")
	p.Pane("scan", "Scan the code")
	p.Until(`navigator.serviceWorker.controller?.state === "activated"`)
	p.enroll(link)
	b := w.start()
	p.scan(b)
	p.Click("#approve")
	p.Pane("end", "Done. You can put your phone away.")
	p.Open(w.idp.URL + "/me")
	p.Until(`document.querySelector("#signin, #home")?.checkVisibility()`)
	p.Script(`(async () => {
		const kept = [];
		for (const name of await caches.keys())
			for (const request of await (await caches.open(name)).keys()) kept.push(new URL(request.url).pathname);
		globalThis.kept = kept;
	})()`)
	p.Until("globalThis.kept")
	kept := chrome.Eval[[]string](p.Tab, "kept")
	slices.Sort(kept)
	if len(kept) != 2 || !strings.HasPrefix(kept[0], "/assets/latchkey.") || !strings.HasPrefix(kept[1], "/assets/mark.") {
		t.Errorf("kept: %v", kept)
	}
}

// A new release replaces the worker and what it kept.
func TestWorkerIsReplaced(t *testing.T) {
	w := newWorld(t)
	p := w.webPhone()
	p.Open(w.idp.URL + "/m")
	p.Until(`navigator.serviceWorker.controller?.state === "activated"`)
	names := `caches.keys().then((names) => { globalThis.names = names.join(); })`
	p.Script(names)
	p.Until("globalThis.names")
	before := chrome.Eval[string](p.Tab, "names")
	p.Open(w.idp.URL + "/m?lang=de") // another language is another worker, as another release is
	p.Until(`document.documentElement.lang === "de"`)
	p.Until(`(` + names + `, globalThis.names && names !== ` + chrome.Quote(before) + ` && !names.includes(","))`)
}

// The browser finds nothing in the manifest that keeps it from the home screen.
func TestInstallable(t *testing.T) {
	w := newWorld(t)
	p := w.webPhone()
	p.Allow("403") // of a person's own page
	for _, path := range []string{"/m", "/e", "/me"} {
		p.Open(w.idp.URL + path)
		p.Until(`document.readyState === "complete"`)
		m := chrome.Call(p.Tab, page.GetAppManifest, page.GetAppManifestParams{})
		if !strings.HasSuffix(m.URL, "/manifest.webmanifest") || len(m.Errors) > 0 {
			t.Errorf("%s: manifest %q, errors %v", path, m.URL, m.Errors)
		}
		if errs := chrome.Call(p.Tab, page.GetInstallabilityErrors, cdp.Empty{}).InstallabilityErrors; len(errs) > 0 {
			for _, e := range errs {
				t.Errorf("%s: %s %v", path, e.ErrorID, e.ErrorArguments)
			}
		}
	}
}
