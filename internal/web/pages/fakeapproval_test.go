//go:build browser

package pages_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/idp"
	logins "github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

const (
	sid    = "CAIREEYUCULBOGAZDINRYHI6D4"
	aFrame = "1." + sid + ".0.4ZJEXN7EWUKY7KLD"
)

// fakeApprovals plays the server side of approval-protocol.md 15.2 for one QR
// session, and is as strict about what the page sends.
type fakeApprovals struct {
	*httptest.Server
	origin string

	mu       sync.Mutex
	key      *chrome.Passkey // who may approve
	context  idp.Context
	text     logins.Text
	status   string
	life     time.Duration
	expires  time.Time
	match    string // the number on the login page; empty: none asked for
	warnings []string
	holder   string             // claim key that holds the session
	refuse   map[string]problem // by action: claim, get, approve, deny, extend
	calls    []string           // "claim camera", "deny not_me"
	wrong    []string           // what the page sent and should not have
}

func newFakeApprovals(t *testing.T) *fakeApprovals {
	t.Helper()
	a, err := assets.New(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages.New(a, catalog(t), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeApprovals{
		status: "created", life: 120 * time.Second, refuse: map[string]problem{},
		context: idp.Context{
			V: 1, App: idp.ContextApp{EntityID: "https://sp.example.org/saml", Host: "sp.example.org", Name: "Payroll"},
			Browser: "Firefox 145", OS: "Windows 11", Place: "Ljubljana, SI", IP: "203.0.113.0/24", RequestedAt: time.Now().Add(-12 * time.Second).Unix(),
		},
		text: logins.Text{
			IDP: "https://id.example.com/idp", SP: "https://sp.example.org/saml", Request: "_a1b2c3", ACR: "urn:latchkey:acr:qr",
			Browser: "4Od6UHQSsSD27eYfYilbGg", Nonce: strings.Repeat("u7", 21) + "s",
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", a.Handler())
	mux.HandleFunc("GET /m", func(w http.ResponseWriter, _ *http.Request) {
		report(t, p.Approve(w, pages.ApprovePage{Frame: pageFrame(t), Host: "id.example.com"}))
	})
	mux.HandleFunc("GET /login/logo/{name}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="10" fill="#3b5bdb"/><path d="M16 34V14h10a7 7 0 0 1 0 14H16" fill="none" stroke="#fff" stroke-width="4"/></svg>`)
	})
	mux.HandleFunc("GET /sw.js", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/javascript") })
	mux.HandleFunc("GET /manifest.webmanifest", manifest)
	mux.HandleFunc("GET /module/{name}", func(w http.ResponseWriter, r *http.Request) {
		url, err := a.URL(r.PathValue("name"))
		report(t, err)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>Module</title><link rel=icon href="data:,"><script type=module>import * as m from %q; globalThis.m = m</script>`, url)
	})
	mux.HandleFunc("POST /v1/approvals/claim", f.claim)
	mux.HandleFunc("GET /v1/approvals/{sid}", f.held("get", func(w http.ResponseWriter, _ *http.Request) { f.answerClaim(w) }))
	mux.HandleFunc("POST /v1/approvals/{sid}/approve", f.held("approve", f.approve))
	mux.HandleFunc("POST /v1/approvals/{sid}/deny", f.held("deny", f.deny))
	mux.HandleFunc("POST /v1/approvals/{sid}/extend", f.held("extend", func(w http.ResponseWriter, _ *http.Request) {
		f.expires = f.expires.Add(time.Minute)
		f.answerClaim(w)
	}))
	f.Server = httptest.NewServer(mux)
	f.origin = strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	t.Cleanup(func() {
		f.Close()
		for _, w := range f.wrong {
			t.Error("the page sent", w)
		}
	})
	return f
}

// manifest says only that there is one.
func manifest(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/manifest+json")
	fmt.Fprint(w, `{"name": "Latchkey", "start_url": "/m"}`)
}

// note remembers a call and answers it with the problem that the test wants.
// f.mu is held.
func (f *fakeApprovals) note(w http.ResponseWriter, r *http.Request, action, detail string) (refused bool) {
	f.calls = append(f.calls, strings.TrimSpace(action+" "+detail))
	key, found := strings.CutPrefix(r.Header.Get("Authorization"), "Claim ")
	if !found || len(key) != 43 {
		f.wrong = append(f.wrong, "Authorization "+r.Header.Get("Authorization"))
	}
	if r.Method == "POST" && r.Header.Get("X-Requested-By") != "latchkey" {
		f.wrong = append(f.wrong, action+" without X-Requested-By")
	}
	if strings.Contains(r.Header.Get("Referer"), "#") {
		f.wrong = append(f.wrong, "the fragment in Referer")
	}
	p, refused := f.refuse[action]
	if !refused && action != "claim" && (key != f.holder || r.PathValue("sid") != sid) {
		p, refused = problem{status: 404, code: "session_unknown"}, true
	}
	if refused {
		fail(w, p)
	}
	return refused
}

func fail(w http.ResponseWriter, p problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.retryAfter != "" {
		w.Header().Set("Retry-After", p.retryAfter)
	}
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": p.code, "status": p.status, "detail": p.detail, "state": p.state})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// held makes the handler of a call that needs the claim key.
func (f *fakeApprovals) held(action string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.note(w, r, action, "") {
			next(w, r)
		}
	}
}

func (f *fakeApprovals) claim(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var body struct {
		Frame    *string
		UserCode *string `json:"user_code"`
		Via      string
		Takeover bool
		Client   struct{ Lang, App string }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Client.Lang == "" || body.Client.App == "" {
		f.wrong = append(f.wrong, "an incomplete claim")
	}
	detail := body.Via
	if body.Takeover {
		detail += " takeover"
	}
	if f.note(w, r, "claim", detail) {
		return
	}
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Claim ")
	byFrame := body.Frame != nil && *body.Frame == aFrame && (body.Via == "camera" || body.Via == "scanner")
	byCode := body.UserCode != nil && *body.UserCode == "BCDFGHJK" && body.Via == "code"
	switch {
	case byFrame == byCode:
		fail(w, problem{status: 400, code: "qr_invalid"})
	case f.holder != "" && f.holder != key && !body.Takeover:
		fail(w, problem{status: 409, code: "already_scanned"})
	default:
		if f.holder != key {
			f.holder, f.status, f.expires = key, "scanned", time.Now().Add(f.life)
		}
		f.answerClaim(w)
	}
}

func (f *fakeApprovals) answerClaim(w http.ResponseWriter) {
	f.text.SID, f.text.Decision, f.text.Live, f.text.Expires = sid, logins.DecisionApprove, logins.NoValue, f.expires.Unix()
	var match *int
	if n := len(f.match); n > 0 {
		match = &n
	}
	reply(w, map[string]any{
		"sid": sid, "status": f.status, "expires_at": f.expires.Unix(), "context": f.context, "text": f.text,
		"display":  map[string]any{"app_logo": "/login/logo/payroll", "relation": "unknown", "browser_known": "unknown", "warnings": f.warnings},
		"requires": map[string]any{"match": match, "liveness": false, "quiz": nil, "min_delay_ms": 0},
		"webauthn": map[string]any{"rpId": rpID, "timeout": time.Until(f.expires).Milliseconds()},
	})
}

func (f *fakeApprovals) approve(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Type      string
		Match     *string
		Live      *string
		Assertion assertion
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Type != "webauthn" || body.Live != nil || (body.Match == nil) != (f.match == "") {
		f.wrong = append(f.wrong, fmt.Sprintf("approval %+v", body))
	}
	text := f.text
	if text.Match = logins.NoValue; body.Match != nil {
		text.Match = *body.Match
	}
	challenge, err := challengeOf(f.context, text)
	if err == nil {
		err = body.Assertion.verify(f.key, challenge, f.origin)
	}
	switch {
	case err != nil:
		f.wrong = append(f.wrong, err.Error())
		fail(w, problem{status: 422, code: "bad_signature"})
	case f.match != "" && *body.Match != f.match:
		fail(w, problem{status: 422, code: "number_mismatch"})
	default:
		f.status = "approved"
		reply(w, map[string]any{"status": "approved", "app": f.context.App.Name, "user": map[string]string{"display": "Ana Kovač"}, "undo_until": nil, "return_to": nil, "notices": []string{}})
	}
}

func challengeOf(c idp.Context, text logins.Text) (string, error) {
	var err error
	if text.Context, err = logins.ContextHash(c); err != nil {
		return "", err
	}
	signed, err := text.Bytes()
	sum := sha256.Sum256(signed)
	return base64url(sum[:]), err
}

func (f *fakeApprovals) deny(w http.ResponseWriter, r *http.Request) {
	var body struct{ Reason string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	f.calls[len(f.calls)-1] += " " + body.Reason
	f.status = "denied"
	reply(w, map[string]string{"status": "denied"})
}

// set changes the server while the page is open.
func (f *fakeApprovals) set(edit func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit()
}

func (f *fakeApprovals) called() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, ", ")
}

// fails makes calls of one kind fail from now on.
func (f *fakeApprovals) fails(action string, p problem) {
	f.set(func() { f.refuse[action] = p })
}

func (f *fakeApprovals) heals(action string) {
	f.set(func() { delete(f.refuse, action) })
}

// visit opens an address in a window of a phone's size.
func visit(b *chrome.Tab, url string) {
	b.Size(390, 844)
	b.Reopen(url)
}
