//go:build browser

package pages_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/latchkey-idp/latchkey/internal/qr"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// filmed is a browser whose camera sees one code all the time.
func filmed(t *testing.T, text string) *chrome.Tab {
	t.Helper()
	film := filepath.Join(t.TempDir(), "film.y4m")
	chrome.Film(t, film, text)
	return chrome.OpenCamera(t, film)
}

// painted replaces the camera of each page by a canvas; see paint.
const painted = `if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async (wanted) => {
	globalThis.asked = wanted;
	const canvas = Object.assign(document.createElement("canvas"), {width: 640, height: 480});
	const context = canvas.getContext("2d");
	globalThis.paint = (size, dark, turned) => {
		context.resetTransform();
		context.fillStyle = "#ccc";
		context.fillRect(0, 0, 640, 480);
		context.translate(320, 240);
		context.rotate(turned);
		context.fillStyle = "#222";
		for (let i = 0; i < dark.length; i++)
			if (dark[i] === "1") context.fillRect((i % size - size / 2) * 7, (Math.floor(i / size) - size / 2) * 7, 7.5, 7.5);
	};
	globalThis.repaint = setInterval(() => context.fillRect(0, 0, 1, 1), 50); // a camera has a next picture
	paint(0, "", 0);
	globalThis.stream = canvas.captureStream(20);
	return stream;
};`

// paint holds a code in front of the camera, a little askew.
func paint(t *testing.T, b *chrome.Tab, text string) {
	t.Helper()
	code, err := qr.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	var dark strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			dark.WriteByte("01"[b2i(code.Dark(x, y))])
		}
	}
	b.Until("globalThis.paint")
	b.Script(fmt.Sprintf("paint(%d, %q, .2)", code.Size, dark.String()))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// refuseCamera lets the browser refuse the camera from now on.
func refuseCamera(b *chrome.Tab, why string) {
	b.Script(fmt.Sprintf(`navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", %q); }`, why))
}

// scanning is the scanner with a painted camera that is on.
func scanning(t *testing.T, scripts ...string) (*fakeApprovals, *chrome.Tab) {
	t.Helper()
	f, b := newFakeApprovals(t), chrome.Open(t)
	f.key = b.Authenticator().AddPasskey(rpID)
	b.OnEachPage(painted)
	for _, s := range scripts {
		b.OnEachPage(s)
	}
	visit(b, f.origin+"/m")
	b.Pane("scan", "Scan the code")
	b.Click("#scan-start")
	b.Until(`document.querySelector("#finder").checkVisibility() && document.querySelector("#camera").videoWidth === 640`)
	return f, b
}

// With a camera of the browser, in which the code is a film, and the decoder
// that comes with us.
func TestScanByCamera(t *testing.T) {
	f := newFakeApprovals(t)
	b := filmed(t, f.origin+"/m#"+aFrame)
	f.key = b.Authenticator().AddPasskey(rpID)
	visit(b, f.origin+"/m")
	b.Pane("scan", "Scan the code")
	loaded := func(name string) bool {
		return slices.ContainsFunc(b.Requested(), func(u string) bool { return strings.Contains(u, "/assets/"+name) })
	}
	if loaded("qr-decode") {
		t.Error("the decoder is loaded before the camera is wanted")
	}
	b.Click("#scan-start")
	b.Pane("request", "Sign in to Payroll?")
	if !loaded("qr-decode") && !chrome.Eval[bool](b, `"BarcodeDetector" in globalThis`) {
		t.Error("read by nothing")
	}
	b.Until(`!document.querySelector("#camera").srcObject && location.pathname + location.hash === "/m"`)
	if said := b.Said(); !strings.Contains(said, "The camera is on. Point it at the code on the other screen. | Code found.") {
		t.Errorf("screen reader was told: %s", said)
	}
	b.Click("#approve")
	b.Pane("end", "Done. You can put your phone away.")
	if got := f.called(); got != "claim scanner, approve" {
		t.Errorf("calls: %s", got)
	}
	f.set(func() { f.holder = "" })
	b.Click("#end-first") // the next sign-in
	b.Pane("request", "Sign in to Payroll?")
}

// A page that is opened with a code is no scanner and loads none.
func TestScannedElsewhere(t *testing.T) {
	_, b, _ := asked(t)
	for _, u := range b.Requested() {
		if strings.Contains(u, "/assets/scanner.") || strings.Contains(u, "/assets/camera.") || strings.Contains(u, "/sw.js") {
			t.Errorf("asks for %s", u)
		}
	}
}

// The code on the screen changes while it is scanned.
func TestScanOfChangingCodes(t *testing.T) {
	f, b := scanning(t)
	b.Allow("409")
	if got := chrome.Eval[string](b, `asked.video.facingMode`); got != "environment" {
		t.Errorf("camera %q", got)
	}
	f.fails("claim", problem{status: 409, code: "qr_stale"})
	paint(t, b, f.origin+"/m#"+strings.Replace(aFrame, ".0.", ".7.", 1))
	b.Pane("end", "The code has changed")
	b.Until(`stream.getTracks().every((track) => track.readyState === "ended")`)
	f.heals("claim")
	b.Script(`globalThis.paint = null`)
	b.Click("#end-first")
	paint(t, b, f.origin+"/m#"+aFrame)
	b.Pane("request", "Sign in to Payroll?")
	if got := f.called(); got != "claim scanner, claim scanner" {
		t.Errorf("calls: %s", got)
	}
}

func TestForeignCodes(t *testing.T) {
	t.Run("Q20 look-alikes", func(t *testing.T) {
		f, b := newFakeApprovals(t), chrome.Open(t)
		visit(b, f.origin+"/module/frames.js")
		b.Until("globalThis.m")
		here := f.origin + "/m#"
		host := strings.TrimPrefix(f.origin, "http://")
		for text, want := range map[string]bool{
			here + aFrame: true,
			here + strings.Replace(aFrame, ".0.", ".9999.", 1): true,

			"https://" + host + "/m#" + aFrame:                        false, // another scheme
			"http://evil.test/m#" + aFrame:                            false,
			"http://" + host + ".evil.test/m#" + aFrame:               false,
			"http://" + host + "@evil.test/m#" + aFrame:               false,
			"http://evil@" + host + "/m#" + aFrame:                    false,
			"http://" + strings.ToUpper(host) + "/m#" + aFrame:        false,
			"http://l\u043ecalhost:80/m#" + aFrame:                    false, // a Cyrillic o
			"http://" + rpID + ":1/m#" + aFrame:                       false,
			"http:\\\\" + host + "/m#" + aFrame:                       false,
			"//" + host + "/m#" + aFrame:                              false,
			"javascript:location='" + here + aFrame + "'":             false,
			" " + here + aFrame:                                       false,
			here + aFrame + "\n":                                      false,
			here + aFrame + "&x=1":                                    false,
			f.origin + "/m/#" + aFrame:                                false,
			f.origin + "/M#" + aFrame:                                 false,
			f.origin + "/m?x#" + aFrame:                               false,
			f.origin + "/e#" + aFrame:                                 false,
			f.origin + "/x/../m#" + aFrame:                            false,
			f.origin + "/%6d#" + aFrame:                               false,
			here:                                                      false,
			aFrame:                                                    false,
			here + strings.Replace(aFrame, "1.", "2.", 1):             false,
			here + strings.Replace(aFrame, ".0.", ".00.", 1):          false,
			here + strings.Replace(aFrame, ".0.", ".10000.", 1):       false,
			here + strings.ToLower(aFrame):                            false,
			here + aFrame[:len(aFrame)-1]:                             false,
			here + aFrame + "A":                                       false,
			here + strings.Replace(aFrame, "CAIREEYU", "CAIREEY0", 1): false,
		} {
			if got := chrome.Eval[bool](b, "Boolean(m.scanned("+chrome.Quote(text)+"))"); got != want {
				t.Errorf("%q: taken %t", text, got)
			}
		}
	})
	for name, text := range map[string]string{
		"another site":      "https://id.example.com.evil.test/m#" + aFrame,
		"a script":          "javascript:alert(1)",
		"a network to join": "WIFI:T:WPA;S:lobby;P:secret;;",
	} {
		t.Run("Q20 "+name, func(t *testing.T) {
			f, b := scanning(t)
			before := len(b.Requested())
			here := chrome.Eval[string](b, "location.href")
			paint(t, b, text)
			b.Told("#scan-problem", "This is not one of our codes, so we did not open it.")
			b.Until(`document.querySelector("#finder").checkVisibility()`) // it goes on
			if got := chrome.Eval[string](b, "location.href"); got != here || f.called() != "" {
				t.Errorf("at %s, calls: %s", got, f.called())
			}
			for _, u := range b.Requested()[before:] {
				if !strings.HasPrefix(u, f.origin+"/assets/") && !strings.HasPrefix(u, "blob:") {
					t.Errorf("asks for %s", u)
				}
			}
			paint(t, b, f.origin+"/m#"+aFrame)
			b.Pane("request", "Sign in to Payroll?")
		})
	}
}

// native is a BarcodeDetector of the browser, which sees what the test says.
const native = `globalThis.BarcodeDetector = class {
	static async getSupportedFormats() { return ["qr_code"]; }
	async detect(picture) {
		if (globalThis.broken) throw new DOMException("", "NotSupportedError");
		return globalThis.held ? [{rawValue: "https://example.org/"}, {rawValue: held}] : [];
	}
};`

func TestDetectorOfTheBrowser(t *testing.T) {
	t.Run("is used, and ours is not loaded", func(t *testing.T) {
		f, b := scanning(t, native)
		b.Script("globalThis.held = " + chrome.Quote(f.origin+"/m#"+aFrame))
		b.Pane("request", "Sign in to Payroll?")
		for _, u := range b.Requested() {
			if strings.Contains(u, "qr-decode") {
				t.Errorf("asks for %s", u)
			}
		}
	})
	t.Run("does not work", func(t *testing.T) {
		f, b := scanning(t, native, `globalThis.broken = true`)
		paint(t, b, f.origin+"/m#"+aFrame)
		b.Pane("request", "Sign in to Payroll?")
	})
	t.Run("knows no QR codes", func(t *testing.T) {
		f, b := scanning(t, native, `BarcodeDetector.getSupportedFormats = async () => ["ean_13"]`)
		paint(t, b, f.origin+"/m#"+aFrame)
		b.Pane("request", "Sign in to Payroll?")
	})
}

func TestCameraProblems(t *testing.T) {
	f, b := newFakeApprovals(t), chrome.Open(t)
	visit(b, f.origin+"/m")
	b.Pane("scan", "Scan the code")
	for why, words := range map[string]string{
		"NotAllowedError":      "This page may not use the camera. Allow it",
		"NotFoundError":        "There is no camera that this page can use.",
		"OverconstrainedError": "There is no camera that this page can use.",
		"NotReadableError":     "The camera is in use by another app.",
		"TypeError":            "The camera could not be started.",
	} {
		refuseCamera(b, why)
		b.Click("#scan-start")
		b.Told("#scan-problem", words)
		b.Until(`document.querySelector("#scan-start").checkVisibility() && !document.querySelector("#finder").checkVisibility()`)
		b.Ready("#scan-start")
	}
	b.Click("#scan-type")
	b.Pane("type", "Type the code")
}

// The browser itself says no.
func TestCameraDenied(t *testing.T) {
	f, b := newFakeApprovals(t), filmed(t, "a code")
	b.AllowCamera(false)
	visit(b, f.origin+"/m")
	b.Click("#scan-start")
	b.Told("#scan-problem", "This page may not use the camera.")
}

// There is no way to a camera at all, as in some browsers within other apps.
func TestNoCamera(t *testing.T) {
	f, b := newFakeApprovals(t), chrome.Open(t)
	b.OnEachPage(`delete Navigator.prototype.mediaDevices`)
	visit(b, f.origin+"/m")
	b.Pane("type", "Type the code")
	b.Until(`document.querySelector("#type-scan").hidden`)
}

func TestCameraStops(t *testing.T) {
	ended := `stream.getTracks().every((track) => track.readyState === "ended") && !document.querySelector("#camera").srcObject`
	t.Run("by its button", func(t *testing.T) {
		_, b := scanning(t)
		b.Until(`document.activeElement.id === "scan-stop"`)
		b.Press(kb.Enter)
		b.Until(ended + ` && document.activeElement.id === "scan-start" && !document.querySelector("#finder").checkVisibility()`)
	})
	t.Run("for typing", func(t *testing.T) {
		_, b := scanning(t)
		b.Click("#scan-type")
		b.Pane("type", "Type the code")
		b.Until(ended)
		b.Click("#type-scan") // and comes back
		b.Until(`document.querySelector("#finder").checkVisibility()`)
	})
	t.Run("with the page", func(t *testing.T) {
		_, b := scanning(t)
		b.Script(`(Object.defineProperty(document, "hidden", {value: true, configurable: true}), document.dispatchEvent(new Event("visibilitychange")))`)
		b.Until(ended)
		b.Script(`(delete document.hidden, document.dispatchEvent(new Event("visibilitychange")))`)
		b.Until(`stream.active && document.querySelector("#finder").checkVisibility()`)
		b.Script(`dispatchEvent(new Event("pagehide"))`)
		b.Until(ended)
	})
	t.Run("taken away", func(t *testing.T) {
		_, b := scanning(t)
		b.Script(`stream.getVideoTracks()[0].dispatchEvent(new Event("ended"))`)
		b.Told("#scan-problem", "The camera is in use by another app.")
		b.Until(ended)
	})
	t.Run("for a code that arrives by a link", func(t *testing.T) {
		_, b := scanning(t)
		b.Script(`location.hash = ` + chrome.Quote(aFrame))
		b.Pane("request", "Sign in to Payroll?")
		b.Until(ended)
	})
	t.Run("allowed too late", func(t *testing.T) {
		f, b := newFakeApprovals(t), chrome.Open(t)
		b.OnEachPage(painted + `const camera = navigator.mediaDevices?.getUserMedia;
			if (camera) navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => { globalThis.allow = () => camera({video: {}}).then(resolve); });`)
		visit(b, f.origin+"/m")
		b.Click("#scan-start")
		b.Click("#scan-type")
		b.Pane("type", "Type the code")
		b.Script("allow()")
		b.Until("globalThis.stream && " + ended)
	})
}

func TestLight(t *testing.T) {
	_, b := scanning(t, `MediaStreamTrack.prototype.getCapabilities = () => ({torch: true});
		MediaStreamTrack.prototype.applyConstraints = async ({advanced: [{torch}]}) => { globalThis.torch = torch; };`)
	b.Click("#scan-light")
	b.Until(`torch === true && document.querySelector("#scan-light").getAttribute("aria-pressed") === "true"`)
	b.Click("#scan-light")
	b.Until(`torch === false && document.querySelector("#scan-light").getAttribute("aria-pressed") === "false"`)
}

// The shortcut of the app on the home screen.
func TestScanAtOnce(t *testing.T) {
	f := newFakeApprovals(t)
	b := filmed(t, f.origin+"/m#"+aFrame)
	visit(b, f.origin+"/m?scan=1")
	b.Pane("request", "Sign in to Payroll?")
}

func TestScannerByKeyboard(t *testing.T) {
	f := newFakeApprovals(t)
	b := filmed(t, f.origin+"/m#"+aFrame)
	visit(b, f.origin+"/m")
	b.Pane("scan", "Scan the code")
	b.Press(kb.Tab)
	b.Until(`document.activeElement.id === "scan-start"`)
	b.Press(kb.Enter)
	b.Pane("request", "Sign in to Payroll?")
	b.Until(`document.activeElement.id === "deny"`)
}
