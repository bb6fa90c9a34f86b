//go:build browser

package pages_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// walk leads a browser through states of a page. It calls see in each of them,
// with a name that no other state has.
type walk struct {
	name  string
	steps func(t *testing.T, see func(b *chrome.Tab, state string))
}

// walks are all states of all pages. What is here is checked by TestEveryState
// and TestAccessibility, and is in the pictures of scripts/screenshots.sh.
func walks() []walk {
	return []walk{
		{"login", walkLogin},
		{"login with a passkey", walkLoginPasskey},
		{"login ends", walkLoginEnds},
		{"login problems", walkLoginProblems},
		{"approve", walkApprove},
		{"approve ends", walkApproveEnds},
		{"type the code", walkTypeCode},
		{"scan", walkScan},
		{"enroll", walkEnroll},
		{"enroll ends", walkEnrollEnds},
		{"recover", walkRecover},
		{"add a device", walkAddDevice},
		{"own page", walkOwnPage},
		{"own page and codes", walkOwnPageCodes},
		{"messages", walkMessages},
		{"sign out", walkSignOut},
		{"launchpad", walkApps},
		{"without scripts", walkWithoutScripts},
		{"consent", walkConsent},
	}
}

// windows are the sizes that a page is looked at in.
var windows = [][2]int64{{320, 568}, {768, 1024}, {1280, 800}}

// eachLook calls look in light and dark, in windows of these sizes.
func eachLook(b *chrome.Tab, sizes [][2]int64, look func(scheme string, width int64)) {
	for _, scheme := range []string{"light", "dark"} {
		b.Prefer("prefers-color-scheme", scheme)
		for _, size := range sizes {
			b.Size(size[0], size[1])
			look(scheme, size[0])
		}
	}
	b.Prefer("prefers-color-scheme", "light")
	b.Size(1280, 800)
}

// TestEveryState looks at every state as people with different needs do. With
// LATCHKEY_SCREENSHOTS=FOLDER it takes pictures for people to look at.
func TestEveryState(t *testing.T) {
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	for _, w := range walks() {
		t.Run(w.name, func(t *testing.T) {
			w.steps(t, func(b *chrome.Tab, state string) {
				t.Helper()
				if folder != "" {
					eachLook(b, windows, func(scheme string, width int64) {
						time.Sleep(200 * time.Millisecond) // transitions
						file := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", state, width, scheme))
						if err := os.WriteFile(file, chrome.Get(b, chromedp.FullScreenshot(100)), 0o600); err != nil {
							t.Fatal(err)
						}
					})
				}
				b.Fits(state)
				b.Still(state)
				b.Keyboard(state)
			})
		})
	}
}

func TestAccessibility(t *testing.T) {
	axe := chrome.LoadAxe(t)
	for _, w := range walks() {
		t.Run(w.name, func(t *testing.T) {
			w.steps(t, func(b *chrome.Tab, state string) {
				t.Helper()
				b.Prefer("prefers-reduced-motion", "reduce") // no colour on its way to another
				eachLook(b, [][2]int64{windows[0], windows[2]}, func(scheme string, width int64) {
					axe.Check(b, fmt.Sprintf("%s, %s, %d px", state, scheme, width))
				})
			})
		})
	}
}

func walkLogin(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := start(t)
	b.Allow("Failed to load resource")
	see(b, "login-waiting")
	b.Click("#hide-code")
	b.Until(`document.querySelector("#cover").checkVisibility()`)
	see(b, "login-hidden")
	b.Click("#hide-code")
	b.Waiting()
	f.change(func(v *view) { v.Remembered = &remembered{Display: "A...n K..."} })
	b.Told("#remembered", "Last here")
	see(b, "login-remembered")
	f.fail("poll", problem{status: 503, code: "busy", retryAfter: "1"})
	b.Until(`!document.querySelector("#trouble").hidden`)
	see(b, "login-trouble")
	f.heal("poll")
	b.Until(`document.querySelector("#trouble").hidden`)
	b.Click("#cannot-scan")
	b.Until(`document.querySelector("#typed").checkVisibility()`)
	see(b, "login-typed")
	f.scanned()
	b.Heading("Phone connected")
	see(b, "login-connected")
	number := "482915"
	f.change(func(v *view) { v.Match = &number })
	b.Heading("Type this number on your phone")
	see(b, "login-number")
	f.change(func(v *view) { v.Match = nil })
	f.approved(true)
	b.Heading("Continue as A...n K...?")
	see(b, "login-confirm")
}

func walkLoginPasskey(t *testing.T, see func(*chrome.Tab, string)) {
	t.Run("on a phone", func(t *testing.T) {
		_, b, a := offered(t, true)
		see(b, "login-passkey-first")
		a.Recognizes(false)
		b.Click("#here-go")
		b.Ready("#here-go")
		see(b, "login-passkey-refused")
		b.Click("#other-device")
		b.Waiting()
		see(b, "login-other-device")
	})
	t.Run("on a computer", func(t *testing.T) {
		_, b, a := atField(t, true)
		b.Until(`document.querySelector("#autofill").checkVisibility()`)
		see(b, "login-computer")
		a.Waits(false)
		a.Recognizes(false)
		b.Click("#passkey")
		b.Until(`document.querySelector("#passkey-error").checkVisibility()`)
		see(b, "login-computer-refused")
	})
}

func walkLoginEnds(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := start(t)
	for _, end := range []struct{ name, status, hint, heading string }{
		{"denied", "denied", "denied", "You said no on your phone"},
		{"expired", "expired", "expired", "This took too long"},
		{"contested", "cancelled", "contested", "We stopped this sign-in to be safe"},
		{"stopped", "cancelled", "cancelled", "This sign-in was stopped"},
	} {
		f.change(func(v *view) { v.Status, v.Hint, v.Return = end.status, end.hint, true })
		b.Heading(end.heading)
		see(b, "login-"+end.name)
		b.Click("#notice-first")
		b.Waiting()
	}
	b.Click("#cancel")
	b.Heading("Sign-in cancelled")
	see(b, "login-cancelled")
}

func walkLoginProblems(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeIdP(t), chrome.Open(t)
	b.Allow("Failed to load resource")
	for code, heading := range map[string]string{
		"login_expired": "This took too long", "session_unknown": "We cannot find this sign-in", "not_your_browser": "Another browser",
		"cookies_needed": "Cookies are needed", "app_disabled": "Payroll is switched off", "new_code": "Something went wrong",
	} {
		f.fail("create", problem{status: 403, code: code, detail: "Words of the server."})
		b.Open(f.URL + "/login")
		b.Heading(heading)
		see(b, "login-problem-"+code)
	}
}

func walkApprove(t *testing.T, see func(*chrome.Tab, string)) {
	f, b, a := asked(t)
	b.Allow("Failed to load resource")
	see(b, "m-request")
	a.Recognizes(false)
	b.Click("#approve")
	b.Until(`document.querySelector("#problem").checkVisibility()`)
	see(b, "m-refused")
	a.Recognizes(true)
	b.Ready("#approve")
	b.Click("#approve")
	b.Pane("end", "Done. You can put your phone away.")
	see(b, "m-done")
	f.set(func() {
		f.holder, f.match, f.life, f.warnings = "", "482915", 29*time.Second, []string{"new_browser", "far"}
		f.context.App.Name, f.context.Place = "Universal Consolidated Expense Reporting and Travel Booking", "unknown"
	})
	visit(b, f.origin+"/m#"+aFrame)
	b.Until(`document.querySelector("#request")?.checkVisibility() && document.querySelector("#before").checkVisibility()`)
	see(b, "m-number")
	b.Click("#approve")
	b.Until(`document.querySelector("#match-error").checkVisibility()`)
	see(b, "m-number-missing")
}

func walkApproveEnds(t *testing.T, see func(*chrome.Tab, string)) {
	f, b, _ := asked(t)
	b.Allow("Failed to load resource")
	for _, end := range []struct{ button, heading, name string }{
		{"#deny", "Denied", "m-denied"}, {"#not-me", "Good that you said so", "m-not-me"},
	} {
		f.set(func() { f.holder = "" })
		visit(b, f.origin+"/m#"+aFrame)
		b.Pane("request", "Sign in to Payroll?")
		b.Click(end.button)
		b.Pane("end", end.heading)
		see(b, end.name)
	}
	f.set(func() { f.holder = "x" })
	b.Script(`localStorage.clear()`)
	visit(b, f.origin+"/m#"+aFrame)
	b.Pane("end", "This code is open on another device")
	see(b, "m-other-device")
	for code, heading := range map[string]string{
		"qr_stale": "The code has changed", "qr_invalid": "This is not one of our codes", "session_expired": "This took too long",
		"contested": "We stopped this sign-in to be safe", "app_disabled": "This app is switched off", "busy": "One moment",
	} {
		f.fails("claim", problem{status: 409, code: code})
		visit(b, f.origin+"/m#"+aFrame)
		b.Pane("end", heading)
		see(b, "m-problem-"+code)
	}
}

func walkTypeCode(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeApprovals(t), chrome.Open(t)
	typeCode(b, f)
	see(b, "m-code")
	b.Click("#code-form button")
	b.Until(`document.querySelector("#code-error").checkVisibility()`)
	see(b, "m-code-wrong")
}

func walkScan(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeApprovals(t), filmed(t, "https://example.org/menu")
	visit(b, f.origin+"/m")
	b.Pane("scan", "Scan the code")
	see(b, "m-scan")
	b.Click("#scan-start")
	b.Told("#scan-problem", "This is not one of our codes")
	see(b, "m-scan-foreign")
	b.Click("#scan-stop")
	refuseCamera(b, "NotAllowedError")
	b.Click("#scan-start")
	b.Told("#scan-problem", "This page may not use the camera.")
	see(b, "m-scan-denied")
}

func walkEnroll(t *testing.T, see func(*chrome.Tab, string)) {
	_, b, a := invited(t, "?try")
	see(b, "e-1-start")
	b.Click("#start-go")
	b.Pane("who", "Is this you?")
	see(b, "e-2-who")
	b.Click("#who-yes")
	b.Pane("make", "Create your passkey")
	see(b, "e-3-make")
	a.Recognizes(false)
	b.Click("#make-form button")
	b.Until(`document.querySelector("#make-problem").checkVisibility()`)
	see(b, "e-3-refused")
	a.Recognizes(true)
	b.Ready("#make-form button")
	b.Click("#make-form button")
	b.Pane("done", "This phone is ready")
	see(b, "e-4-done")
	b.Click("#test")
	b.Told("#test-result", "It works.")
	see(b, "e-4-tested")
}

func walkEnrollEnds(t *testing.T, see func(*chrome.Tab, string)) {
	f, b, _ := making(t, "")
	b.Allow("Failed to load resource")
	f.set(func() { f.probation = true })
	b.Click("#make-form button")
	b.Until(`document.querySelector("#probation")?.checkVisibility()`)
	see(b, "e-probation")
	visit(b, f.origin+"/e")
	b.Pane("end", "This link is not complete")
	see(b, "e-cut-off")
	visit(b, f.origin+"/e#"+inviteToken)
	b.Click("#start-go")
	b.Click("#who-no")
	b.Pane("end", "Do not go on")
	see(b, "e-not-me")
	for code, heading := range map[string]string{
		"invite_used": "This invite was used or is too old", "enroll_expired": "This took too long",
		"already_registered": "This phone is already set up", "cookies_needed": "Cookies are needed",
	} {
		f.set(func() { f.refuse["redeem"] = problem{status: 410, code: code} })
		visit(b, f.origin+"/e#"+inviteToken)
		b.Click("#start-go")
		b.Pane("end", heading)
		see(b, "e-problem-"+code)
	}
}

func walkMessages(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeIdP(t), chrome.Open(t)
	b.Allow("400") // of the message
	b.Open(f.URL + "/message")
	see(b, "message")
}

func walkWithoutScripts(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeIdP(t), chrome.Open(t)
	b.NoScript()
	b.Open(f.URL + "/login")
	see(b, "login-noscript")
	for name := range plainPages(t) {
		b.Open(f.URL + "/plain/" + name)
		see(b, "plain-"+name)
	}
	b.Open(f.URL + "/post")
	see(b, "post-noscript")
}

func walkConsent(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeIdP(t), chrome.Open(t)
	b.Open(f.URL + "/consent/few")
	see(b, "consent")
	b.NoScript()
	b.Open(f.URL + "/consent/many")
	see(b, "consent-many")
}
