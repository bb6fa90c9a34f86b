//go:build browser

package pages_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

func start(t *testing.T) (*fakeIdP, *chrome.Tab) {
	t.Helper()
	f, b := newFakeIdP(t), chrome.Open(t)
	b.Open(f.URL + "/login?l=" + f.page.LoginID)
	b.Waiting()
	return f, b
}

// arrived waits for the application's own page.
func arrived(b *chrome.Tab) {
	b.Until(`document.title === "Home"`)
}

func TestSignIn(t *testing.T) {
	f, b := start(t)
	f.relay = "token \"<&'>+%20 ✓\r\nsecond line"
	if got := b.Text("h1"); got != "Sign in to Payroll" {
		t.Errorf("h1 %q", got)
	}
	f.scanned()
	b.Heading("Phone connected")
	b.Until(`document.title === "Check your phone - Payroll"`)
	b.Until(`document.querySelector("#notice-words").textContent === "Check your iPhone and confirm."`)
	b.Until(`!document.querySelector("#qr").checkVisibility() && document.querySelector("#qr path").getAttribute("d") === ""`)
	f.approved(true)
	b.Heading("Continue as A...n K...?")
	b.Hears("Phone connected. Check your iPhone and confirm.")
	if said := b.Said(); !strings.HasPrefix(said, "The code is ready. Scan it with your phone. | Phone connected.") {
		t.Errorf("screen reader was told: %s", said)
	}
	if len(f.finished()) > 0 {
		t.Error("finished before the click")
	}
	b.Click("#notice-first")
	arrived(b)

	key := f.finished()[0].Get("finish_key")
	if f.finished()[0].Get("sid") != f.session().SID || len(key) != 22 {
		t.Errorf("finish %v", f.finished()[0])
	}
	t.Run("A30", func(t *testing.T) {
		if got := f.sp.form(0).Get("RelayState"); got != f.relay {
			t.Errorf("RelayState %q, want %q", got, f.relay)
		}
	})
	t.Run("W1 origin of the post", func(t *testing.T) {
		h := f.sp.header(0)
		if h.Get("Origin") != f.URL || h.Get("Referer") != f.URL+"/" {
			t.Errorf("Origin %q, Referer %q", h.Get("Origin"), h.Get("Referer"))
		}
	})
}

// A browser makes CR LF of every line break in a form. This is why a lone LF
// cannot come back as it was.
func TestLineBreaksInRelayState(t *testing.T) {
	f, b := newFakeIdP(t), chrome.Open(t)
	f.relay = "\na\rb\nc\r\n"
	b.Open(f.URL + "/post")
	arrived(b)
	if got, want := f.sp.form(0).Get("RelayState"), "\r\na\r\nb\r\nc\r\n"; got != want {
		t.Errorf("RelayState %q, want %q", got, want)
	}
}

func TestWithoutConfirmation(t *testing.T) {
	f, b := start(t)
	f.approved(false)
	arrived(b)
	if len(f.finished()) != 1 {
		t.Errorf("%d finishes", len(f.finished()))
	}
}

func TestFramesChangeWithoutPolls(t *testing.T) {
	f, b := start(t)
	f.change(func(v *view) { v.PollAfter = 60_000 })
	time.Sleep(300 * time.Millisecond) // the page learns of the pace
	polls := f.count("GET")
	b.Script(`globalThis.first = document.querySelector("#qr path").getAttribute("d")`)
	b.Until(`document.querySelector("#qr path").getAttribute("d") !== first`)
	if f.count("GET") != polls {
		t.Error("polled for a new frame")
	}
}

// recordContinue notes in each page whether its Continue button was hidden,
// then shown: the browser answers no question while it waits for a next page.
const recordContinue = `setInterval(() => {
	const button = document.querySelector("#post button, #notice-first");
	if (!button) return;
	const now = button.checkVisibility({visibilityProperty: true}) ? "shown" : "hidden";
	const log = sessionStorage.getItem(location.pathname) ?? "";
	if (!log.endsWith(now)) sessionStorage.setItem(location.pathname, log + " " + now);
}, 50);`

// When finishing, or the application, takes long, there is a button.
func TestContinueAppears(t *testing.T) {
	f, b := newFakeIdP(t), chrome.Open(t)
	f.slow, f.sp.slow = 3*time.Second, 3*time.Second
	b.OnEachPage(recordContinue)
	b.Open(f.URL + "/login")
	b.Waiting()
	f.approved(false)
	arrived(b)
	b.Allow("400") // of the message
	b.Open(f.URL + "/message")
	for _, path := range []string{"/login", "/login/finish"} {
		if got := chrome.Eval[string](b, fmt.Sprintf("sessionStorage.getItem(%q)", path)); got != " hidden shown" {
			t.Errorf("Continue on %s:%s, want hidden, then shown", path, got)
		}
	}
}

func TestEnds(t *testing.T) {
	tests := []struct {
		name, status, hint, heading, button string
		answers                             bool
	}{
		{"denied", "denied", "denied", "You said no on your phone", "Try again", true},
		{"expired", "expired", "expired", "This took too long", "Show a new code", false},
		{"contested", "cancelled", "contested", "We stopped this sign-in to be safe", "Show a new code", false},
		{"stopped elsewhere", "cancelled", "cancelled", "This sign-in was stopped", "Show a new code", false},
	}
	f, b := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			creates := f.creates()
			f.change(func(v *view) { v.Status, v.Hint, v.Return = test.status, test.hint, test.answers })
			b.Heading(test.heading)
			b.Hears(test.heading)
			b.Until(fmt.Sprintf(`document.querySelector("#notice-first").textContent === %q`, test.button))
			b.Until(fmt.Sprintf(`document.querySelector("#notice-second").hidden === %t`, !test.answers))
			b.Until(`document.activeElement === document.body || document.activeElement.id === "notice-title"`)
			polls := f.count("GET")
			time.Sleep(300 * time.Millisecond)
			if f.count("GET") != polls {
				t.Error("still polling in a final state")
			}
			b.Click("#notice-first")
			b.Waiting()
			b.Until(`document.activeElement.id === "scan-title"`)
			if f.creates() != creates+1 {
				t.Error("not a new session")
			}
		})
	}
	f.change(func(v *view) { v.Status, v.Hint = "consumed", "consumed" })
	b.Heading("You are signed in")
}

func TestDeniedGoesBack(t *testing.T) {
	f, b := start(t)
	f.change(func(v *view) { v.Status, v.Hint, v.Return = "denied", "denied", true })
	b.Heading("You said no on your phone")
	b.Click("#notice-second")
	arrived(b)
}

func TestCancel(t *testing.T) {
	f, b := start(t)
	b.Click("#cancel")
	b.Heading("Sign-in cancelled")
	b.Until(`document.activeElement.id === "notice-title"`)
	if f.count("POST cancel") != 1 || len(f.finished()) != 0 {
		t.Errorf("cancels %d, finishes %d", f.count("POST cancel"), len(f.finished()))
	}
	b.Press(kb.Tab)
	b.Press(kb.Enter)
	b.Waiting()
	f.change(func(v *view) { v.Return = true })
	b.Click("#cancel")
	arrived(b)
}

func TestNotMe(t *testing.T) {
	f, b := start(t)
	f.approved(true)
	b.Heading("Continue as A...n K...?")
	f.change(func(v *view) { v.Return = true })
	b.Click("#notice-second")
	b.Heading("Nobody was signed in")
	if len(f.finished()) != 0 {
		t.Error("the application was answered")
	}
}

func TestUserCode(t *testing.T) {
	f, b := start(t)
	for range 3 {
		b.Click("#cannot-scan")
		b.Until(`document.querySelector("#typed-code").textContent === "BCDF-GHJK" && document.activeElement.id === "typed-title" && !document.querySelector("#cannot-scan").hasAttribute("aria-disabled")`)
	}
	if got := b.Text("#typed-address"); got != "id.example.com/m" {
		t.Errorf("address %q", got)
	}
	b.Until(`document.querySelector("#cannot-scan").hidden`)
	if !strings.Contains(b.Said(), "Type this code on your phone: BCDF-GHJK") {
		t.Errorf("screen reader was told: %s", b.Said())
	}
	f.set("created", "code_shown")
	b.Waiting()
}

func TestNoMoreUserCodes(t *testing.T) {
	f, b := start(t)
	b.Allow("409")
	f.fail("user-code", problem{status: 409, code: "wrong_state"})
	b.Click("#cannot-scan")
	b.Until(`document.querySelector("#typed-error").checkVisibility()`)
}

func TestHideCode(t *testing.T) {
	_, b := start(t)
	b.Click("#hide-code")
	b.Until(`document.querySelector("#cover").checkVisibility() && document.querySelector("#hide-code").textContent === "Show code"`)
	b.Click("#hide-code")
	b.Waiting()
}

func TestMoreTime(t *testing.T) {
	f := newFakeIdP(t)
	b := chrome.Open(t)
	f.life = 32 * time.Second
	b.Open(f.URL + "/login")
	b.Waiting()
	b.Until(`document.querySelector("#more-time").hidden && said.some((s) => s.includes("seconds left"))`)
	b.Click("#more-time")
	b.Until(`document.querySelector("#more-time").hidden && document.querySelector("#clock").textContent.startsWith("1:")`)
	if said := b.Said(); !strings.Contains(said, "30 seconds left. Choose More time if you need it.") || !strings.Contains(said, "You have more time now: 1:") {
		t.Errorf("screen reader was told: %s", said)
	}
	if strings.Count(b.Said(), "left") > 3 {
		t.Errorf("the countdown is read aloud: %s", b.Said())
	}
}

func TestExpiryByClock(t *testing.T) {
	f := newFakeIdP(t)
	b := chrome.Open(t)
	f.life = 3 * time.Second
	b.Open(f.URL + "/login")
	b.Waiting()
	b.Heading("This took too long")
}

func TestKeyboardOnly(t *testing.T) {
	f, b := start(t)
	tabTo := func(id string) {
		t.Helper()
		for range 12 {
			b.Press(kb.Tab)
			if chrome.Eval[string](b, `document.activeElement.id`) == id {
				return
			}
		}
		t.Fatalf("no way to %s by Tab", id)
	}
	tabTo("cannot-scan")
	b.Press(kb.Enter)
	b.Until(`document.activeElement.id === "typed-title"`)
	tabTo("cancel")
	b.Press(kb.Enter)
	b.Heading("Sign-in cancelled")
	tabTo("notice-first")
	b.Press(kb.Enter)
	b.Waiting()
	f.approved(true)
	b.Heading("Continue as A...n K...?")
	b.Until(`document.activeElement.id === "notice-title"`)
	tabTo("notice-first")
	b.Press(kb.Enter)
	arrived(b)
}

func TestFocusStays(t *testing.T) {
	f, b := start(t)
	f.scanned()
	b.Heading("Phone connected")
	b.Until(`document.activeElement === document.body`)
	f.set("expired", "expired")
	b.Heading("This took too long")
	b.Until(`document.activeElement === document.body`)
	b.Press(kb.Enter) // a new code by one key
	b.Waiting()
}

func TestReloadKeepsTheSession(t *testing.T) {
	f, b := start(t)
	b.Do(chromedp.Reload())
	b.Waiting()
	if f.creates() != 1 {
		t.Errorf("%d sessions for one tab", f.creates())
	}
	f.set("expired", "expired")
	b.Heading("This took too long")
	b.Do(chromedp.Reload())
	b.Waiting()
	if f.creates() != 2 {
		t.Errorf("%d sessions; a reload after the end wants a new one", f.creates())
	}
}

// The policy is enforced, and the other tests would notice a violation.
func TestPolicyIsEnforced(t *testing.T) {
	t.Run("W3", func(t *testing.T) {
		_, b := start(t)
		b.Allow("Content Security Policy")
		b.Allow("This document requires")
		b.Until(`(() => { try { document.body.insertAdjacentHTML("beforeend", "<b>"); } catch (e) { return e instanceof TypeError; } })()`)
		for name, inject := range map[string]string{
			"foreign image": `document.body.append(Object.assign(new Image(), {src: "http://localhost:1/x.png"}))`,
			"handler":       `document.body.setAttribute("onclick", "1")`,
			"form":          `(form => { form.action = "http://localhost:1/"; document.body.append(form); form.submit(); })(document.createElement("form"))`,
		} {
			b.Script(`(globalThis.blocked = false, addEventListener("securitypolicyviolation", () => { blocked = true; }), (() => { try { ` + inject + ` } catch { blocked = true; } })())`)
			b.Until(`blocked`)
			t.Log(name, "is blocked")
		}
		if len(b.Problems()) == 0 {
			t.Error("violations were not noticed")
		}
	})
}

// Whatever the server says is shown as text.
func TestHostileViews(t *testing.T) {
	t.Run("A51", func(t *testing.T) {
		f, b := newFakeIdP(t), chrome.Open(t)
		for i, payload := range payloads {
			f.show(func(page *pages.LoginPage) {
				page.LoginID, page.AppName, page.AppHost = fmt.Sprint("LOGIN", i), payload, payload
			})
			b.Open(f.URL + "/login")
			b.Waiting()
			f.change(func(v *view) { v.Status, v.Device = "scanned", map[string]string{"kind": payload} })
			b.Heading("Phone connected")
			f.change(func(v *view) { v.Status, v.Hint, v.ContinueAs = "approved", "confirm_user", &payload })
			b.Heading("Continue as " + payload + "?")
		}
	})
}

func TestWithoutScript(t *testing.T) {
	f, b := newFakeIdP(t), chrome.Open(t)
	b.NoScript()
	b.Open(f.URL + "/login")
	b.Until(`document.querySelector("noscript p").checkVisibility() && !document.querySelector("#scan").checkVisibility()`)
	b.Open(f.URL + "/post")
	b.Click("#post button")
	arrived(b)
}
