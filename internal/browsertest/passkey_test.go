//go:build browser

package browsertest

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

func TestEnrollOnTheWeb(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()

	phone.open(link)
	phone.pane("start", "Set up this phone")
	phone.until(`location.hash === ""`) // a screen shared by accident shows no token
	phone.click("#start-go")
	phone.pane("who", "Is this you?")
	contains(t, "who invites whom", phone.text("#who"), "Ana Kovač", host(t, w.idp.URL))
	phone.picture("phone-enroll")
	phone.click("#who-yes")
	phone.pane("make", "Create your passkey")
	phone.keys.recognizes(false)
	phone.click("#make-form button")
	phone.told("#make-problem", "Face ID was cancelled or not recognized.")
	phone.keys.recognizes(true)
	phone.ready("#make-form button")
	phone.click("#make-form button")
	phone.pane("done", "This phone is ready")
	if keys := phone.keys.credentials(); len(keys) != 1 || !keys[0].IsResidentCredential || keys[0].RpID != "localhost" {
		t.Errorf("passkeys %+v", keys)
	}
	if d := w.device(ana); d.Type != "webauthn" || d.Name != "iPhone" || d.State != idp.DeviceActive {
		t.Errorf("device %+v", d)
	}
}

func TestSignInOnTheWeb(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()
	phone.enroll(link)
	b := w.start()
	answers := b.answers()
	phone.scan(b)
	contains(t, "what is asked", phone.text("#request"), "Sign in to "+appName+"?", "at "+host(t, w.app.url), "Chrome", "on Linux")
	phone.until(`location.hash === "" && document.activeElement.id === "deny"`)
	phone.picture("phone-approve")
	b.notice("Phone connected", "Check your phone - "+appName)
	contains(t, "the computer knows the phone", b.text("#notice-words"), "Check your iPhone")
	phone.keys.recognizes(false)
	phone.click("#approve")
	phone.told("#problem", "Face ID was cancelled or not recognized. Try again")
	phone.keys.recognizes(true)
	phone.ready("#approve")
	phone.click("#approve")
	phone.pane("end", "Done. You can put your phone away.")
	contains(t, "the end", phone.text("#end-words"), "to "+appName+" as Ana Kovač.")
	b.notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
	b.click("#notice-first")
	w.arrived(b, ana.Email)
	contains(t, "the assertion", answers.last(t), ">"+idp.ACRQR+"<")

	phone.do(chromedp.Reload())
	phone.pane("end", "Done. You can put your phone away.")
}

func TestDenyOnTheWeb(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()
	phone.enroll(link)
	for button, want := range map[string]string{"#deny": "Denied", "#not-me": "Good that you said so"} {
		t.Run(strings.TrimPrefix(button, "#"), func(t *testing.T) {
			b := w.start()
			phone.scan(b)
			phone.click(button)
			phone.pane("end", want)
			b.notice("You said no on your phone", "Not signed in - "+appName)
			if len(w.app.acs()) > 0 {
				t.Error("the application was answered before the click")
			}
		})
	}
	if d := w.device(ana); d.LastUsedAt != 0 {
		t.Errorf("saying no counts as a use: %+v", d)
	}
}

func TestRevokedPhone(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()
	phone.enroll(link)
	w.revoke(ana)
	b := w.start()
	phone.allow("403")
	phone.scan(b)
	phone.click("#approve")
	phone.told("#problem", "This phone was removed from your account.")
	phone.ready("#approve")
	phone.click("#deny")
	phone.pane("end", "Denied")
}

func TestInviteIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	first, second := w.webPhone(), w.webPhone()
	second.open(link)
	second.click("#start-go") // opening burns nothing
	second.pane("who", "Is this you?")
	first.enroll(link)

	const used = "This invite was used or is too old"
	second.allow("410")
	second.click("#who-yes")
	second.click("#make-form button")
	second.pane("end", used)
	for _, phone := range []*webPhone{first, second} {
		phone.allow("410")
		phone.open("about:blank")
		phone.open(link)
		phone.click("#start-go")
		phone.pane("end", used)
	}
	if w.device(ana).Name != "iPhone" {
		t.Error("not the first phone")
	}
}

// A phone is not set up twice; the invite is left for another one.
func TestFurtherPhone(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone, other := w.webPhone(), w.webPhone()
	phone.enroll(link)
	link = w.invite(ana)
	phone.open("about:blank")
	phone.open(link)
	phone.click("#start-go")
	phone.click("#who-yes")
	phone.click("#make-form button")
	phone.pane("end", "This phone is already set up")
	other.enroll(link)
	b := w.start()
	other.scan(b)
	other.click("#approve")
	other.pane("end", "Done. You can put your phone away.")
	b.notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
}

// withPasskey is a browser on a computer that holds a passkey.
func (w *world) withPasskey(link string) (*tab, *authenticator) {
	w.t.Helper()
	b := w.browser()
	keys := b.authenticator()
	b.enroll(link)
	return b, keys
}

func TestPasskeyOnThisDevice(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	b, keys := w.withPasskey(link)
	answers := b.answers()
	b.open(w.app.url)
	b.waiting()
	keys.recognizes(false)
	b.click("#passkey")
	b.told("#passkey-error", "The passkey was cancelled or not recognized.")
	keys.recognizes(true)
	b.ready("#passkey")
	b.click("#passkey")
	w.arrived(b, ana.Email)
	contains(t, "the assertion", answers.last(t), ">"+idp.ACRPHR+"<")
	if len(w.app.acs()) != 1 {
		t.Errorf("the application was answered %d times", len(w.app.acs()))
	}
}

func TestRevokedPasskeyOnThisDevice(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	b, _ := w.withPasskey(link)
	w.revoke(ana)
	b.allow("403")
	b.open(w.app.url)
	b.waiting()
	b.click("#passkey")
	b.told("#passkey-error", "This passkey was removed from your account.")
	w.approve(w.bob, w.claim(w.bob, b)) // the code still works
	b.notice("Continue as "+w.bobsMasked+"?", "Is this you? - "+appName)
}

func TestPasskeyOnlyApplication(t *testing.T) {
	w := newWorld(t)
	w.idp.Update(w.app.url+"/saml/metadata", func(sp *idp.ServiceProvider) { sp.QRPolicy = idp.QRPolicyOff })
	ana, link := w.newcomer()
	b, _ := w.withPasskey(link)
	answers := b.answers()
	b.allow("403") // of the session with a code
	b.open(w.app.url)
	b.told("#here-words", appName+" accepts a passkey on this device only.")
	b.until(`!document.querySelector("#qr").checkVisibility() && !document.querySelector("#qr path").getAttribute("d") && !document.querySelector("#other-device").checkVisibility()`)
	b.click("#here-go")
	w.arrived(b, ana.Email)
	contains(t, "the assertion", answers.last(t), ">"+idp.ACRPHR+"<")
}

// A phone that opens the application itself is offered its own passkey first.
func TestPasskeyOnThePhoneItself(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	b, _ := w.withPasskey(link)
	call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	b.prefer("pointer", "coarse")
	b.size(390, 844)
	b.open(w.app.url)
	b.told("#here-words", "Use the passkey that this device keeps for you.")
	b.click("#here-go")
	w.arrived(b, ana.Email)
}

// The other way in: letters typed at /m.
func TestTypedCodeOnTheWeb(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()
	phone.enroll(link)
	b := w.start()
	b.click("#cannot-scan")
	b.until(`/^[A-Z0-9]{4}-[A-Z0-9]{4}$/.test(document.querySelector("#typed-code").textContent)`)
	phone.open("http://" + b.text("#typed-address"))
	phone.allow("400")
	typed := func(code string) {
		t.Helper()
		phone.do(chromedp.SetValue(chromedp.CSS("#code"), code))
		phone.click("#code-form button")
	}
	typed("BCDFGHJK")
	phone.told("#code-error", "This code is not right.")
	phone.ready("#code-form button")
	typed(strings.ToLower(b.text("#typed-code")))
	phone.pane("request", "Sign in to "+appName+"?")
	phone.click("#approve")
	phone.pane("end", "Done. You can put your phone away.")
	b.notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
}

// A second phone on the same network is asked before it takes over, and the
// first one's approval is worth nothing then.
func TestSecondPhone(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	first, second := w.webPhone(), w.webPhone()
	first.enroll(link)
	second.enroll(w.invite(ana))
	b := w.start()
	code := b.camera()
	first.open(code)
	first.pane("request", "Sign in to "+appName+"?")
	second.allow("409")
	second.open(code)
	second.pane("end", "This code is open on another device")
	second.click("#end-first")
	second.pane("request", "Sign in to "+appName+"?")
	first.allow("404")
	first.click("#approve")
	first.pane("end", "We cannot find this sign-in")
	second.click("#approve")
	second.pane("end", "Done. You can put your phone away.")
	b.notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
}

// A phone without a passkey, and one with a passkey that is no longer known,
// which it is told to forget.
func TestUnknownPhone(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	stranger, phone := w.webPhone(), w.webPhone()
	phone.enroll(link)
	must(t, w.admin().RemoveUser(t.Context(), ana.ID))
	b := w.start()
	phone.allow("404")
	phone.scan(b)
	phone.click("#approve")
	phone.told("#problem", "This phone is not set up yet: the passkey is not known here.")
	for deadline := time.Now().Add(3 * time.Second); len(phone.keys.credentials()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the phone still offers the passkey")
		}
	}
	phone.ready("#approve")
	phone.click("#deny")
	b.notice("You said no on your phone", "Not signed in - "+appName)
	b.click("#notice-first")
	stranger.scan(b)
	stranger.click("#approve")
	stranger.told("#problem", "Face ID was cancelled or not recognized. Try again, or use your passcode. If this phone is not set up yet, open your invite first.")
}
