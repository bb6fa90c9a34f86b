//go:build browser

package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// atField opens a login page in a browser that offers passkeys at its field.
// Its authenticator waits: nobody has chosen a passkey yet.
func atField(t *testing.T, offers bool) (*fakeIdP, *chrome.Tab, *chrome.Authenticator) {
	t.Helper()
	f, b := newFakeIdP(t), chrome.Open(t)
	f.show(func(page *pages.LoginPage) { page.Passkey = true })
	if !offers {
		b.NoAutofill()
	}
	b.OnEachPage(recordRequests)
	a := b.Authenticator()
	a.Waits(true)
	f.key, f.origin = a.AddPasskey(rpID), strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	b.Open(f.origin + "/login")
	b.Waiting()
	return f, b, a
}

// recordRequests notes what the browser is asked for, and what became of it.
const recordRequests = `globalThis.asked = [];
if (navigator.credentials) {
	const get = navigator.credentials.get.bind(navigator.credentials);
	navigator.credentials.get = (options) => {
		const one = {mediation: options.mediation ?? "", end: "waits"};
		asked.push(one);
		return get(options).then((c) => (one.end = "chosen", c), (e) => { one.end = e.name; throw e; });
	};
}`

// asks waits until these requests were made, as "mediation:end".
func asks(b *chrome.Tab, want ...string) {
	b.Until(`asked.map((a) => a.mediation + ":" + a.end).join(" ") === ` + chrome.Quote(strings.Join(want, " ")))
}

func TestAutofill(t *testing.T) {
	f, b, _ := atField(t, true)
	b.Until(`document.querySelector("#autofill").checkVisibility()`)
	asks(b, "conditional:waits")
	time.Sleep(500 * time.Millisecond) // some polls
	if n := f.count("POST options"); n != 1 {
		t.Errorf("%d times the server was asked what to sign, for one code", n)
	}
	b.Until(`(() => { const e = document.querySelector("#autofill-name"); return e.autocomplete === "username webauthn" && !e.form && !e.name && e.labels[0].checkVisibility(); })()`)
}

// A passkey that is chosen at the field signs in. What was typed there before
// goes nowhere.
func TestAutofillSignsIn(t *testing.T) {
	f, b := newFakeIdP(t), chrome.Open(t)
	f.show(func(page *pages.LoginPage) { page.Passkey = true })
	b.OnEachPage(recordRequests)
	a := b.Authenticator()
	a.Waits(true)
	b.Open(strings.Replace(f.URL, "127.0.0.1", rpID, 1) + "/login")
	b.Waiting()
	asks(b, "conditional:waits")
	b.Do(chromedp.SendKeys(chromedp.CSS("#autofill-name"), "ana@example.com"))
	f.key, f.origin = a.AddPasskey(rpID), strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	a.Waits(false)
	f.set("expired", "expired")
	b.Heading("This took too long")
	asks(b, "conditional:AbortError")
	b.Click("#notice-first")
	arrived(b)
	for _, body := range f.posted() {
		if strings.Contains(body, "ana@") {
			t.Errorf("what was typed was sent: %s", body)
		}
	}
	if got := f.finished(); len(got) != 1 || len(f.posted()) != 1 {
		t.Errorf("finishes %v, passkeys %d", got, len(f.posted()))
	}
}

func TestAutofillNotOffered(t *testing.T) {
	t.Run("by the browser", func(t *testing.T) {
		f, b, _ := atField(t, false)
		time.Sleep(300 * time.Millisecond)
		b.Until(`!document.querySelector("#autofill").checkVisibility()`)
		if asks(b); f.count("POST options") > 0 {
			t.Error("the server was asked in vain")
		}
	})
	t.Run("by the deployment", func(t *testing.T) {
		_, b := start(t)
		b.Until(`!document.querySelector("#autofill")`)
	})
	t.Run("on a phone, which has its passkey at hand", func(t *testing.T) {
		f, b := newFakeIdP(t), chrome.Open(t)
		f.show(func(page *pages.LoginPage) { page.Passkey = true })
		b.OnEachPage(recordRequests)
		b.Authenticator().Waits(true)
		b.TouchScreen()
		b.Size(390, 844)
		b.Open(strings.Replace(f.URL, "127.0.0.1", rpID, 1) + "/login")
		b.Until(`document.querySelector("#here").checkVisibility()`)
		time.Sleep(300 * time.Millisecond)
		b.Until(`!document.querySelector("#autofill").checkVisibility()`)
		asks(b)
		b.Click("#other-device")
		b.Until(`document.querySelector("#autofill").checkVisibility()`)
		asks(b, "conditional:waits")
	})
}

// A browser has one request at a time, and none once the sign-in is over.
func TestAutofillMakesWay(t *testing.T) {
	f, b, a := atField(t, true)
	b.Allow("403")
	asks(b, "conditional:waits")
	a.Waits(false)
	f.fail("passkey", problem{status: 403, code: "app_not_assigned"})
	a.Recognizes(false)
	b.Click("#passkey")
	b.Told("#passkey-error", "The passkey was cancelled or not recognized.")
	// Offered again; that fails without a person, and so is not repeated until
	// the field is gone to.
	asks(b, "conditional:AbortError", ":NotAllowedError", "conditional:NotAllowedError")
	time.Sleep(500 * time.Millisecond)
	asks(b, "conditional:AbortError", ":NotAllowedError", "conditional:NotAllowedError")
	a.Waits(true)
	b.Click("#autofill-name")
	asks(b, "conditional:AbortError", ":NotAllowedError", "conditional:NotAllowedError", "conditional:waits")
	b.Click("#cancel")
	b.Heading("Sign-in cancelled")
	asks(b, "conditional:AbortError", ":NotAllowedError", "conditional:NotAllowedError", "conditional:AbortError")
}

// The server's refusal is told, and the passkeys are offered again: with another
// one it may work.
func TestAutofillRefused(t *testing.T) {
	f, b, a := atField(t, true)
	b.Allow("403")
	f.fail("passkey", problem{status: 403, code: "app_not_assigned"})
	a.Waits(false)
	f.set("expired", "expired")
	b.Click("#notice-first") // a new code, at which the passkey is chosen
	b.Told("#passkey-error", "You do not have access to Payroll.")
	b.Until(`asked.filter((a) => a.mediation === "conditional" && a.end === "chosen").length >= 2`)
	f.heal("passkey")
	arrived(b)
}

// What is signed names the end of the code, so that more time means another
// request.
func TestAutofillAfterMoreTime(t *testing.T) {
	f, b, a := atField(t, true)
	asks(b, "conditional:waits")
	f.change(func(v *view) { v.ExpiresAt = time.Now().Add(25 * time.Second).Unix() })
	asks(b, "conditional:AbortError", "conditional:waits")
	a.Waits(false)
	b.Click("#more-time")
	arrived(b)
	if n := f.count("POST options"); n != 3 {
		t.Errorf("%d times the server was asked what to sign, for three ends", n)
	}
}

func TestEnterAtTheFieldMeansAPasskey(t *testing.T) {
	_, b, a := atField(t, true)
	asks(b, "conditional:waits")
	b.Click("#autofill-name")
	a.Waits(false)
	b.Press(kb.Enter)
	arrived(b)
}

func (f *fakeIdP) posted() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}
