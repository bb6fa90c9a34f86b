package idptest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Browser is a browser at an address: it keeps cookies, and sends those with
// SameSite=Lax on its own requests and on top-level GETs, never on a POST from
// another site.
type Browser struct {
	IdP       *IdP
	IP        string
	UserAgent string
	Cookies   map[string]string

	// Server answers instead of the IdP's handler, where it runs elsewhere.
	Server http.RoundTripper
}

// Browser opens a fresh browser.
func (i *IdP) Browser(ip string) *Browser {
	return &Browser{
		IdP: i, IP: ip, Cookies: map[string]string{},
		UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
	}
}

// Do sends a request, with cookies or as a cross-site POST without, and keeps
// the cookies of the answer. Redirects are not followed.
func (b *Browser) Do(r *http.Request, cookies bool) *http.Response {
	b.IdP.T.Helper()
	r.Header.Set("User-Agent", b.UserAgent)
	if cookies {
		for name, value := range b.Cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // a request's cookie has no attributes
		}
	}
	var resp *http.Response
	if b.Server != nil {
		var err error
		resp, err = b.Server.RoundTrip(r)
		must(b.IdP.T, err)
	} else {
		resp = b.IdP.Serve(r, b.IP)
	}
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 {
			delete(b.Cookies, c.Name)
		} else {
			b.Cookies[c.Name] = c.Value
		}
	}
	return resp
}

// Get opens a path or URL at top level.
func (b *Browser) Get(path string) *http.Response {
	b.IdP.T.Helper()
	return b.Do(b.request(http.MethodGet, path, nil), true)
}

// PostFrom posts a form from another site, as a service provider's page does.
func (b *Browser) PostFrom(origin, path string, body []byte) *http.Response {
	b.IdP.T.Helper()
	r := b.request(http.MethodPost, path, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	return b.Do(r, false)
}

// DropSession is the end of the SSO session in this browser, which stays known.
func (b *Browser) DropSession() { delete(b.Cookies, "__Host-ss") }

// PostForm posts a form of one of our own pages.
func (b *Browser) PostForm(path string, form url.Values) *http.Response {
	b.IdP.T.Helper()
	r := b.request(http.MethodPost, path, []byte(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", Base)
	return b.Do(r, true)
}

// API makes a call of the login page's script. body nil: GET.
func (b *Browser) API(path string, body any, header ...string) *http.Response {
	b.IdP.T.Helper()
	method, raw := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		var err error
		raw, err = json.Marshal(body)
		must(b.IdP.T, err)
	}
	r := b.request(method, path, raw)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Requested-By", "latchkey")
		r.Header.Set("Origin", Base)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	return b.Do(r, true)
}

func (b *Browser) request(method, path string, body []byte) *http.Request {
	b.IdP.T.Helper()
	if strings.HasPrefix(path, "/") {
		path = Base + path
	}
	r, err := http.NewRequestWithContext(b.IdP.T.Context(), method, path, bytes.NewReader(body))
	must(b.IdP.T, err)
	return r
}

// View is what the login page knows of its session.
type View struct {
	SID        string
	V          int64
	Status     idp.State
	Hint       string
	Frames     []struct{ URL string }
	ContinueAs *string `json:"continue_as"`
	Match      *string
	Remembered *struct{ Display string }
	Return     bool
	ExpiresAt  int64 `json:"expires_at"`
	Device     *struct{ Kind string }
	App        struct{ Name, Host string }
	PollAfter  int64 `json:"poll_after_ms"`
}

// Login opens the page that a service provider's request led to and shows a
// code. location is that of the 303.
func (b *Browser) Login(location string) View {
	b.IdP.T.Helper()
	page := b.Get(location)
	if page.StatusCode != http.StatusOK {
		b.IdP.T.Fatalf("login page: %d %s", page.StatusCode, Body(b.IdP.T, page))
	}
	u, err := url.Parse(location)
	must(b.IdP.T, err)
	return b.NewCode(u.Query().Get("l"))
}

// Open opens the page that a service provider's request led to and goes where
// it leads by itself: by the session to an answer, or back to be asked.
func (b *Browser) Open(location string) *http.Response {
	b.IdP.T.Helper()
	page := b.Get(location)
	body := Body(b.IdP.T, page)
	page.Body = io.NopCloser(strings.NewReader(body))
	if page.StatusCode != http.StatusOK || !strings.Contains(body, `action="/login/continue"`) {
		return page
	}
	u, err := url.Parse(location)
	must(b.IdP.T, err)
	next := b.PostForm("/login/continue", url.Values{"l": {u.Query().Get("l")}})
	if next.StatusCode != http.StatusSeeOther {
		return next
	}
	return b.Get(next.Header.Get("Location"))
}

// NewCode shows a new code for a login.
func (b *Browser) NewCode(loginID string) View {
	b.IdP.T.Helper()
	resp := b.Create(loginID, RandomKey())
	if resp.StatusCode != http.StatusCreated {
		b.IdP.T.Fatalf("create: %d %s", resp.StatusCode, Body(b.IdP.T, resp))
	}
	return Decode[View](b.IdP.T, resp)
}

// Create makes the create call with an Idempotency-Key.
func (b *Browser) Create(loginID, key string, header ...string) *http.Response {
	b.IdP.T.Helper()
	return b.API("/v1/login/sessions", map[string]any{"login": loginID, "mode": "qr"},
		append([]string{"Idempotency-Key", key}, header...)...)
}

// Poll asks how the session is.
func (b *Browser) Poll(sid string) View {
	b.IdP.T.Helper()
	resp := b.API("/v1/login/sessions/"+sid, nil)
	if resp.StatusCode != http.StatusOK {
		b.IdP.T.Fatalf("poll: %d %s", resp.StatusCode, Body(b.IdP.T, resp))
	}
	return Decode[View](b.IdP.T, resp)
}

// Finish posts the finish form.
func (b *Browser) Finish(sid, key string) *http.Response {
	b.IdP.T.Helper()
	return b.PostForm("/login/finish", url.Values{"sid": {sid}, "finish_key": {key}})
}

// Start sends a service provider's redirect query and returns where the 303
// leads.
func (b *Browser) Start(query string) string {
	b.IdP.T.Helper()
	resp := b.Get("/saml/sso?" + query)
	if resp.StatusCode != http.StatusSeeOther {
		b.IdP.T.Fatalf("sso: %d %s", resp.StatusCode, Body(b.IdP.T, resp))
	}
	return resp.Header.Get("Location")
}

// Posted is the form that takes a message to a service provider.
type Posted struct {
	ACS           string
	SAMLResponse  []byte // decoded
	SAMLRequest   []byte // decoded; of a logout
	RelayState    string
	HasRelayState bool
}

// ReadPost reads the form of a page as a browser would.
func ReadPost(t testing.TB, r *http.Response) Posted {
	t.Helper()
	body := Body(t, r)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("page with the answer: %d %s", r.StatusCode, body)
	}
	doc, err := html.Parse(strings.NewReader(body))
	must(t, err)
	var p Posted
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		value := attr["value"]
		if n.Data == "textarea" && n.FirstChild != nil {
			value = n.FirstChild.Data
		}
		switch {
		case n.Data == "form":
			p.ACS = attr["action"]
		case attr["name"] == "SAMLResponse":
			p.SAMLResponse, err = base64.StdEncoding.DecodeString(value)
			must(t, err)
		case attr["name"] == "SAMLRequest":
			p.SAMLRequest, err = base64.StdEncoding.DecodeString(value)
			must(t, err)
		case attr["name"] == "RelayState":
			p.RelayState, p.HasRelayState = value, true
		}
	}
	if p.SAMLResponse == nil && p.SAMLRequest == nil {
		t.Fatalf("no SAML message in %s", body)
	}
	return p
}

// Problem is a refusal of the API.
type Problem struct {
	Status int
	Code   idp.Code
	State  idp.State
	Detail string
}

// ReadProblem reads problem+json.
func ReadProblem(t testing.TB, r *http.Response) Problem {
	t.Helper()
	if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Fatalf("%d with content type %q: %s", r.StatusCode, ct, Body(t, r))
	}
	return Decode[Problem](t, r)
}

// Decode reads JSON.
func Decode[T any](t testing.TB, r *http.Response) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(Body(t, r)), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// RandomKey32 is a new claim key.
func RandomKey32() string {
	key, err := idp.NewSecret(rand.Reader, 32)
	if err != nil {
		panic(err)
	}
	return key.Reveal()
}

// RandomKey is 16 random bytes as base64url: an Idempotency-Key or finish_key.
func RandomKey() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return idp.Base64.EncodeToString(b)
}
