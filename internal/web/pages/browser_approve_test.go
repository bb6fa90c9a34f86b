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
)

// scan opens the link of a code on a phone that has a passkey.
func scan(t *testing.T, prepare ...func(*fakeApprovals)) (*fakeApprovals, *chrome.Tab, *chrome.Authenticator) {
	t.Helper()
	f, b := newFakeApprovals(t), chrome.Open(t)
	for _, p := range prepare {
		p(f)
	}
	a := b.Authenticator()
	f.key = a.AddPasskey(rpID)
	visit(b, f.origin+"/m#"+aFrame)
	return f, b, a
}

// asked is scan up to the question.
func asked(t *testing.T, prepare ...func(*fakeApprovals)) (*fakeApprovals, *chrome.Tab, *chrome.Authenticator) {
	t.Helper()
	f, b, a := scan(t, prepare...)
	b.Pane("request", "Sign in to Payroll?")
	return f, b, a
}

func TestApprove(t *testing.T) {
	f, b, _ := asked(t)
	for selector, want := range map[string]string{
		"#at bdi": "sp.example.org", "#screen": "Firefox 145 on Windows 11", "#place": "near Ljubljana, SI",
		"#address": "from the IP address 203.0.113.0/24, may be off",
		".caution": "Only continue if you opened id.example.com on the screen in front of you. We never send codes by e-mail or chat.",
	} {
		if got := b.Text(selector); got != want {
			t.Errorf("%s: %q, want %q", selector, got, want)
		}
	}
	b.Until(`/^1[2-9] seconds ago$/.test(document.querySelector("#age").textContent) && document.querySelector("#clock").textContent.startsWith("1:5")`)
	b.Until(`document.title === "Sign in to Payroll?" && location.hash === "" && document.querySelector("#logo").naturalWidth > 0`)
	b.Until(`document.activeElement.id === "deny"`)
	if said := b.Said(); !strings.Contains(said, "Sign in to Payroll at sp.example.org? Firefox 145 on Windows 11. near Ljubljana, SI.") {
		t.Errorf("screen reader was told: %s", said)
	}
	b.Click("#approve")
	b.Pane("end", "Done. You can put your phone away.")
	if got := b.Text("#end-words"); got != "You approved the sign-in to Payroll as Ana Kovač. The other screen goes on by itself." {
		t.Errorf("words %q", got)
	}
	b.Until(`document.title === "Done. You can put your phone away." && document.activeElement.id === "end-title"`)
	if got := f.called(); got != "claim camera, approve" {
		t.Errorf("calls: %s", got)
	}
}

func TestDeny(t *testing.T) {
	for button, want := range map[string][2]string{
		"#deny":   {"Denied", "deny other"},
		"#not-me": {"Good that you said so", "deny not_me"},
	} {
		t.Run(button, func(t *testing.T) {
			f, b, _ := asked(t)
			b.Click(button)
			b.Pane("end", want[0])
			if got := f.called(); got != "claim camera, "+want[1] {
				t.Errorf("calls: %s", got)
			}
		})
	}
}

// The text is built here as the server builds it: Annex A of the protocol.
func TestSignedText(t *testing.T) {
	f, b := newFakeApprovals(t), chrome.Open(t)
	visit(b, f.origin+"/module/signed-text.js")
	b.Until(`globalThis.m`)
	b.Script(`globalThis.claim = {
		sid: "CAIREEYUCULBOGAZDINRYHI6D4",
		context: {v: 1, requested_at: 1795370000, app: {entity_id: "https://sp.example.org/saml", host: "sp.example.org", name: "Payroll"}, browser: "Firefox 145", os: "Windows 11", place: "Ljubljana, SI", ip: "203.0.113.0/24"},
		text: {idp: "https://id.example.com/idp", sp: "https://sp.example.org/saml", req: "_a1b2c3", acr: "urn:latchkey:acr:qr", browser: "4Od6UHQSsSD27eYfYilbGg", nonce: "u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s", exp: 1795370180},
	}`)
	b.Script(`m.signedText(claim, "482915").then((t) => { globalThis.text = t; })`)
	const a1 = `{"app":{"entity_id":"https://sp.example.org/saml","host":"sp.example.org","name":"Payroll"},"browser":"Firefox 145","ip":"203.0.113.0/24","os":"Windows 11","place":"Ljubljana, SI","requested_at":1795370000,"v":1}`
	const a2 = `latchkey-approval/1
sid:CAIREEYUCULBOGAZDINRYHI6D4
idp:https://id.example.com/idp
sp:https://sp.example.org/saml
req:_a1b2c3
decision:approve
acr:urn:latchkey:acr:qr
match:482915
live:-
browser:4Od6UHQSsSD27eYfYilbGg
ctx:K5fGyZH3t8lyNtfVFLqlDvV_fzwnGnOrNKoiED-blZw
nonce:u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s
exp:1795370180
`
	b.Until(`m.canonical(claim.context) === ` + chrome.Quote(a1))
	b.Until(`globalThis.text === ` + chrome.Quote(a2))
	for match, want := range map[string]string{
		`"482915"`:  "f23aAQFus5E_OSJmay3e7xd9iQAo-hfCyz34dT4H2S4", // A.2
		`undefined`: "pOCmUCczvsbAYXMV82vug_OzNlBVAkMcH2TXWjrfp6A", // A.2 and the challenge of A.4
	} {
		b.Script(`globalThis.got = "", m.challengeOf(claim, ` + match + `).then((c) => { got = c; })`)
		b.Until(`got === ` + chrome.Quote(want))
	}
	for name, change := range map[string]string{
		"text swap":       `text: {...claim.text, sp: "https://admin.example.org"}`,
		"line feed":       `text: {...claim.text, req: "_a\nacr:x"}`,
		"empty value":     `text: {...claim.text, nonce: ""}`,
		"control in acr":  `text: {...claim.text, acr: "a\u0085"}`,
		"sid not a value": `sid: ""`,
	} {
		b.Script(`globalThis.got = "", m.challengeOf({...claim, ` + change + `}).then(() => { got = "signed"; }, (e) => { got = e.code; })`)
		b.Until(`got !== ""`)
		if got := chrome.Eval[string](b, `got`); got != "bad_challenge" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Names that Go's and JavaScript's JSON write differently unless told not to.
func TestNamesInContext(t *testing.T) {
	for _, name := range []string{"R&D <Tools>", `a"b\c`, "Zahlung — Übersicht ✓ 🎉", "tab\tand\u2028line"} {
		f, b, _ := scan(t, func(f *fakeApprovals) { f.context.App.Name = name })
		b.Until(`document.querySelector("#request-title bdi").textContent === ` + chrome.Quote(name))
		b.Click("#approve")
		b.Pane("end", "Done. You can put your phone away.")
		f.Close()
	}
}

func TestNotRecognized(t *testing.T) {
	f, b, a := asked(t)
	a.Recognizes(false)
	b.Click("#approve")
	b.Until(`document.querySelector("#problem").textContent.startsWith("Face ID was cancelled or not recognized. Try again, or use your passcode.")`)
	a.Recognizes(true)
	b.Until(`!document.querySelector("#approve").hasAttribute("aria-disabled")`)
	b.Click("#approve")
	b.Pane("end", "Done. You can put your phone away.")
	if got := f.called(); got != "claim camera, approve" {
		t.Errorf("calls: %s", got)
	}
}

func TestExpiresUnderTheSheet(t *testing.T) {
	_, b, a := asked(t, func(f *fakeApprovals) { f.life = 4 * time.Second })
	a.Waits(true)
	b.Click("#approve")
	b.Pane("end", "This took too long")
}

func TestNumber(t *testing.T) {
	f, b, _ := asked(t, func(f *fakeApprovals) { f.match = "482915" })
	if got := b.Text("#match-label"); got != "Type the 6 digits on the other screen" {
		t.Errorf("label %q", got)
	}
	b.Until(`document.querySelector("#match").inputMode === "numeric"`)
	b.Click("#approve")
	b.Until(`document.querySelector("#match-error").checkVisibility() && document.activeElement.id === "match"`)
	b.Do(chromedp.SendKeys(chromedp.CSS("#match"), "111 111"))
	b.Click("#approve")
	b.Until(`document.querySelector("#match-error").textContent.startsWith("The numbers do not match.") && document.querySelector("#match").value === ""`)
	b.Allow("422")
	b.Until(`!document.querySelector("#approve").hasAttribute("aria-disabled")`)
	b.Do(chromedp.SendKeys(chromedp.CSS("#match"), "482 915"), chromedp.KeyEvent(kb.Enter))
	b.Pane("end", "Done. You can put your phone away.")
	if got := f.called(); got != "claim camera, approve, approve" {
		t.Errorf("calls: %s", got)
	}
}

func TestMoreTimeOnPhone(t *testing.T) {
	f, b, _ := asked(t, func(f *fakeApprovals) { f.life = 31 * time.Second })
	b.Click("#more-time")
	b.Until(`document.querySelector("#more-time").hidden && document.querySelector("#clock").textContent.startsWith("1:")`)
	if said := b.Said(); !strings.Contains(said, "You have more time now: 1:") {
		t.Errorf("screen reader was told: %s", said)
	}
	b.Click("#approve") // with the new exp
	b.Pane("end", "Done. You can put your phone away.")
	if got := f.called(); got != "claim camera, extend, approve" {
		t.Errorf("calls: %s", got)
	}
}

func TestScannedAgain(t *testing.T) {
	f, b, _ := asked(t)
	holder := f.holder
	b.Do(chromedp.Reload())
	b.Pane("request", "Sign in to Payroll?")
	visit(b, f.origin+"/m#"+aFrame)
	b.Pane("request", "Sign in to Payroll?")
	if f.holder != holder {
		t.Error("the same phone came with another claim key")
	}
	b.Click("#deny")
	b.Pane("end", "Denied")
	b.Do(chromedp.Reload())
	b.Pane("end", "Denied")
	if got := f.called(); got != "claim camera, get, claim camera, deny other, get" {
		t.Errorf("calls: %s", got)
	}
}

func TestTakeover(t *testing.T) {
	f, b, _ := scan(t, func(f *fakeApprovals) { f.holder, f.status = strings.Repeat("A", 43), "scanned" })
	b.Allow("409")
	b.Pane("end", "This code is open on another device")
	b.Click("#end-first")
	b.Pane("request", "Sign in to Payroll?")
	b.Click("#approve")
	b.Pane("end", "Done. You can put your phone away.")
	if got := f.called(); got != "claim camera, claim camera takeover, approve" {
		t.Errorf("calls: %s", got)
	}
}

// typeCode opens the page where a code can be typed.
func typeCode(b *chrome.Tab, f *fakeApprovals) {
	visit(b, f.origin+"/m")
	b.Click("#scan-type")
	b.Pane("type", "Type the code")
}

func TestTypedCode(t *testing.T) {
	f, b := newFakeApprovals(t), chrome.Open(t)
	b.Allow("400")
	f.key = b.Authenticator().AddPasskey(rpID)
	typeCode(b, f)
	for typed, want := range map[string]string{"BCDF": "A code has 8 letters.", "AEIOU-BCD": "A code has 8 letters.", "ZZZZ-ZZZZ": "This code is not right."} {
		b.Script(`document.querySelector("#code").value = ` + chrome.Quote(typed))
		b.Click("#code-form button")
		b.Until(fmt.Sprintf(`document.querySelector("#code-error").textContent.startsWith(%q) && document.activeElement.id === "code" && document.activeElement.matches("[aria-invalid]")`, want))
		b.Until(`!document.querySelector("#code-form button").hasAttribute("aria-disabled")`)
	}
	b.Script(`document.querySelector("#code").value = "bcdf ghjk"`)
	b.Press(kb.Enter)
	b.Pane("request", "Sign in to Payroll?")
	b.Click("#approve")
	b.Pane("end", "Done. You can put your phone away.")
	if got := f.called(); got != "claim code, claim code, approve" {
		t.Errorf("calls: %s", got)
	}
}

func TestClaimProblems(t *testing.T) {
	f, b := newFakeApprovals(t), chrome.Open(t)
	b.Allow("Failed to load resource")
	f.key = b.Authenticator().AddPasskey(rpID)
	for code, want := range map[string][2]string{
		"qr_stale":        {"The code has changed", "Scan the code"},
		"qr_invalid":      {"This is not one of our codes", "Scan the code"},
		"session_expired": {"This took too long", ""},
		"login_expired":   {"This took too long", ""},
		"session_unknown": {"We cannot find this sign-in", ""},
		"contested":       {"We stopped this sign-in to be safe", ""},
		"wrong_state":     {"This step was already done", ""},
		"app_disabled":    {"This app is switched off", ""},
		"slow_down":       {"Too many tries", "Try again"},
		"busy":            {"One moment", "Try again"},
		"new_code":        {"Something went wrong", ""},
	} {
		f.fails("claim", problem{status: 409, code: code, detail: "Words of the server.", retryAfter: "7"})
		visit(b, f.origin+"/m#"+aFrame)
		b.Pane("end", want[0])
		if got := b.Text("#end-first"); got != want[1] {
			t.Errorf("%s: button %q, want %q", code, got, want[1])
		}
		if words := b.Text("#end-words"); code == "slow_down" && !strings.Contains(words, "7 seconds") || code == "new_code" && words != "Words of the server." {
			t.Errorf("%s: %s", code, words)
		}
	}
	f.fails("claim", problem{status: 503, code: "busy"})
	visit(b, f.origin+"/m#"+aFrame)
	b.Pane("end", "One moment")
	f.heals("claim")
	b.Click("#end-first")
	b.Pane("request", "Sign in to Payroll?")
	visit(b, f.origin+"/m#2.whatever")
	b.Pane("end", "This is not one of our codes")
	b.Click("#end-first")
	b.Pane("scan", "Scan the code")
}

func TestApproveProblems(t *testing.T) {
	f, b, _ := asked(t)
	b.Allow("Failed to load resource")
	for code, want := range map[string]string{
		"uv_required":              "Use Face ID, fingerprint or the phone’s PIN.",
		"bad_signature":            "Something went wrong.",
		"credential_revoked":       "This phone was removed from your account.",
		"user_inactive":            "Your account is not active.",
		"user_mismatch":            "This sign-in is for another account.",
		"app_not_assigned":         "You do not have access to Payroll.",
		"app_disabled":             "Payroll is switched off",
		"policy_passkey_required":  "Payroll does not accept a scanned code.",
		"device_not_strong_enough": "Payroll needs a phone key that is not synced.",
		"probation":                "This phone is new.",
		"slow_down":                "Too many tries. Wait 9 seconds, then try again.",
		"busy":                     "We are busy right now. Please try again in a moment.",
		"new_code":                 "Words of the server.",
	} {
		f.fails("approve", problem{status: 422, code: code, detail: "Words of the server.", retryAfter: "9"})
		b.Click("#approve")
		b.Until(fmt.Sprintf(`document.querySelector("#problem").checkVisibility() && document.querySelector("#problem").textContent.startsWith(%s)`, chrome.Quote(want)))
		b.Until(`!document.querySelector("#approve").hasAttribute("aria-disabled")`)
	}
	f.fails("approve", problem{status: 422, code: "bad_signature", state: "cancelled"}) // the fifth
	b.Click("#approve")
	b.Pane("end", "This sign-in was stopped")
}

// After a lost answer the phone finds out how it ended.
func TestApprovedBefore(t *testing.T) {
	f, b, _ := asked(t)
	b.Allow("409")
	f.fails("approve", problem{status: 409, code: "wrong_state"})
	f.set(func() { f.status = "consumed" })
	b.Click("#approve")
	b.Pane("end", "Done. You can put your phone away.")
}

func TestUnknownPasskeyIsForgotten(t *testing.T) {
	f, b, a := asked(t)
	b.Allow("404")
	f.fails("approve", problem{status: 404, code: "credential_unknown"})
	b.Click("#approve")
	b.Until(`document.querySelector("#problem").textContent.startsWith("This phone is not set up yet")`)
	for deadline := time.Now().Add(3 * time.Second); len(a.Credentials()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the phone still offers the passkey")
		}
	}
}

func TestHostileContext(t *testing.T) {
	t.Run("A51", func(t *testing.T) {
		f, b := newFakeApprovals(t), chrome.Open(t)
		f.key = b.Authenticator().AddPasskey(rpID)
		for _, payload := range payloads {
			f.set(func() {
				f.holder = ""
				c := &f.context
				c.App.Name, c.App.Host, c.Browser, c.OS, c.Place, c.IP = payload, payload, payload, payload, payload, payload
			})
			visit(b, f.origin+"/m#"+aFrame)
			b.Until(`document.querySelector("#request")?.checkVisibility() && document.querySelector("#request-title bdi").textContent === ` + chrome.Quote(payload))
		}
	})
}

// Deny and Approve are of one size, and both are seen without scrolling on the
// smallest phone.
func TestAnswersAreEqual(t *testing.T) {
	_, b, _ := asked(t)
	for _, size := range [][2]int64{{320, 568}, {390, 844}, {768, 1024}} {
		b.Size(size[0], size[1])
		b.Until(`(() => {
			const [deny, approve] = ["#deny", "#approve"].map((s) => document.querySelector(s).getBoundingClientRect());
			return deny.width === approve.width && deny.height === approve.height && deny.height >= 44 && approve.bottom <= innerHeight && deny.bottom <= innerHeight;
		})()`)
	}
	b.Size(320, 568)
	b.Until(`document.documentElement.scrollHeight <= 568`)
	b.Script(`localStorage.setItem("latchkey.last", JSON.stringify([["https://sp.example.org/saml", Date.UTC(2026, 10, 25, 22, 44)]]))`)
	b.Do(chromedp.Reload())
	b.Told("#last", "Nov 2")
	b.Until(`document.documentElement.scrollHeight <= 568`)
}

func TestPhoneWithoutPlace(t *testing.T) {
	_, b, _ := asked(t, func(f *fakeApprovals) {
		f.context.Place, f.context.Browser, f.context.OS = "unknown", "unknown", "unknown"
	})
	if place, screen := b.Text("#place"), b.Text("#screen"); place != "Place unknown" || screen != "Unknown browser and system" {
		t.Errorf("place %q, screen %q", place, screen)
	}
}
