//go:build browser

package browsertest

import (
	"context"
	"crypto/rsa"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// world is an identity provider, an application on another site, and two
// people with phones.
type world struct {
	t         *testing.T
	idp       *idptest.Live
	address   string // where the browser finds its host, if not by its name
	app       *application
	dana, bob *phone.Phone

	danasMasked, bobsMasked string // their names as the page shows them
}

const appName = "Orchard Travel"

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldAt(t, idptest.NewLive(t))
}

func newWorldAt(t *testing.T, i *idptest.Live) *world {
	t.Helper()
	w := &world{t: t, idp: i}
	dana, bob := w.idp.AddUser("dana@example.com", "Dana", "Novak"), w.idp.AddUser("bob@example.com", "Bob", "Brown")
	w.danasMasked, w.bobsMasked = dana.Masked(), bob.Masked()
	w.dana, w.bob = w.idp.Phone(dana, "127.0.0.2"), w.idp.Phone(bob, "127.0.0.3")
	w.app = newApplication(t, w.idp)
	w.idp.Register(w.app.metadata, func(sp *idp.ServiceProvider) { sp.Name = appName })
	return w
}

// browser starts a browser that may talk to the identity provider and the
// application only.
func (w *world) browser() *chrome.Tab {
	w.t.Helper()
	if w.address != "" {
		return chrome.OpenMapped(w.t, host(w.t, w.idp.URL), w.address, host(w.t, w.app.url), host(w.t, w.app.home))
	}
	return chrome.Open(w.t, host(w.t, w.idp.URL), host(w.t, w.app.url), host(w.t, w.app.home))
}

// start opens the application, which asks the identity provider.
func (w *world) start() *chrome.Tab {
	w.t.Helper()
	b := w.browser()
	b.Open(w.app.url)
	b.Waiting()
	return b
}

// claim lets a phone scan what a tab shows.
func (w *world) claim(p *phone.Phone, b *chrome.Tab) *phone.Request {
	w.t.Helper()
	req, err := p.Claim(context.Background(), b.Camera())
	must(w.t, err)
	return req
}

// approve lets a phone say yes.
func (w *world) approve(p *phone.Phone, req *phone.Request) {
	w.t.Helper()
	_, err := p.Approve(context.Background(), req)
	must(w.t, err)
}

// arrived waits until the application knows somebody.
func (w *world) arrived(b *chrome.Tab, email string) {
	w.t.Helper()
	b.Until(fmt.Sprintf(`document.title === "Home" && document.body.innerText.includes(%q)`, email))
	if got := chrome.Eval[string](b, "location.href"); got != w.app.home+"/" {
		w.t.Errorf("arrived at %s", got)
	}
}

// application is a service provider. After its ACS it redirects to its own
// start page, and from there to a page of another origin.
type application struct {
	url, home string
	metadata  []byte

	mu      sync.Mutex
	headers []http.Header // of the posts to its ACS
}

func newApplication(t *testing.T, i *idptest.Live) *application {
	t.Helper()
	a := &application{}
	who := "nobody"
	home := i.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		writePage(w, "Home", who)
	}))
	mux := http.NewServeMux()
	server := i.Serve(mux)
	a.url, a.home = server.URL, home.URL
	sp := samlSP(t, i, server.URL)
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/forget", func(w http.ResponseWriter, r *http.Request) { // its own session
		must(t, sp.Session.DeleteSession(w, r))
		writePage(w, "Forgotten", "")
	})
	mux.HandleFunc("/saml/", func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.headers = append(a.headers, r.Header.Clone())
		a.mu.Unlock()
		sp.ServeHTTP(w, r)
	})
	mux.Handle("/", sp.RequireAccount(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims := samlsp.SessionFromContext(r.Context()).(samlsp.JWTSessionClaims)
		a.mu.Lock()
		who = fmt.Sprint(claims.Attributes)
		a.mu.Unlock()
		http.Redirect(w, r, home.URL+"/", http.StatusFound)
	})))
	var err error
	a.metadata, err = xml.Marshal(sp.ServiceProvider.Metadata())
	must(t, err)
	return a
}

func samlSP(t *testing.T, i *idptest.Live, address string) *samlsp.Middleware {
	t.Helper()
	root, err := url.Parse(address)
	must(t, err)
	resp, err := i.Client("127.0.0.1").Get(i.URL + "/saml/metadata")
	must(t, err)
	defer resp.Body.Close() //nolint:errcheck // read only
	file, err := io.ReadAll(resp.Body)
	must(t, err)
	us, err := samlsp.ParseMetadata(file)
	must(t, err)
	their := samltest.B()
	sp, err := samlsp.New(samlsp.Options{
		EntityID: address + "/saml/metadata", URL: *root, Key: their.Key.(*rsa.PrivateKey), Certificate: their.Cert, IDPMetadata: us,
	})
	must(t, err)
	sp.ServiceProvider.AuthnNameIDFormat = saml.EmailAddressNameIDFormat
	sp.OnError = func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusForbidden)
		writePage(w, "Not signed in", "The application was told that nobody signed in.")
	}
	return sp
}

// acs are the headers of what was posted to the application.
func (a *application) acs() []http.Header {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.headers
}

func writePage(w io.Writer, title, text string) {
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>%s</title><link rel="icon" href="data:,"><p>%s`, title, html.EscapeString(text))
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	return u.Host
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contains(t *testing.T, what, in string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(in, p) {
			t.Errorf("%s: no %q in %q", what, p, in)
		}
	}
}
