//go:build browser

package pages_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// offered opens a login page that offers passkeys, in a browser that has one,
// but not at a field.
func offered(t *testing.T, phone bool) (*fakeIdP, *chrome.Tab, *chrome.Authenticator) {
	t.Helper()
	f, b := newFakeIdP(t), chrome.Open(t)
	b.NoAutofill()
	f.show(func(page *pages.LoginPage) { page.Passkey = true })
	a := b.Authenticator()
	f.key, f.origin = a.AddPasskey(rpID), strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	if phone {
		b.TouchScreen()
		b.Size(390, 844)
		b.Open(f.origin + "/login")
		b.Until(`document.querySelector("#here")?.checkVisibility()`)
	} else {
		b.Open(f.origin + "/login")
		b.Waiting()
	}
	return f, b, a
}

func TestPasskeyOnComputer(t *testing.T) {
	f, b, a := offered(t, false)
	b.Allow("Failed to load resource")
	b.Until(`!document.querySelector("#here").checkVisibility() && document.querySelector("#passkey").textContent === "Use a passkey"`)
	a.Recognizes(false)
	b.Click("#passkey")
	b.Until(`document.querySelector("#passkey-error").textContent.startsWith("The passkey was cancelled or not recognized.")`)
	a.Recognizes(true)
	for code, want := range map[string]string{"app_not_assigned": "You do not have access to Payroll.", "saml_refused": "Payroll does not accept a passkey for this sign-in. Scan the code", "new_code": "Words of the server."} {
		f.fail("passkey", problem{status: 403, code: code, detail: "Words of the server."})
		b.Until(`!document.querySelector("#passkey").hasAttribute("aria-disabled")`)
		b.Click("#passkey")
		b.Until(`document.querySelector("#passkey-error").textContent.startsWith(` + chrome.Quote(want) + `)`)
	}
	f.heal("passkey")
	b.Until(`!document.querySelector("#passkey").hasAttribute("aria-disabled")`)
	b.Click("#passkey")
	arrived(b)
	if len(f.finished()) != 1 {
		t.Errorf("%d finishes", len(f.finished()))
	}
}

func TestPasskeyOnPhone(t *testing.T) {
	_, b, _ := offered(t, true)
	b.Until(`!document.querySelector("#scan").checkVisibility() && document.querySelector("#below").hidden`)
	if got := b.Text("#here-go"); got != "Continue with Face\u00a0ID or fingerprint" {
		t.Errorf("button %q", got)
	}
	b.Size(320, 568)
	b.Script(`document.documentElement.style.setProperty("font-size", "200%")`)
	b.Until(`[...document.querySelectorAll("main *")].every((e) => !e.checkVisibility() || e.getBoundingClientRect().right <= innerWidth + 1)`)
	b.Script(`document.documentElement.style.removeProperty("font-size")`)
	b.Click("#other-device")
	b.Waiting()
	b.Until(`!document.querySelector("#here").checkVisibility() && document.activeElement.id === "scan-title"`)
	b.Do(chromedp.Reload())
	b.Click("#here-go")
	arrived(b)
}

func TestPasskeyNotOffered(t *testing.T) {
	_, b := start(t)
	b.Until(`!document.querySelector("#passkey, #here")`)
}

// An application that accepts no scanned code gets a session without frames.
// The page is told so, unless that was decided after the request arrived: then
// it asks for a code first and is refused.
func TestPasskeyOnly(t *testing.T) {
	t.Run("told", func(t *testing.T) { passkeyOnly(t, true) })
	t.Run("not told", func(t *testing.T) { passkeyOnly(t, false) })
}

func passkeyOnly(t *testing.T, told bool) {
	f, b := newFakeIdP(t), chrome.Open(t)
	if !told {
		b.Allow("403")
	}
	f.show(func(page *pages.LoginPage) { page.Passkey, page.PasskeyOnly = true, told })
	f.key, f.origin = b.Authenticator().AddPasskey(rpID), strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	f.noCodes = true
	b.Open(f.origin + "/login")
	b.Until(`document.querySelector("#here")?.checkVisibility() && !document.querySelector("#scan").checkVisibility() && !document.querySelector("#other-device").checkVisibility()`)
	if got := b.Text("#here-words"); got != "Payroll accepts a passkey on this device only." {
		t.Errorf("words %q", got)
	}
	b.Click("#here-go")
	arrived(b)
}

// challenge depends on what the text of 5.5 names: the session and its end.
// f.mu is held.
func (f *fakeIdP) challenge() string {
	hash := sha256.Sum256(fmt.Append(nil, f.view.SID, f.view.ExpiresAt))
	return base64url(hash[:])
}

func (f *fakeIdP) passkeyOptions(w http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "POST options")
	if p, ok := f.refuse["options"]; ok {
		f.answer(w, p)
		return
	}
	reply(w, map[string]any{"challenge": f.challenge(), "rpId": rpID, "allowCredentials": []any{}, "userVerification": "required", "timeout": 60_000})
}

// passkey approves the session. f.mu is held.
func (f *fakeIdP) passkey(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	f.sent = append(f.sent, string(body))
	var sent struct{ Assertion assertion }
	if err := json.Unmarshal(body, &sent); err != nil {
		return err
	}
	f.view.Status, f.view.Hint = "approved", "approved"
	return sent.Assertion.verify(f.key, f.challenge(), f.origin)
}
