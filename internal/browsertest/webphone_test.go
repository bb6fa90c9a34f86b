//go:build browser

package browsertest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const iPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"

// webPhone is a phone without an app: a browser of its own that shares nothing
// with the computer's, and the passkeys in it.
type webPhone struct {
	*tab
	keys *authenticator
}

// webPhone may talk to the identity provider only.
func (w *world) webPhone() *webPhone {
	w.t.Helper()
	b := openBrowser(w.t, host(w.t, w.idp.URL))
	call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: iPhone, Platform: "iPhone"})
	call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	b.size(390, 844)
	return &webPhone{b, b.authenticator()}
}

// scan opens what the camera reads on a screen, up to the question.
func (p *webPhone) scan(screen *tab) {
	p.t.Helper()
	p.open(screen.camera())
	p.pane("request", "Sign in to "+appName+"?")
}

// ready waits until a button's act is over.
func (b *tab) ready(selector string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`!document.querySelector(%q).hasAttribute("aria-disabled")`, selector))
}

// pane waits for one part of a phone's page.
func (b *tab) pane(id, heading string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector("#%s")?.checkVisibility() && document.querySelector("#%[1]s h1").textContent === %q`, id, heading))
}

// told waits for a text that begins so.
func (b *tab) told(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%[1]q)?.checkVisibility() && document.querySelector(%[1]q).textContent.startsWith(%[2]q)`, selector, text))
}

// enroll uses an invite, up to the end.
func (b *tab) enroll(link string) {
	b.t.Helper()
	b.open(link)
	b.click("#start-go")
	b.click("#who-yes")
	b.click("#make-form button")
	b.pane("done", "This phone is ready")
}

// picture writes what the phone shows, where LATCHKEY_SCREENSHOTS names a folder.
func (p *webPhone) picture(name string) {
	p.t.Helper()
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		return
	}
	call(p.tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1.5, Mobile: true})
	p.until("document.fonts.status === 'loaded'")
	shot := get(p.tab, chromedp.CaptureScreenshot())
	p.size(390, 844)
	must(p.t, os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o644)) //nolint:gosec // pictures are for everyone
	if len(shot) > 150<<10 {
		p.t.Errorf("%s.png has %d bytes", name, len(shot))
	}
}

// authenticator is what a device has behind its face or fingerprint reader,
// played by the browser (WebAuthn domain of its debugging protocol).
type authenticator struct {
	b  *tab
	id webauthn.AuthenticatorID
}

func (b *tab) authenticator() *authenticator {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	added, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	must(b.t, err)
	return &authenticator{b, added.AuthenticatorID}
}

func (a *authenticator) credentials() []*webauthn.Credential {
	a.b.t.Helper()
	found, err := chromedp.Call(a.b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id})
	must(a.b.t, err)
	return found.Credentials
}

// recognizes sets whether the face or finger is the right one.
func (a *authenticator) recognizes(yes bool) {
	a.b.t.Helper()
	call(a.b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes})
}

// answers keeps the SAMLResponses that a tab posts.
type answers struct {
	mu  sync.Mutex
	xml []string
}

func (b *tab) answers() *answers {
	b.t.Helper()
	a := &answers{}
	must(b.t, chromedp.Listen(b.ctx, func(event any) {
		e, ok := event.(*network.EventRequestWillBeSent)
		if !ok || !strings.HasSuffix(e.Request.URL, "/saml/acs") {
			return
		}
		var body strings.Builder
		for _, entry := range e.Request.PostDataEntries {
			body.Write(entry.Bytes)
		}
		form, _ := url.ParseQuery(body.String())
		text, _ := base64.StdEncoding.DecodeString(form.Get("SAMLResponse"))
		a.mu.Lock()
		defer a.mu.Unlock()
		a.xml = append(a.xml, string(text))
	}))
	return a
}

// last is the newest one.
func (a *answers) last(t *testing.T) string {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.xml) == 0 {
		t.Fatal("the browser posted no SAMLResponse")
	}
	return a.xml[len(a.xml)-1]
}

// admin is what an administrator's command line uses.
func (w *world) admin() *adminclient.Client {
	w.t.Helper()
	c, err := adminclient.New(w.idp.URL, http.DefaultClient, adminclient.Bearer(idp.Secret(idptest.AdminToken)))
	must(w.t, err)
	return c
}

// newcomer is a user who has no device yet, with the link of an invite.
func (w *world) newcomer() (u *idp.User, link string) {
	w.t.Helper()
	u = w.idp.AddUser("ana@example.com", "Ana", "Kovač")
	return u, w.invite(u)
}

func (w *world) invite(u *idp.User) (link string) {
	w.t.Helper()
	made, err := w.admin().Invite(w.t.Context(), adminapi.NewInvite{User: u.Email})
	must(w.t, err)
	return made.URL
}

// device is the only one of a user.
func (w *world) device(u *idp.User) adminapi.Device {
	w.t.Helper()
	devices, err := w.admin().Devices(w.t.Context(), u.ID)
	must(w.t, err)
	if len(devices) != 1 {
		w.t.Fatalf("%d devices", len(devices))
	}
	return devices[0]
}

func (w *world) revoke(u *idp.User) {
	w.t.Helper()
	must(w.t, w.admin().RevokeDevice(w.t.Context(), u.ID, w.device(u).ID))
}
