package idptest

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

// costLimit is the CPU time that a refusal may take (security-requirements.md
// 3, I6).
const costLimit = 50 * time.Millisecond

// Guarded is an identity provider in which a person waits for a scan while
// others attack it.
type Guarded struct {
	*IdP
	Table *tabletest.Counting
	SID   string // of the session that must come to no harm
}

// Guard makes a Guarded.
func Guard(t testing.TB, opts ...Options) *Guarded {
	t.Helper()
	var o Options
	if len(opts) > 0 {
		o = opts[0]
	}
	g := &Guarded{}
	wrapped := o.Table
	o.Table = func(inner table.Table) table.Table {
		if wrapped != nil {
			inner = wrapped(inner)
		}
		g.Table = tabletest.NewCounting(inner)
		return g.Table
	}
	g.IdP = New(t, o)
	bystander := g.Browser("198.51.100.200")
	g.SID = bystander.Login(bystander.Start(samltest.RedirectQuery(g.Good().XML(), nil))).SID
	return g
}

// Good is a minimal fresh request of SP B, never the same twice.
func (i *IdP) Good() samltest.Request {
	r := samltest.B().Request(i.Clock.Now())
	r.ID = "_" + RandomKey()
	return r
}

// Refuses sends what must be refused with a status and a reason in the log,
// and asserts the invariants I1 to I7 of security-requirements.md 3. It
// returns the page or problem.
func (g *Guarded) Refuses(t testing.TB, status int, reason idp.Reason, send func() *http.Response) string {
	t.Helper()
	before, err := g.Store.Session(context.Background(), g.SID)
	must(t, err)
	signs := g.Key.Signs()
	g.Log.Reset()
	g.Table.Take()

	resp, body, cost := g.cheapest(t, send)
	writes := g.Table.Take().WriteRequests

	if resp.StatusCode != status {
		t.Errorf("status %d, want %d: %s", resp.StatusCode, status, body)
	}
	if strings.Contains(body, "SAMLResponse") || g.Key.Signs() != signs {
		t.Errorf("I1: %d signatures, page %s", g.Key.Signs()-signs, body)
	}
	if writes != 0 {
		t.Errorf("a refusal wrote %d times", writes)
	}
	after, err := g.Store.Session(context.Background(), g.SID)
	must(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("I2, I3: a session changed: %s", diff)
	}
	for _, got := range g.Log.Reasons() {
		if got != string(reason) {
			t.Errorf("I5: reason %q, want %q: %s", got, reason, g.Log)
		}
	}
	if cost > costLimit {
		t.Errorf("I6: %v of CPU", cost)
	}
	for _, told := range []string{"goroutine", ".go:", "runtime error", "panic"} {
		if strings.Contains(body, told) {
			t.Errorf("I7: %q in %s", told, body)
		}
	}
	CheckHeaders(t, resp)
	g.serves(t)
	return body
}

// cheapest sends, and again if another goroutine (the collector) may have made
// it look dear. Each time there must be exactly one log line (I5).
func (g *Guarded) cheapest(t testing.TB, send func() *http.Response) (resp *http.Response, body string, cost time.Duration) {
	t.Helper()
	for try := range 3 {
		lines := len(g.Log.Reasons())
		start := cpu(t)
		resp = send()
		spent := cpu(t) - start
		body = Body(t, resp)
		if n := len(g.Log.Reasons()) - lines; n != 1 {
			t.Errorf("I5: %d request lines, want 1: %s", n, g.Log)
		}
		if try == 0 || spent < cost {
			cost = spent
		}
		if cost <= costLimit {
			break
		}
	}
	return resp, body, cost
}

// serves is I4: the next good request is served.
func (g *Guarded) serves(t testing.TB) {
	t.Helper()
	resp := g.Browser("198.51.100.201").Get("/saml/sso?" + samltest.RedirectQuery(g.Good().XML(), nil))
	if resp.StatusCode != http.StatusSeeOther {
		t.Errorf("I4: the next good request got %d", resp.StatusCode)
	}
}

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Local400 is Refuses for LOCAL-400: our error page with a reference, and
// nothing of the request in it, no way to a place that the request named.
// reflected is what the request brought and the page must not show.
func (g *Guarded) Local400(t testing.TB, reason idp.Reason, send func() *http.Response, reflected ...string) {
	t.Helper()
	var resp *http.Response
	body := g.Refuses(t, http.StatusBadRequest, reason, func() *http.Response {
		resp = send()
		return resp
	})
	if ct := resp.Header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("content type %q", ct)
	}
	if len(resp.Cookies()) != 0 || resp.Header.Get("Location") != "" {
		t.Errorf("cookies or Location in %v", resp.Header)
	}
	if !strings.Contains(body, `class="reference"`) {
		t.Errorf("no reference in %s", body)
	}
	for _, s := range append(reflected, "<form", "http-equiv", "evil", "://idp.test") {
		if strings.Contains(body, s) {
			t.Errorf("%q is reflected in %s", s, body)
		}
	}
}

// CheckHeaders asserts the headers of security-requirements.md 8.1 that every
// response of a deployment has.
func CheckHeaders(t testing.TB, r *http.Response) {
	t.Helper()
	camera := "camera=()"
	if r.Request.URL.Path == "/m" && r.StatusCode == http.StatusOK {
		camera = "camera=(self)" // the page that scans
	}
	want := map[string]string{
		"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Origin-Agent-Cluster":         "?1",
		"Permissions-Policy": camera + ", microphone=(), geolocation=(), payment=(), usb=(), " +
			"publickey-credentials-get=(self), publickey-credentials-create=(self)",
	}
	for name, value := range want {
		if got := r.Header.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("%s %s: %s = %q, want %q", r.Request.Method, r.Request.URL.Path, name, got, value)
		}
	}
	for _, name := range []string{"Server", "X-Powered-By", "Access-Control-Allow-Origin", "Cross-Origin-Opener-Policy"} {
		if got := r.Header.Get(name); got != "" {
			t.Errorf("%s %s: %s = %q, want none", r.Request.Method, r.Request.URL.Path, name, got)
		}
	}
	policy := r.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'") {
		t.Errorf("Content-Security-Policy = %q", policy)
	}
	for _, loose := range []string{"unsafe-", "http:", "https:", "*", "data:"} {
		if strings.Contains(policy, loose) {
			t.Errorf("Content-Security-Policy has %q: %q", loose, policy)
		}
	}
}
