//go:build browser

package browsertest

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

func TestEnrollOnTheWeb(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()

	phone.Open(link)
	phone.Pane("start", "Set up this phone")
	phone.Until(`location.hash === ""`) // a screen shared by accident shows no token
	phone.Click("#start-go")
	phone.Pane("who", "Is this you?")
	contains(t, "who invites whom", phone.Text("#who"), "Ana Kovač", host(t, w.idp.URL))
	phone.picture("phone-enroll")
	phone.Click("#who-yes")
	phone.Pane("make", "Create your passkey")
	phone.keys.Recognizes(false)
	phone.Click("#make-form button")
	phone.Told("#make-problem", "Face ID was cancelled or not recognized.")
	phone.keys.Recognizes(true)
	phone.Ready("#make-form button")
	phone.Click("#make-form button")
	phone.Pane("done", "This phone is ready")
	if keys := phone.keys.Credentials(); len(keys) != 1 || !keys[0].IsResidentCredential || keys[0].RpID != "localhost" {
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
	answers := listen(b)
	phone.scan(b)
	contains(t, "what is asked", phone.Text("#request"), "Sign in to "+appName+"?", "at "+host(t, w.app.url), "Chrome", "on Linux")
	phone.Until(`location.hash === "" && document.activeElement.id === "deny"`)
	phone.picture("phone-approve")
	b.Notice("Phone connected", "Check your phone - "+appName)
	contains(t, "the computer knows the phone", b.Text("#notice-words"), "Check your iPhone")
	phone.keys.Recognizes(false)
	phone.Click("#approve")
	phone.Told("#problem", "Face ID was cancelled or not recognized. Try again")
	phone.keys.Recognizes(true)
	phone.Ready("#approve")
	phone.Click("#approve")
	phone.Pane("end", "Done. You can put your phone away.")
	contains(t, "the end", phone.Text("#end-words"), "to "+appName+" as Ana Kovač.")
	b.Notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
	b.Click("#notice-first")
	w.arrived(b, ana.Email)
	contains(t, "the assertion", answers.last(t), ">"+idp.ACRQR+"<")

	phone.Do(chromedp.Reload())
	phone.Pane("end", "Done. You can put your phone away.")
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
			phone.Click(button)
			phone.Pane("end", want)
			b.Notice("You said no on your phone", "Not signed in - "+appName)
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
	phone.Allow("403")
	phone.scan(b)
	phone.Click("#approve")
	phone.Told("#problem", "This phone was removed from your account.")
	phone.Ready("#approve")
	phone.Click("#deny")
	phone.Pane("end", "Denied")
}

func TestInviteIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	first, second := w.webPhone(), w.webPhone()
	second.Open(link)
	second.Click("#start-go") // opening burns nothing
	second.Pane("who", "Is this you?")
	first.enroll(link)

	const used = "This invite was used or is too old"
	second.Allow("410")
	second.Click("#who-yes")
	second.Click("#make-form button")
	second.Pane("end", used)
	for _, phone := range []*webPhone{first, second} {
		phone.Allow("410")
		phone.Open("about:blank")
		phone.Open(link)
		phone.Click("#start-go")
		phone.Pane("end", used)
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
	phone.Open("about:blank")
	phone.Open(link)
	phone.Click("#start-go")
	phone.Click("#who-yes")
	phone.Click("#make-form button")
	phone.Pane("end", "This phone is already set up")
	other.enroll(link)
	b := w.start()
	other.scan(b)
	other.Click("#approve")
	other.Pane("end", "Done. You can put your phone away.")
	b.Notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
}

// withPasskey is a browser on a computer that holds a passkey, and offers it
// when it is asked only.
func (w *world) withPasskey(link string) (*chrome.Tab, *chrome.Authenticator) {
	w.t.Helper()
	b := w.browser()
	b.NoAutofill()
	return b, enrolled(b, link)
}

// enrolled puts a passkey into a browser.
func enrolled(b *chrome.Tab, link string) *chrome.Authenticator {
	keys := b.Authenticator()
	enroll(b, link)
	return keys
}

// The passkey that the browser offers at the field of the page, and that is
// chosen there.
func TestPasskeyAtTheField(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	b := w.browser()
	enrolled(b, link)
	answers := listen(b)
	b.Open(w.app.url)
	w.arrived(b, ana.Email)
	contains(t, "the assertion", answers.last(t), ">"+idp.ACRPHR+"<")
}

func TestPasskeyOnThisDevice(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	b, keys := w.withPasskey(link)
	answers := listen(b)
	b.Open(w.app.url)
	b.Waiting()
	keys.Recognizes(false)
	b.Click("#passkey")
	b.Told("#passkey-error", "The passkey was cancelled or not recognized.")
	keys.Recognizes(true)
	b.Ready("#passkey")
	b.Click("#passkey")
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
	b.Allow("403")
	b.Open(w.app.url)
	b.Waiting()
	b.Click("#passkey")
	b.Told("#passkey-error", "This passkey was removed from your account.")
	w.approve(w.bob, w.claim(w.bob, b)) // the code still works
	b.Notice("Continue as "+w.bobsMasked+"?", "Is this you? - "+appName)
}

func TestPasskeyOnlyApplication(t *testing.T) {
	w := newWorld(t)
	w.idp.Update(w.app.url+"/saml/metadata", func(sp *idp.ServiceProvider) { sp.QRPolicy = idp.QRPolicyOff })
	ana, link := w.newcomer()
	b, _ := w.withPasskey(link)
	answers := listen(b)
	b.Allow("403") // of the session with a code
	b.Open(w.app.url)
	b.Told("#here-words", appName+" accepts a passkey on this device only.")
	b.Until(`!document.querySelector("#qr").checkVisibility() && !document.querySelector("#qr path").getAttribute("d") && !document.querySelector("#other-device").checkVisibility()`)
	b.Click("#here-go")
	w.arrived(b, ana.Email)
	contains(t, "the assertion", answers.last(t), ">"+idp.ACRPHR+"<")
}

// A phone that opens the application itself is offered its own passkey first.
func TestPasskeyOnThePhoneItself(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	b, _ := w.withPasskey(link)
	b.TouchScreen()
	b.Size(390, 844)
	b.Open(w.app.url)
	b.Told("#here-words", "Use the passkey that this device keeps for you.")
	b.Click("#here-go")
	w.arrived(b, ana.Email)
}

// The other way in: letters typed at /m.
func TestTypedCodeOnTheWeb(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	phone := w.webPhone()
	phone.enroll(link)
	b := w.start()
	b.Click("#cannot-scan")
	b.Until(`/^[A-Z0-9]{4}-[A-Z0-9]{4}$/.test(document.querySelector("#typed-code").textContent)`)
	phone.Open("http://" + b.Text("#typed-address"))
	phone.Pane("scan", "Scan the code")
	phone.Click("#scan-type")
	phone.Allow("400")
	typed := func(code string) {
		t.Helper()
		phone.Do(chromedp.SetValue(chromedp.CSS("#code"), code))
		phone.Click("#code-form button")
	}
	typed("BCDFGHJK")
	phone.Told("#code-error", "This code is not right.")
	phone.Ready("#code-form button")
	typed(strings.ToLower(b.Text("#typed-code")))
	phone.Pane("request", "Sign in to "+appName+"?")
	phone.Click("#approve")
	phone.Pane("end", "Done. You can put your phone away.")
	b.Notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
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
	code := b.Camera()
	first.Open(code)
	first.Pane("request", "Sign in to "+appName+"?")
	second.Allow("409")
	second.Open(code)
	second.Pane("end", "This code is open on another device")
	second.Click("#end-first")
	second.Pane("request", "Sign in to "+appName+"?")
	first.Allow("404")
	first.Click("#approve")
	first.Pane("end", "We cannot find this sign-in")
	second.Click("#approve")
	second.Pane("end", "Done. You can put your phone away.")
	b.Notice("Continue as "+ana.Masked()+"?", "Is this you? - "+appName)
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
	phone.Allow("404")
	phone.scan(b)
	phone.Click("#approve")
	phone.Told("#problem", "This phone is not set up yet: the passkey is not known here.")
	for deadline := time.Now().Add(3 * time.Second); len(phone.keys.Credentials()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the phone still offers the passkey")
		}
	}
	phone.Ready("#approve")
	phone.Click("#deny")
	b.Notice("You said no on your phone", "Not signed in - "+appName)
	b.Click("#notice-first")
	stranger.scan(b)
	stranger.Click("#approve")
	stranger.Told("#problem", "Face ID was cancelled or not recognized. Try again, or use your passcode. If this phone is not set up yet, open your invite first.")
}
