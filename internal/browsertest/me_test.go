//go:build browser

package browsertest

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// atHome is a phone that was just set up, on its person's own page.
func (w *world) atHome() (*idp.User, *webPhone) {
	w.t.Helper()
	ana, link := w.newcomer()
	p := w.webPhone()
	p.enroll(link)
	p.home()
	return ana, p
}

// home signs in to the own page with the phone's passkey.
func (p *webPhone) home() {
	p.t.Helper()
	p.Allow("403") // nobody is signed in yet
	p.Open("about:blank")
	p.Open(p.base + "/me")
	p.Pane("signin", "Your devices")
	p.Click("#signin-go")
	p.Pane("home", "Your devices")
}

// act presses a button of a row of a list.
func (p *webPhone) act(list, row, act string) {
	p.t.Helper()
	p.Script(`[...document.querySelectorAll("#` + list + ` > li")].find((li) => li.textContent.includes(` + chrome.Quote(row) + `)).querySelector('[data-act="` + act + `"]').click()`)
}

func TestSetUpToTheEnd(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()
	phone.enroll(link)
	phone.Click("#test")
	phone.Told("#test-result", "It works.")
	phone.picture("phone-ready")
	phone.Ready("#codes-go")
	phone.Click("#codes-go")
	phone.Pane("codes", "Recovery codes")
	if n := chrome.Eval[int](phone.Tab, `document.querySelectorAll("#codes-list li").length`); n != 8 {
		t.Errorf("%d codes", n)
	}
	phone.picture("recovery-codes")
	phone.Click("#codes-done")
	phone.Told("#codes-saved-error", "Save the codes first.")
	phone.Click("#codes-saved")
	phone.Click("#codes-done")
	phone.Pane("end", "You are all set")
	if body := chrome.Eval[string](phone.Tab, "document.body.textContent"); strings.Count(body, "-") > 20 {
		t.Error("the codes are still in the page")
	}
	phone.Click("#end-first")
	phone.Pane("home", "Your devices")
	contains(t, "the own page", phone.Text("#home"), ana.Display(), "iPhone", "8 codes are left")
}

func TestOwnPage(t *testing.T) {
	w := newWorld(t)
	ana, phone := w.atHome()
	contains(t, "notices", phone.Text("#notices"), "You have one device only", "Make recovery codes")
	phone.picture("own-page")

	phone.act("devices", "iPhone", "rename")
	phone.Pane("ask", "Rename “iPhone”")
	phone.Script(`document.querySelector("#ask-input").value = "Work phone"`)
	phone.Click("#ask-yes")
	phone.Until(`document.querySelector("#devices").textContent.includes("Work phone")`)
	if d := w.device(ana); d.Name != "Work phone" {
		t.Errorf("name %q", d.Name)
	}

	b := w.start()
	phone.scan(b)
	phone.Click("#approve")
	phone.Pane("end", "Done. You can put your phone away.")
	b.Notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
	b.Click("#notice-first")
	w.arrived(b, ana.Email)
	phone.Open(phone.base + "/me")
	phone.Pane("home", "Your devices")
	contains(t, "the sign-in", phone.Text("#activity"), appName, "on Linux", "Work phone", "First time in this browser.")
	contains(t, "the browsers", phone.Text("#sessions"), "on Linux", "This browser")

	phone.act("activity", appName, "report")
	phone.Pane("ask", "That wasn’t you?")
	phone.Click("#ask-yes")
	phone.Pane("ask", "Remove “Work phone”?")
	phone.Click("#ask-no")
	phone.Pane("home", "Your devices")
	contains(t, "it is marked", phone.Text("#activity"), "You said that this wasn’t you.")
	if strings.Contains(phone.Text("#sessions"), "on Linux") {
		t.Error("the browser is still signed in")
	}

	phone.act("devices", "Work phone", "remove")
	phone.Pane("ask", "Remove your last device?")
	phone.Click("#ask-yes")
	phone.Told("#ask-input-error", "To confirm, type its name")
	phone.Script(`document.querySelector("#ask-input").value = "work phone"`)
	phone.Click("#ask-yes")
	phone.Pane("signin", "Your devices")
	phone.Allow("403")
	phone.Click("#signin-go")
	phone.Told("#signin-problem", "")
	phone.Ready("#signin-go")
	if d := w.device(ana); d.State != idp.DeviceRevoked {
		t.Errorf("the device is %s", d.State)
	}
}

func TestAddAPhoneWithAPhone(t *testing.T) {
	w := newWorld(t)
	_, old := w.atHome()
	old.Click("#add-go")
	old.Pane("add", "Add a device")
	old.picture("add-device")
	fresh := w.webPhone()
	fresh.Open(old.Text("#add-url"))
	fresh.Click("#start-go")
	fresh.Click("#who-yes")
	fresh.Script(`document.querySelector("#name").value = "New phone"`)
	fresh.Click("#make-form button")
	fresh.Pane("pending", "One more step")
	old.Pane("vouch", "Is this your new device?")
	contains(t, "what is shown of it", old.Text("#vouch"), "New phone", "place unknown")
	old.Click("#vouch-yes")
	old.Pane("home", "Your devices")
	contains(t, "the list", old.Text("#devices"), "New phone", "with another device")
	fresh.Pane("done", "This phone is ready") // by itself

	fresh.home()
	contains(t, "the new one is in", fresh.Text("#devices"), "New phone")

	t.Run("called off", func(t *testing.T) {
		old.Click("#add-go")
		old.Pane("add", "Add a device")
		link := old.Text("#add-url")
		old.Click("#add-stop")
		old.Pane("home", "Your devices")
		thief := w.webPhone()
		thief.Allow("410")
		thief.Open(link)
		thief.Click("#start-go")
		thief.Pane("end", "This invite was used or is too old")
	})
}

// A phone stops offering what was removed elsewhere: its person's other
// passkeys, which it holds too, are listed to it.
func TestRemovedElsewhere(t *testing.T) {
	w := newWorld(t)
	ana, phone := w.atHome()
	other := w.webPhone()
	other.enroll(w.invite(ana))
	second := phone.SecurityKey()
	second.Copy(other.keys)
	removed := base64.RawURLEncoding.EncodeToString(other.keys.Credentials()[0].CredentialID)
	phone.Open(phone.base + "/me")
	phone.Pane("home", "Your devices")
	if len(second.Credentials()) != 1 {
		t.Fatal("the phone does not offer the passkey")
	}
	must(t, w.admin().RevokeDevice(t.Context(), ana.ID, removed))
	phone.Open(phone.base + "/me")
	phone.Pane("home", "Your devices")
	for deadline := time.Now().Add(3 * time.Second); len(second.Credentials()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the phone still offers the passkey")
		}
	}
	if len(phone.keys.Credentials()) != 1 {
		t.Error("its own one is gone, too")
	}
}

func TestRecoverALostPhone(t *testing.T) {
	w := newWorld(t)
	ana, phone := w.atHome()
	phone.Click("#codes-go")
	phone.Pane("codes", "Recovery codes")
	code := phone.Text("#codes-list li")
	phone.Click("#codes-saved")
	phone.Click("#codes-done")
	phone.Pane("home", "Your devices")

	fresh := w.webPhone()
	fresh.Open(phone.base + "/e#recovery")
	fresh.Pane("recover", "Use a recovery code")
	fresh.Click("#recover-form button")
	fresh.Told("#recover-login-error", "Type your e-mail address.")
	fresh.Script(`document.querySelector("#recover-login").value = ` + chrome.Quote(ana.Email))
	fresh.Script(`document.querySelector("#recover-code").value = "0000-0000-0000-0000"`)
	fresh.Allow("422")
	fresh.Click("#recover-form button")
	fresh.Told("#recover-code-error", "This address and code do not belong together")
	fresh.Ready("#recover-form button")
	fresh.Script(`document.querySelector("#recover-code").value = ` + chrome.Quote(strings.ToLower(code)))
	fresh.Click("#recover-form button")
	fresh.Pane("who", "Is this you?")
	fresh.Click("#who-yes")
	fresh.Click("#make-form button")
	fresh.Pane("done", "This phone is ready")
	contains(t, "probation is told", fresh.Text("#probation"), "on probation until")

	phone.Open(phone.base + "/me")
	phone.Pane("home", "Your devices")
	contains(t, "the old phone is told", phone.Text("#notices"), "was added on")
	contains(t, "and how", phone.Text("#devices"), "with a recovery code")
}

// What an authenticator that was tampered with sends is refused in words.
func TestTamperedAuthenticator(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()
	phone.enroll(link)
	yes := true
	for name, c := range map[string]struct {
		bits webauthn.SetResponseOverrideBitsParams
		told string
	}{
		"A45 bogus signature":   {webauthn.SetResponseOverrideBitsParams{IsBogusSignature: &yes}, "Something went wrong. Try again."},
		"A45 user not verified": {webauthn.SetResponseOverrideBitsParams{IsBadUV: &yes}, "Use Face ID, fingerprint or the phone’s PIN."},
		"A45 user not present":  {webauthn.SetResponseOverrideBitsParams{IsBadUP: &yes}, "Something went wrong. Try again."},
	} {
		t.Run(name, func(t *testing.T) {
			b := w.start()
			phone.scan(b)
			phone.keys.Override(c.bits)
			phone.Allow("422")
			phone.Click("#approve")
			phone.Told("#problem", c.told)
			phone.Ready("#approve")
			phone.keys.Override(webauthn.SetResponseOverrideBitsParams{})
			phone.Click("#deny")
			phone.Pane("end", "Denied")
		})
	}
	if d := w.device(ana); d.LastUsedAt != 0 {
		t.Errorf("%+v", d)
	}
}

// A person reads the pages in the language of the browser, and can choose.
func TestLanguages(t *testing.T) {
	w := newWorld(t)
	_, link := w.newcomer()
	phone := w.webPhone()
	for lang, want := range map[string]string{
		"de": "Dieses Telefon einrichten", "es": "Configurar este teléfono", "fr": "Configurer ce téléphone", "sl": "Nastavite ta telefon",
	} {
		phone.Open(phone.base + "/e?lang=" + lang)
		phone.Until(`document.documentElement.lang === ` + chrome.Quote(lang))
		phone.Open("about:blank")
		phone.Open(link)
		phone.Pane("start", want)
	}
}
