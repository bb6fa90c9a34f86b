//go:build browser

package browsertest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	if got := b.Text("h1"); got != "Sign in to "+appName {
		t.Errorf("h1 %q", got)
	}
	w.picture(b, "sign-in")
	w.pictureDark(b, "sign-in-dark")
	req := w.claim(w.dana, b)
	if req.Context.App.Name != appName || req.Context.App.Host != host(t, w.app.url) {
		t.Errorf("the phone shows %+v", req.Context.App)
	}
	b.Notice("Phone connected", "Check your phone - "+appName)
	w.picture(b, "phone-connected")
	w.approve(w.dana, req)
	b.Notice("Continue as "+w.danasMasked+"?", "Is this you? - "+appName)
	w.picture(b, "continue-as")
	contains(t, "a screen reader is told", chrome.Eval[string](b, `said.join(" | ")`), "The code is ready. Scan it with your phone.", "Phone connected.")
	if len(w.app.acs()) > 0 {
		t.Error("the application was answered before the click")
	}
	b.Click("#notice-first")
	w.arrived(b, "dana@example.com")

	t.Run("W1 what the application sees", func(t *testing.T) {
		h := w.app.acs()[0]
		if h.Get("Origin") != w.idp.URL || h.Get("Referer") != w.idp.URL+"/" {
			t.Errorf("Origin %q, Referer %q", h.Get("Origin"), h.Get("Referer"))
		}
	})
}

func TestDeny(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	b.Allow("403") // of the application
	must(t, w.dana.Deny(context.Background(), w.claim(w.dana, b), idp.WhyNotMe))
	b.Notice("You said no on your phone", "Not signed in - "+appName)
	w.picture(b, "denied")
	b.Click("#notice-second")
	b.Until(`document.title === "Not signed in"`)
	if len(w.app.acs()) != 1 {
		t.Errorf("the application was answered %d times", len(w.app.acs()))
	}
}

func TestExpiryAndNewCode(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	old := b.Camera()
	w.idp.Forward(3 * time.Minute)
	b.Notice("This took too long", "Code expired - "+appName)
	w.picture(b, "expired")
	if _, err := w.dana.Claim(context.Background(), old); err == nil {
		t.Error("a code can be scanned after its end")
	}
	b.Click("#notice-first")
	req := w.claim(w.dana, b)
	if strings.Contains(old, req.SID) {
		t.Error("not a new session")
	}
	w.approve(w.dana, req)
	b.Click("#notice-first")
	w.arrived(b, "dana@example.com")
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	b.Allow("403") // of the application
	code := b.Camera()
	b.Click("#cancel")
	b.Until(`document.title === "Not signed in"`)
	if len(w.app.acs()) != 1 {
		t.Errorf("the application was answered %d times", len(w.app.acs()))
	}
	if _, err := w.dana.Claim(context.Background(), code); err == nil {
		t.Error("a cancelled code can be scanned")
	}
}

func TestTypedCode(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	b.Click("#cannot-scan")
	b.Until(`/^[A-Z0-9]{4}-[A-Z0-9]{4}$/.test(document.querySelector("#typed-code").textContent)`)
	contains(t, "address to type", b.Text("#typed-address"), host(t, w.idp.URL)+"/m")
	w.picture(b, "typed-code")
	req, err := w.dana.Claim(context.Background(), b.Text("#typed-code"))
	must(t, err)
	w.approve(w.dana, req)
	b.Notice("Continue as "+w.danasMasked+"?", "Is this you? - "+appName)
	b.Click("#notice-first")
	w.arrived(b, "dana@example.com")
}

// Somebody else scans the same screen.
func TestContested(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	code := b.Camera()
	_, err := w.dana.Claim(context.Background(), code)
	must(t, err)
	if _, err := w.bob.Claim(context.Background(), code); err == nil {
		t.Error("two phones hold one session")
	}
	b.Notice("We stopped this sign-in to be safe", "Stopped - "+appName)
	b.Click("#notice-first")
	req := w.claim(w.dana, b)
	w.approve(w.dana, req)
	b.Click("#notice-first")
	w.arrived(b, "dana@example.com")
}

func TestNotMe(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	w.approve(w.bob, w.claim(w.bob, b))
	b.Notice("Continue as "+w.bobsMasked+"?", "Is this you? - "+appName)
	b.Click("#notice-second")
	b.Notice("Nobody was signed in", "Stopped - "+appName)
	if len(w.app.acs()) > 0 {
		t.Error("the application was answered")
	}
}

func TestTwoTabs(t *testing.T) {
	w := newWorld(t)
	one := w.start()
	two := one.Another()
	two.Open(w.app.url)
	w.approve(w.bob, w.claim(w.bob, two))
	two.Click("#notice-first")
	w.arrived(two, "bob@example.com")
	w.approve(w.dana, w.claim(w.dana, one))
	one.Click("#notice-first")
	w.arrived(one, "dana@example.com")
}

func TestKeyboardOnly(t *testing.T) {
	w := newWorld(t)
	b := w.start()
	w.approve(w.dana, w.claim(w.dana, b))
	b.Notice("Continue as "+w.danasMasked+"?", "Is this you? - "+appName)
	for range 10 {
		if b.Press(kb.Tab); chrome.Eval[string](b, "document.activeElement.id") == "notice-first" {
			b.Press(kb.Enter)
			w.arrived(b, "dana@example.com")
			return
		}
	}
	t.Error("no way to the button by Tab")
}

func TestErrorPage(t *testing.T) {
	w := newWorld(t)
	w.idp.Update(w.app.url+"/saml/metadata", func(sp *idp.ServiceProvider) { sp.Disabled = true })
	b := w.browser()
	b.Allow("400")
	b.Open(w.app.url)
	b.Until(`document.title === "This sign-in request was refused"`)
	contains(t, "error page", b.Text("main"), "Reference", "Go back to the application")
	if chrome.Eval[int](b, `document.querySelectorAll("main a").length`) != 0 {
		t.Error("it links to somewhere")
	}
	w.picture(b, "error")
	if r := b.Text(".reference"); len(r) != 26 || !strings.Contains(w.idp.Log.String(), r) {
		t.Errorf("reference %q is not in the log", r)
	}
}
