//go:build browser

package pages_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

var passkeyChallenge = base64url([]byte(strings.Repeat("c", 32)))

// offered opens a login page that offers passkeys, in a browser that has one.
func offered(t *testing.T, phone bool) (*fakeIdP, *tab, *authenticator) {
	t.Helper()
	f, b := newFakeIdP(t), openTab(t)
	f.show(func(page *pages.LoginPage) { page.Passkey = true })
	a := b.authenticator()
	f.key, f.origin = a.passkey(), strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	if phone {
		call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "pointer", Value: "coarse"}}})
		b.window(390, 844)
		b.do(chromedp.Navigate(f.origin + "/login"))
		b.until(`document.querySelector("#here")?.checkVisibility()`)
	} else {
		b.open(f.origin + "/login")
		b.waiting()
	}
	return f, b, a
}

func TestPasskeyOnComputer(t *testing.T) {
	f, b, a := offered(t, false)
	b.allow("Failed to load resource")
	b.until(`!document.querySelector("#here").checkVisibility() && document.querySelector("#passkey").textContent === "Use a passkey"`)
	a.recognizes(false)
	b.click("#passkey")
	b.until(`document.querySelector("#passkey-error").textContent.startsWith("The passkey was cancelled or not recognized.")`)
	a.recognizes(true)
	for code, want := range map[string]string{"app_not_assigned": "You do not have access to Payroll.", "new_code": "Words of the server."} {
		f.fail("passkey", problem{status: 403, code: code, detail: "Words of the server."})
		b.until(`!document.querySelector("#passkey").hasAttribute("aria-disabled")`)
		b.click("#passkey")
		b.until(`document.querySelector("#passkey-error").textContent.startsWith(` + quote(want) + `)`)
	}
	f.heal("passkey")
	b.until(`!document.querySelector("#passkey").hasAttribute("aria-disabled")`)
	b.click("#passkey")
	b.arrived()
	if len(f.finished()) != 1 {
		t.Errorf("%d finishes", len(f.finished()))
	}
}

func TestPasskeyOnPhone(t *testing.T) {
	_, b, _ := offered(t, true)
	b.until(`!document.querySelector("#scan").checkVisibility() && document.querySelector("#below").hidden`)
	if got := b.text("#here-go"); got != "Continue with Face\u00a0ID or fingerprint" {
		t.Errorf("button %q", got)
	}
	b.window(320, 568)
	b.script(`document.documentElement.style.setProperty("font-size", "200%")`)
	b.until(`[...document.querySelectorAll("main *")].every((e) => !e.checkVisibility() || e.getBoundingClientRect().right <= innerWidth + 1)`)
	b.script(`document.documentElement.style.removeProperty("font-size")`)
	b.click("#other-device")
	b.waiting()
	b.until(`!document.querySelector("#here").checkVisibility() && document.activeElement.id === "scan-title"`)
	b.do(chromedp.Reload())
	b.click("#here-go")
	b.arrived()
}

func TestPasskeyNotOffered(t *testing.T) {
	_, b := start(t)
	b.until(`!document.querySelector("#passkey, #here")`)
}

// An application that accepts no scanned code gets a session without frames.
func TestPasskeyOnly(t *testing.T) {
	f, b := newFakeIdP(t), openTab(t)
	b.allow("403")
	f.show(func(page *pages.LoginPage) { page.Passkey = true })
	f.key, f.origin = b.authenticator().passkey(), strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	f.noCodes = true
	b.open(f.origin + "/login")
	b.until(`document.querySelector("#here")?.checkVisibility() && !document.querySelector("#scan").checkVisibility() && !document.querySelector("#other-device").checkVisibility()`)
	if got := b.text("#here-words"); got != "Payroll accepts a passkey on this device only." {
		t.Errorf("words %q", got)
	}
	b.click("#here-go")
	b.arrived()
}

func (f *fakeIdP) passkeyOptions(w http.ResponseWriter) {
	reply(w, map[string]any{"challenge": passkeyChallenge, "rpId": rpID, "allowCredentials": []any{}, "userVerification": "required", "timeout": 60_000})
}

// passkey approves the session. f.mu is held.
func (f *fakeIdP) passkey(r *http.Request) error {
	var body struct{ Assertion assertion }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return err
	}
	f.view.Status, f.view.Hint = "approved", "approved"
	return f.key.verify(body.Assertion, passkeyChallenge, f.origin)
}
