//go:build browser

package pages_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rsc.io/qr"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// fakeIdP plays the server side of approval-protocol.md 15.1 for one login.
// Tests move its session from state to state by hand.
type fakeIdP struct {
	*httptest.Server
	sp *fakeSP

	mu       sync.Mutex
	page     pages.LoginPage
	view     view
	life     time.Duration // of a new session
	keys     []string      // Idempotency-Keys of creates
	calls    []string      // "POST cancel"
	finishes []url.Values
	refuse   map[string]problem // by action: create, poll, cancel, extend, user-code
	relay    string             // RelayState of the answer
	slow     time.Duration      // delay of finish
	key      *chrome.Passkey    // who may sign in with a passkey
	origin   string
	noCodes  bool     // the application accepts no scanned code
	sent     []string // bodies of passkey
}

type view struct {
	SID        string            `json:"sid"`
	V          int               `json:"v"`
	Status     string            `json:"status"`
	Hint       string            `json:"hint"`
	Mode       string            `json:"mode"`
	ServerTime int64             `json:"server_time"`
	ExpiresAt  int64             `json:"expires_at"`
	PollAfter  int               `json:"poll_after_ms"`
	Frames     []frame           `json:"frames"`
	Match      *string           `json:"match"`
	Device     map[string]string `json:"device"`
	ContinueAs *string           `json:"continue_as"`
	Remembered *remembered       `json:"remembered"`
	Return     bool              `json:"return,omitempty"`
}

type remembered struct {
	Display string `json:"display"`
	Push    bool   `json:"push"`
}

type frame struct {
	N         int    `json:"n"`
	ValidFrom int64  `json:"valid_from"`
	URL       string `json:"url"`
	Size      int    `json:"size"`
	Bits      string `json:"bits"`
}

type problem struct {
	status     int
	code       string
	detail     string
	retryAfter string
	state      string // of the session, where it is told
}

func newFakeIdP(t *testing.T) *fakeIdP {
	t.Helper()
	a, err := assets.New(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages.New(a, catalog(t), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeIdP{
		sp:     newFakeSP(t),
		life:   180 * time.Second,
		refuse: map[string]problem{},
		page: pages.LoginPage{
			LoginID: "GAYTEMZUGU3DOOBZHI5TYPJ6H4", AppName: "Payroll", AppHost: "sp.example.org",
			Frame: pages.Frame{Locale: pageFrame(t).Locale, Links: []pages.Link{{Label: "Help", URL: "/help"}, {Label: "Privacy", URL: "/privacy"}, {Label: "Accessibility", URL: "/accessibility"}}},
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", a.Handler())
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		report(t, p.Login(w, f.page))
	})
	mux.HandleFunc("POST /v1/login/sessions", f.create)
	mux.HandleFunc("GET /v1/login/sessions/{sid}", f.poll)
	mux.HandleFunc("POST /v1/login/sessions/{sid}/{action}", f.act)
	mux.HandleFunc("POST /v1/login/sessions/{sid}/passkey/options", func(w http.ResponseWriter, _ *http.Request) { f.passkeyOptions(w) })
	mux.HandleFunc("POST /login/finish", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(f.slow)
		f.mu.Lock()
		defer f.mu.Unlock()
		report(t, r.ParseForm())
		f.finishes = append(f.finishes, r.PostForm)
		report(t, p.AutoPost(w, pages.PostPage{Frame: pageFrame(t), Action: f.sp.URL + "/acs", Fields: pages.Message("SAMLResponse", "PHNhbWw+", f.relay, true), AppName: f.page.AppName}))
	})
	mux.HandleFunc("GET /message", func(w http.ResponseWriter, r *http.Request) {
		report(t, p.Message(w, 400, pages.MessagePage{
			Frame:  pageFrame(t),
			Title:  "This sign-in request was refused",
			Words:  "The application sent a sign-in request that cannot be accepted. Go back to the application and try again. If it happens again, give your administrator the reference below.",
			Detail: "Payroll asks for an answer at an address that is not registered. Register its AssertionConsumerService, or load its metadata again.", Reference: "01JDA3K6T2M7Q5XHZC8V9WNB4E",
			Action: &pages.Action{Label: "Start again", Path: "/login"},
		}))
	})
	mux.HandleFunc("GET /sign-out/{state}", func(w http.ResponseWriter, r *http.Request) {
		page := logoutPages()[r.PathValue("state")]
		page.Frame = pageFrame(t)
		report(t, p.Logout(w, page))
	})
	mux.HandleFunc("GET /apps", func(w http.ResponseWriter, r *http.Request) {
		page := appsPage()
		page.Frame = pageFrame(t)
		report(t, p.Apps(w, page))
	})
	mux.HandleFunc("GET /v1/logout", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"outcomes":["pending","done","untold"],"pending":true,"partial":true}`)
	})
	mux.HandleFunc("GET /plain/{name}", func(w http.ResponseWriter, r *http.Request) {
		report(t, p.Plain(w, 200, plainPages(t)[r.PathValue("name")]))
	})
	mux.HandleFunc("GET /consent/{name}", func(w http.ResponseWriter, r *http.Request) {
		report(t, p.Consent(w, consentPages(t)[r.PathValue("name")]))
	})
	mux.HandleFunc("GET /post", func(w http.ResponseWriter, r *http.Request) {
		report(t, p.AutoPost(w, pages.PostPage{Frame: pageFrame(t), Action: f.sp.URL + "/acs", Fields: pages.Message("SAMLResponse", "PHNhbWw+", f.relay, true), AppName: f.page.AppName}))
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func report(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}

// change edits the session as an event on the server would.
func (f *fakeIdP) change(edit func(v *view)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(&f.view)
	f.view.V++
}

func (f *fakeIdP) set(status, hint string) {
	f.change(func(v *view) { v.Status, v.Hint = status, hint })
}

func (f *fakeIdP) approved(confirm bool) {
	f.change(func(v *view) {
		v.Status, v.Hint = "approved", "approved"
		name := "A...n K..."
		if v.ContinueAs = &name; confirm {
			v.Hint = "confirm_user"
		}
	})
}

func (f *fakeIdP) scanned() {
	f.change(func(v *view) {
		v.Status, v.Hint, v.Device = "scanned", "phone_connected", map[string]string{"kind": "iPhone"}
	})
}

func (f *fakeIdP) create(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var body struct {
		Login, Mode string
		Client      struct{ Lang string }
	}
	key := r.Header.Get("Idempotency-Key")
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.Login != f.page.LoginID || body.Mode != "qr" && body.Mode != "passkey" || body.Client.Lang == "" ||
		err != nil || len(raw) != 16 || r.Header.Get("X-Requested-By") != "latchkey" {
		f.answer(w, problem{status: 400, code: "bad_request"})
		return
	}
	if p, ok := f.refuse["create"]; ok {
		f.answer(w, p)
		return
	}
	if f.noCodes && body.Mode == "qr" {
		f.answer(w, problem{status: 403, code: "policy_passkey_required"})
		return
	}
	if len(f.keys) == 0 || f.keys[len(f.keys)-1] != key {
		f.keys = append(f.keys, key)
		f.view = view{
			SID: fmt.Sprintf("CAIREEYUCULBOGAZDINRYHI6D%d", len(f.keys)), V: 1, Status: "created", Hint: "waiting_for_scan", Mode: body.Mode,
			ExpiresAt: time.Now().Add(f.life).Unix(), PollAfter: 100,
		}
	}
	w.WriteHeader(http.StatusCreated)
	f.send(w)
}

func (f *fakeIdP) poll(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "GET")
	if p, ok := f.refuse["poll"]; ok {
		f.answer(w, p)
		return
	}
	if time.Now().Unix() >= f.view.ExpiresAt && f.view.Status == "created" {
		f.view.Status, f.view.Hint = "expired", "expired"
		f.view.V++
	}
	f.send(w)
}

func (f *fakeIdP) act(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	action := r.PathValue("action")
	f.calls = append(f.calls, "POST "+action)
	if p, ok := f.refuse[action]; ok {
		f.answer(w, p)
		return
	}
	f.view.V++
	switch action {
	case "cancel":
		f.view.Status, f.view.Hint = "cancelled", "cancelled"
	case "passkey":
		if err := f.passkey(r); err != nil {
			f.view.Status = "cancelled"
		}
	case "extend":
		f.view.ExpiresAt += 60
	case "user-code":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"user_code":"BCDF-GHJK","verification_uri":%q}`, "https://id.example.com/m")
		return
	}
	f.send(w)
}

// send writes the view with fresh frames. f.mu is held.
func (f *fakeIdP) send(w http.ResponseWriter) {
	v, now := f.view, time.Now().UnixMilli()
	v.ServerTime = now
	v.Frames = []frame{}
	if v.Status == "created" && v.Mode == "qr" {
		for n := now / 4000; n < now/4000+4; n++ {
			v.Frames = append(v.Frames, newFrame(v.SID, int(n)))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (f *fakeIdP) answer(w http.ResponseWriter, p problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.retryAfter != "" {
		w.Header().Set("Retry-After", p.retryAfter)
	}
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": p.code, "status": p.status, "detail": p.detail})
}

func (f *fakeIdP) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (f *fakeIdP) creates() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.keys)
}

func (f *fakeIdP) finished() []url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.finishes
}

func (f *fakeIdP) session() view {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.view
}

// fail makes calls of one kind fail until heal.
func (f *fakeIdP) fail(action string, p problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse[action] = p
}

func (f *fakeIdP) heal(action string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.refuse, action)
}

func (f *fakeIdP) show(edit func(*pages.LoginPage)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(&f.page)
}

func newFrame(sid string, n int) frame {
	link := fmt.Sprintf("https://id.example.com/m#1.%s.%d.4ZJEXN7EWUKY7KLD", sid, n%10000)
	code, err := qr.Encode(link, qr.M)
	if err != nil {
		panic(err)
	}
	packed := make([]byte, (code.Size*code.Size+7)/8)
	for i := range code.Size * code.Size {
		if code.Black(i%code.Size, i/code.Size) {
			packed[i/8] |= 0x80 >> (i % 8)
		}
	}
	return frame{N: n, ValidFrom: int64(n) * 4000, URL: link, Size: code.Size, Bits: base64.RawURLEncoding.EncodeToString(packed)}
}

// fakeSP takes the answer and, as many do, redirects to another origin.
type fakeSP struct {
	*httptest.Server
	slow    time.Duration
	mu      sync.Mutex
	posts   []url.Values
	headers []http.Header
}

func (sp *fakeSP) form(i int) url.Values {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	return sp.posts[i]
}

func (sp *fakeSP) header(i int) http.Header {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	return sp.headers[i]
}

func newFakeSP(t *testing.T) *fakeSP {
	t.Helper()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><title>Home</title><link rel=icon href="data:,"><h1>Welcome</h1>`)
	}))
	t.Cleanup(home.Close)
	sp := &fakeSP{}
	sp.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(sp.slow)
		sp.mu.Lock()
		defer sp.mu.Unlock()
		report(t, r.ParseForm())
		sp.posts = append(sp.posts, r.PostForm)
		sp.headers = append(sp.headers, r.Header)
		http.Redirect(w, r, strings.Replace(home.URL, "127.0.0.1", "localhost", 1), http.StatusSeeOther)
	}))
	t.Cleanup(sp.Close)
	return sp
}
