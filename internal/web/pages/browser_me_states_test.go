//go:build browser

package pages_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// ownPage opens a person's own page.
func ownPage(t *testing.T) (*fakeMe, *chrome.Tab) {
	t.Helper()
	f, b := newFakeMe(t), chrome.Open(t)
	b.Authenticator()
	visit(b, f.origin+"/me")
	b.Pane("home", "Your devices")
	return f, b
}

// row presses a button of the row with a number in one of the lists.
func row(b *chrome.Tab, list, number, act string) {
	b.Click("#" + list + " > li:nth-child(" + number + `) [data-act="` + act + `"]`)
}

func walkOwnPage(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := ownPage(t)
	b.Allow("Failed to load resource")
	see(b, "me-home")
	f.set(func() { f.refuse["POST /recovery-codes"] = problem{status: 403, code: "probation"} })
	b.Click("#codes-go")
	b.Told("#home-problem", "This device is new")
	see(b, "me-problem")
	f.set(func() { clear(f.refuse) })
	row(b, "devices", "1", "rename")
	b.Pane("ask", "Rename “iPhone of Ana-Marija with a rather long name”")
	see(b, "me-rename")
	b.Script(`document.querySelector("#ask-input").value = ""`)
	b.Click("#ask-yes")
	b.Told("#ask-input-error", "Type a name.")
	see(b, "me-rename-empty")
	b.Click("#ask-no")
	b.Pane("home", "Your devices")
	row(b, "devices", "2", "remove")
	b.Pane("ask", "Remove “Work PC”?")
	see(b, "me-remove")
	f.set(func() { f.refuse["DELETE /devices/{id}"] = problem{status: 503, code: "busy"} })
	b.Click("#ask-yes")
	b.Until(`document.querySelector("#ask-problem").checkVisibility()`)
	see(b, "me-remove-problem")
	b.Click("#ask-no")
	b.Pane("home", "Your devices")
	row(b, "activity", "1", "report")
	b.Pane("ask", "That wasn’t you?")
	see(b, "me-report")
	b.Click("#ask-yes")
	b.Pane("ask", "Remove “Work PC”?")
	see(b, "me-report-remove")
}

func walkOwnPageCodes(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := ownPage(t)
	b.Allow("Failed to load resource")
	f.set(func() { f.devices = f.devices[:1] })
	b.Open(f.origin + "/me")
	b.Pane("home", "Your devices")
	row(b, "devices", "1", "remove")
	b.Pane("ask", "Remove your last device?")
	b.Click("#ask-yes")
	b.Told("#ask-input-error", "To confirm, type its name")
	see(b, "me-remove-last")
	b.Click("#ask-no")
	b.Pane("home", "Your devices")
	b.Click("#codes-go")
	b.Pane("codes", "Recovery codes")
	see(b, "me-codes")
	b.Click("#codes-done")
	b.Told("#codes-saved-error", "Save the codes first.")
	see(b, "me-codes-not-saved")
	f.set(func() { f.refuse["GET "] = problem{status: 403, code: "stepup_required"} })
	b.Open(f.origin + "/me")
	b.Pane("signin", "Your devices")
	see(b, "me-signin")
	f.set(func() { f.refuse["GET "] = problem{status: 403, code: "user_inactive"} })
	b.Open(f.origin + "/me")
	b.Until(`document.querySelector("#signin-problem").checkVisibility()`)
	see(b, "me-signin-refused")
}

func walkAddDevice(t *testing.T, see func(*chrome.Tab, string)) {
	t.Run("the old one", func(t *testing.T) {
		f, b := ownPage(t)
		b.Allow("Failed to load resource")
		b.Click("#add-go")
		b.Pane("add", "Add a device")
		see(b, "me-add")
		f.keyReady()
		b.Pane("vouch", "Is this your new device?")
		see(b, "me-vouch")
		b.Click("#vouch-yes") // what came of the server does not fit together
		b.Until(`document.querySelector("#vouch-problem").checkVisibility()`)
		see(b, "me-vouch-problem")
		f.set(func() { f.refuse["GET /devices/add/{id}"] = problem{status: 410, code: "enroll_expired"} })
		b.Open(f.origin + "/me")
		b.Click("#add-go")
		b.Told("#add-problem", "This took too long.")
		see(b, "me-add-late")
	})
	t.Run("the new one", func(t *testing.T) {
		f, b := pending(t)
		b.Allow("Failed to load resource")
		see(b, "e-pending")
		f.set(func() { f.state = "revoked" })
		b.Pane("end", "This device was not added")
		see(b, "e-called-off")
		f.set(func() { f.state = "pending" })
		visit(b, f.origin+"/e?try#"+inviteToken)
		b.Click("#start-go")
		b.Click("#who-yes")
		b.Click("#make-form button")
		b.Pane("pending", "One more step")
		f.set(func() { f.refuse["finish"] = problem{status: 410, code: "enroll_expired"} })
		b.Pane("end", "This took too long")
		see(b, "e-not-vouched")
	})
}

func walkRecover(t *testing.T, see func(*chrome.Tab, string)) {
	f, b := newFakeEnroll(t), chrome.Open(t)
	b.Allow("Failed to load resource")
	b.Authenticator()
	visit(b, f.origin+"/e?try#recovery")
	b.Pane("recover", "Use a recovery code")
	see(b, "e-recover")
	b.Click("#recover-form button")
	b.Told("#recover-login-error", "Type your e-mail address.")
	see(b, "e-recover-empty")
	b.Script(`(document.querySelector("#recover-login").value = "ana@example.com", document.querySelector("#recover-code").value = "2345-6789-ABCD-EFGH")`)
	f.set(func() { f.refuse["recovery"] = problem{status: 422, code: "code_wrong"} })
	b.Click("#recover-form button")
	b.Told("#recover-code-error", "This address and code do not belong together")
	see(b, "e-recover-wrong")
	f.set(func() { f.refuse["recovery"] = problem{status: 429, code: "slow_down", retryAfter: "30"} })
	b.Ready("#recover-form button")
	b.Click("#recover-form button")
	b.Told("#recover-problem", "Too many tries.")
	see(b, "e-recover-slow")
	f.set(func() { clear(f.refuse); f.probation = true })
	b.Ready("#recover-form button")
	b.Click("#recover-form button")
	b.Pane("who", "Is this you?")
	b.Until(`!document.querySelector("#who-by").checkVisibility()`)
	see(b, "e-recover-who")
	b.Click("#who-yes")
	b.Click("#make-form button")
	b.Pane("done", "This phone is ready")
	see(b, "e-recover-done")
}
