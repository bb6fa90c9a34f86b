//go:build browser

package pages_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

const iPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"

// invited opens an invite on an iPhone.
func invited(t *testing.T, query string) (*fakeEnroll, *chrome.Tab, *chrome.Authenticator) {
	t.Helper()
	f, b := newFakeEnroll(t), chrome.Open(t)
	chrome.Call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: iPhone})
	a := b.Authenticator()
	visit(b, f.origin+"/e"+query+"#"+inviteToken)
	b.Pane("start", "Set up this phone")
	return f, b, a
}

// making goes on to step 3.
func making(t *testing.T, query string) (*fakeEnroll, *chrome.Tab, *chrome.Authenticator) {
	t.Helper()
	f, b, a := invited(t, query)
	b.Click("#start-go")
	b.Pane("who", "Is this you?")
	b.Click("#who-yes")
	b.Pane("make", "Create your passkey")
	return f, b, a
}

func TestEnroll(t *testing.T) {
	f, b, a := invited(t, "?try")
	b.Until(`location.hash === "" && !document.querySelector("#start-problem").checkVisibility()`)
	if f.called() != "" {
		t.Error("the invite was redeemed before a tap:", f.called())
	}
	steps := func(want string) {
		t.Helper()
		b.Until(`[...document.querySelectorAll(".step")].filter((e) => e.checkVisibility()).map((e) => e.textContent).join() === ` + chrome.Quote(want))
	}
	steps("Step 1 of 4")
	b.Click("#start-go")
	b.Pane("who", "Is this you?")
	steps("Step 2 of 4")
	b.Until(`document.activeElement.id === "who-title"`)
	for _, words := range []string{"Ana Kovač", "Maja Novak", "id.example.com", "a public key", "your fingerprint"} {
		if !strings.Contains(b.Text("#who"), words) {
			t.Errorf("%q is not told", words)
		}
	}
	b.Click("#who-yes")
	b.Pane("make", "Create your passkey")
	steps("Step 3 of 4")
	b.Until(`document.querySelector("#name").value === "iPhone"`)
	b.Script(`document.querySelector("#name").value = " Ana’s phone "`)
	b.Click("#make-form button")
	b.Pane("done", "This phone is ready")
	steps("Step 4 of 4")
	if f.name != "Ana’s phone" || len(a.Credentials()) != 1 || !a.Credentials()[0].IsResidentCredential {
		t.Errorf("name %q, %d passkeys", f.name, len(a.Credentials()))
	}
	b.Click("#test")
	b.Until(`document.querySelector("#test-result").textContent.startsWith("It works.") && document.querySelector("#test").hidden`)
	if got := f.called(); got != "redeem, options, finish, stepup options, stepup" || !f.tested {
		t.Errorf("calls: %s; tested: %t", got, f.tested)
	}
}

func TestProbationIsTold(t *testing.T) {
	f, b, _ := making(t, "")
	f.set(func() { f.probation = true })
	b.Click("#make-form button")
	b.Pane("done", "This phone is ready")
	b.Until(`/on probation until .*20\d\d/.test(document.querySelector("#probation").innerText)`)
	b.Until(`document.querySelector("#test") === null`)
}

func TestReloadKeepsTheInvite(t *testing.T) {
	_, b, _ := making(t, "")
	b.Do(chromedp.Reload())
	b.Pane("start", "Set up this phone")
	b.Click("#start-go")
	b.Pane("who", "Is this you?")
}

func TestNotTheInvited(t *testing.T) {
	f, b, _ := invited(t, "")
	b.Click("#start-go")
	b.Click("#who-no")
	b.Pane("end", "Do not go on")
	if words := b.Text("#end-words"); !strings.Contains(words, "for Ana Kovač. Tell Maja Novak") {
		t.Errorf("words %q", words)
	}
	if got := f.called(); got != "redeem" {
		t.Errorf("calls: %s", got)
	}
}

func TestPasskeyNotCreated(t *testing.T) {
	f, b, a := making(t, "")
	b.Allow("Failed to load resource")
	a.Recognizes(false)
	b.Click("#make-form button")
	b.Until(`document.querySelector("#make-problem").textContent.startsWith("Face ID was cancelled or not recognized.")`)
	a.Recognizes(true)
	b.Until(`!document.querySelector("#make-form button").hasAttribute("aria-disabled")`)

	// A lost answer: the passkey that was made is sent again, no second one.
	f.set(func() { f.refuse["finish"] = problem{status: 503, code: "busy"} })
	b.Click("#make-form button")
	b.Until(`document.querySelector("#make-problem").textContent.startsWith("We are busy")`)
	f.set(func() { delete(f.refuse, "finish") })
	b.Until(`!document.querySelector("#make-form button").hasAttribute("aria-disabled")`)
	b.Click("#make-form button")
	b.Pane("done", "This phone is ready")
	if n := len(a.Credentials()); n != 1 {
		t.Errorf("%d passkeys", n)
	}
}

func TestAlreadyOnThisPhone(t *testing.T) {
	f, b, a := making(t, "")
	f.set(func() { f.exclude = []string{base64url(a.AddPasskey(rpID).ID)} })
	b.Click("#make-form button")
	b.Pane("end", "This phone is already set up")
}

func TestInviteProblems(t *testing.T) {
	for _, action := range []string{"redeem", "options", "finish"} {
		t.Run(action, func(t *testing.T) {
			f, b, _ := making(t, "")
			b.Allow("Failed to load resource")
			for code, want := range map[string][2]string{
				"invite_unknown":      {"This invite is not valid", ""},
				"invite_used":         {"This invite was used or is too old", ""},
				"enroll_expired":      {"This took too long", "Start again"},
				"already_registered":  {"This phone is already set up", ""},
				"attestation_refused": {"This phone’s key is not allowed here", ""},
				"user_inactive":       {"Your account is not active", ""},
				"cookies_needed":      {"Cookies are needed", "Start again"},
				"new_code":            {"Something went wrong", "Try again"},
			} {
				f.set(func() {
					f.refuse = map[string]problem{action: {status: 409, code: code, detail: "Words of the server."}}
				})
				visit(b, f.origin+"/e#"+inviteToken)
				b.Click("#start-go")
				if action != "redeem" {
					b.Click("#who-yes")
					b.Click("#make-form button")
				}
				b.Pane("end", want[0])
				if got := b.Text("#end-first"); got != want[1] {
					t.Errorf("%s: button %q, want %q", code, got, want[1])
				}
				f.set(func() { clear(f.refuse) })
				switch want[1] {
				case "Start again":
					b.Click("#end-first")
					b.Pane("who", "Is this you?")
				case "Try again":
					b.Click("#end-first")
					b.Until(fmt.Sprintf(`document.querySelector(%q).checkVisibility()`, map[bool]string{true: "#who", false: "#done"}[action == "redeem"]))
				}
			}
		})
	}
	t.Run("slow_down", func(t *testing.T) {
		f, b, _ := invited(t, "")
		b.Allow("429")
		f.set(func() { f.refuse["redeem"] = problem{status: 429, code: "slow_down", retryAfter: "30"} })
		b.Click("#start-go")
		b.Until(`document.querySelector("#start-problem").textContent === "Too many tries. Wait 30 seconds, then try again."`)
	})
	t.Run("link cut off", func(t *testing.T) {
		f, b := newFakeEnroll(t), chrome.Open(t)
		for _, rest := range []string{"", "#", "#AAEC", "#" + inviteToken + "%20"} {
			visit(b, f.origin+"/e"+rest)
			b.Pane("end", "This link is not complete")
		}
	})
	t.Run("no screen lock", func(t *testing.T) {
		f, b := newFakeEnroll(t), chrome.Open(t)
		visit(b, f.origin+"/e#"+inviteToken)
		b.Until(`document.querySelector("#start-problem").textContent.includes("no screen lock")`)
	})
}
