//go:build browser

package browsertest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const iPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"

// webPhone is a phone without an app: a browser of its own that shares nothing
// with the computer's, and the passkeys in it.
type webPhone struct {
	*chrome.Tab
	t    *testing.T
	keys *chrome.Authenticator
	base string // address of the identity provider
}

// webPhone may talk to the identity provider only.
func (w *world) webPhone() *webPhone {
	w.t.Helper()
	return w.asPhone(chrome.Open(w.t, host(w.t, w.idp.URL)))
}

// asPhone makes a browser that of a phone.
func (w *world) asPhone(b *chrome.Tab) *webPhone {
	w.t.Helper()
	chrome.Call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: iPhone, Platform: "iPhone"})
	b.TouchScreen()
	b.Size(390, 844)
	return &webPhone{b, w.t, b.Authenticator(), w.idp.URL}
}

// enroll uses an invite, up to the end.
func (p *webPhone) enroll(link string) { enroll(p.Tab, link) }

// scan opens what the camera reads on a screen, up to the question.
func (p *webPhone) scan(screen *chrome.Tab) {
	p.t.Helper()
	p.Open(screen.Camera())
	p.Pane("request", "Sign in to "+appName+"?")
}

// enroll uses an invite, up to the end.
func enroll(b *chrome.Tab, link string) {
	b.Open(link)
	b.Click("#start-go")
	b.Click("#who-yes")
	b.Click("#make-form button")
	b.Pane("done", "This phone is ready")
}

// picture writes what the phone shows, where LATCHKEY_SCREENSHOTS names a folder.
func (p *webPhone) picture(name string) {
	p.t.Helper()
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		return
	}
	chrome.Call(p.Tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1.5, Mobile: true})
	p.Until("document.fonts.status === 'loaded'")
	shot := chrome.Get(p.Tab, chromedp.CaptureScreenshot())
	p.Size(390, 844)
	must(p.t, os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o644)) //nolint:gosec // pictures are for everyone
	if len(shot) > 150<<10 {
		p.t.Errorf("%s.png has %d bytes", name, len(shot))
	}
}

// answers keeps the SAMLResponses that a tab posts.
type answers struct {
	mu  sync.Mutex
	xml []string
}

func listen(b *chrome.Tab) *answers {
	a := &answers{}
	b.Listen(func(event any) {
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
	})
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
