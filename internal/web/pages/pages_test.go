package pages_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// payloads are what a careless page would run or break on.
var payloads = []string{
	`<img src=x onerror=alert(1)>`,
	`"><script>alert(1)</script>`,
	`'"><svg onload=alert(1)>`,
	`</title><script>alert(1)</script>`,
	`</script><script>alert(1)</script>`,
	`" autofocus onfocus=alert(1) x="`,
	`javascript:alert(1)`,
	`{{.Nonce}}`, `${alert(1)}`, `&lt;script&gt;`, `&#34;&quot`, `--><script>alert(1)</script>`,
	`<!--`, `<bdi>`, "`-alert(1)-`", `a+b=c&d%00%0a`, `\u003cscript\u003e`,
	"\u202Egnp.exe\u202C", "zero\u200Bwidth", "Zahlung — Übersicht ✓",
}

func newPages(t *testing.T) *pages.Pages {
	t.Helper()
	a, err := assets.New(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages.New(a, catalog(t), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func render(t *testing.T, write func(w http.ResponseWriter) error) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	return w
}

func login(t *testing.T, page pages.LoginPage) *httptest.ResponseRecorder {
	t.Helper()
	p := newPages(t)
	return render(t, func(w http.ResponseWriter) error { return p.Login(w, page) })
}

func approve(t *testing.T, page pages.ApprovePage) *httptest.ResponseRecorder {
	t.Helper()
	p := newPages(t)
	return render(t, func(w http.ResponseWriter) error { return p.Approve(w, page) })
}

func enroll(t *testing.T, page pages.EnrollPage) *httptest.ResponseRecorder {
	t.Helper()
	p := newPages(t)
	return render(t, func(w http.ResponseWriter) error { return p.Enroll(w, page) })
}

func message(t *testing.T, status int, page pages.MessagePage) *httptest.ResponseRecorder {
	t.Helper()
	p := newPages(t)
	return render(t, func(w http.ResponseWriter) error { return p.Message(w, status, page) })
}

func autoPost(t *testing.T, page pages.PostPage) *httptest.ResponseRecorder {
	t.Helper()
	p := newPages(t)
	return render(t, func(w http.ResponseWriter) error { return p.AutoPost(w, page) })
}

// elements returns all elements with a tag, as a browser would find them.
func elements(t *testing.T, body string, tag string) []*html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var found []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

var nonceOf = regexp.MustCompile(`'nonce-([A-Za-z0-9+/]{22}==)'`)

func TestPolicies(t *testing.T) {
	const base = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
	const scripted = base + "script-src 'nonce-R' 'strict-dynamic'; style-src 'self' 'nonce-R'; img-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; require-trusted-types-for 'script'"
	const none = "; trusted-types 'none'"
	approvePage := approve(t, pages.ApprovePage{Host: "id.example.com"})
	enrollPage := enroll(t, pages.EnrollPage{Host: "id.example.com"})
	loginPage := login(t, pages.LoginPage{AppName: "Payroll"})
	loginReports := login(t, pages.LoginPage{Frame: pages.Frame{ReportTo: "/v1/reports"}, AppName: "Payroll"})
	post := autoPost(t, pages.PostPage{Action: "https://sp.example.org/acs"})
	tests := []struct {
		name, policy, referrer string
		page                   *httptest.ResponseRecorder
	}{
		{"login", scripted + none, "same-origin", loginPage},
		{"approve", scripted + "; manifest-src 'self'; worker-src 'self'; trusted-types latchkey-worker", "same-origin", approvePage},
		{"enroll", scripted + "; manifest-src 'self'" + none, "same-origin", enrollPage},
		{"login with reports", scripted + none + "; report-to csp", "same-origin", loginReports},
		{"post", base + "script-src 'nonce-R'; style-src 'self'", "strict-origin", post},
		{"message", base + "style-src 'self'; img-src 'self'; form-action 'self'", "same-origin", message(t, 400, pages.MessagePage{})},
	}
	for _, test := range tests {
		h := test.page.Header()
		t.Run("W2 "+test.name, func(t *testing.T) {
			got := nonceOf.ReplaceAllString(h.Get("Content-Security-Policy"), "'nonce-R'")
			if diff := cmp.Diff(test.policy, got); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
		})
		for row, want := range map[string][2]string{
			"W7":       {"Cache-Control", "no-store"},
			"W10":      {"Content-Type", "text/html; charset=utf-8"},
			"referrer": {"Referrer-Policy", test.referrer},
		} {
			t.Run(row+" "+test.name, func(t *testing.T) {
				if got := h.Get(want[0]); got != want[1] {
					t.Errorf("%s = %q, want %q", want[0], got, want[1])
				}
			})
		}
	}
	if got := loginReports.Header().Get("Reporting-Endpoints"); got != `csp="/v1/reports"` {
		t.Errorf("Reporting-Endpoints = %q", got)
	}
	for _, page := range []*httptest.ResponseRecorder{loginPage, approvePage, enrollPage, post} {
		nonce := nonceOf.FindStringSubmatch(page.Header().Get("Content-Security-Policy"))[1]
		for _, s := range elements(t, page.Body.String(), "script") {
			if attr(s, "nonce") != nonce {
				t.Errorf("script with nonce %q, policy has %q", attr(s, "nonce"), nonce)
			}
		}
	}
}

func TestNonce(t *testing.T) {
	a, err := assets.New(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages.New(a, catalog(t), bytes.NewReader(make([]byte, 16)))
	if err != nil {
		t.Fatal(err)
	}
	w := render(t, func(w http.ResponseWriter) error { return p.Login(w, pages.LoginPage{}) })
	if !strings.Contains(w.Header().Get("Content-Security-Policy"), "'nonce-AAAAAAAAAAAAAAAAAAAAAA=='") {
		t.Error("the nonce is not what the random reader gave")
	}
	w = httptest.NewRecorder()
	if err := p.Login(w, pages.LoginPage{}); err == nil || w.Body.Len() > 0 {
		t.Error("a page was written without randomness")
	}

	broken := errors.New("no entropy")
	p, err = pages.New(a, catalog(t), iotest.ErrReader(broken))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AutoPost(httptest.NewRecorder(), pages.PostPage{Action: "https://sp.example.org/"}); !errors.Is(err, broken) {
		t.Errorf("AutoPost: %v", err)
	}
}

func TestHostileValues(t *testing.T) {
	t.Run("A51", func(t *testing.T) {
		for _, payload := range payloads {
			framed := pages.Frame{Theme: payload, Here: payload, Links: []pages.Link{{Label: payload, URL: payload}}}
			body := login(t, pages.LoginPage{AppName: payload, AppHost: payload, AppLogo: payload, LoginID: payload, Frame: framed}).Body.String()
			inert(t, body)
			main := elements(t, body, "main")[0]
			if attr(main, "data-app") != payload || attr(main, "data-login") != payload {
				t.Errorf("data-app = %q, want %q", attr(main, "data-app"), payload)
			}
			if got := text(elements(t, body, "h1")[0]); got != "Sign in to "+payload {
				t.Errorf("h1 = %q", got)
			}
			if got := elements(t, body, "img"); len(got) > 0 {
				t.Errorf("an image from %q", attr(got[0], "src"))
			}
		}
	})
	t.Run("A51 phone", func(t *testing.T) {
		for _, payload := range payloads {
			framed := pages.Frame{Theme: payload, Here: payload}
			for _, page := range []*httptest.ResponseRecorder{
				approve(t, pages.ApprovePage{Host: payload, Frame: framed}),
				enroll(t, pages.EnrollPage{Host: payload, Frame: framed, TestSignIn: true}),
			} {
				inert(t, page.Body.String())
				if !strings.Contains(text(elements(t, page.Body.String(), "main")[0]), payload) {
					t.Errorf("%q is not shown as it is", payload)
				}
			}
		}
	})
	t.Run("W3", func(t *testing.T) {
		for _, payload := range payloads {
			body := message(t, 400, pages.MessagePage{Title: payload, Words: payload, Detail: payload, Reference: payload, Action: &pages.Action{Label: payload, Path: payload}}).Body.String()
			inert(t, body)
			if got := elements(t, body, "a"); len(got) > 0 {
				t.Errorf("a link to %q", attr(got[0], "href"))
			}
			if got := text(elements(t, body, "h1")[0]); got != payload {
				t.Errorf("h1 = %q, want %q", got, payload)
			}
		}
	})
}

// inert fails if a page has other scripts than its own, an event handler or a
// script address.
func inert(t *testing.T, body string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "script" && attr(n, "nonce") == "" {
			t.Errorf("foreign script: %q", text(n))
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") && strings.Contains("href src action", a.Key) {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

func TestPostFields(t *testing.T) {
	states := append([]string{
		"", " ", "\n", "\r", "\r\n", "\n\nleading", "trailing\r\n", "a\rb\nc\r\nd", "tab\tand space ", "&#13;", "&amp;#10;",
		strings.Repeat("x", 1024),
	}, payloads...)
	t.Run("A30", func(t *testing.T) {
		for _, state := range states {
			page := autoPost(t, pages.PostPage{Action: "https://sp.example.org/acs?a=1&b=%20", Fields: pages.Message("SAMLResponse", "PHNhbWw+/w==", state, true), AppName: state})
			body := page.Body.String()
			inert(t, body)
			got := map[string]string{}
			for _, input := range elements(t, body, "input") {
				got[attr(input, "name")] = attr(input, "value")
			}
			if diff := cmp.Diff(map[string]string{"SAMLResponse": "PHNhbWw+/w==", "RelayState": state}, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			form := elements(t, body, "form")[0]
			if attr(form, "method") != "post" || attr(form, "action") != "https://sp.example.org/acs?a=1&b=%20" {
				t.Errorf("form %v", form.Attr)
			}
		}
	})
	t.Run("no RelayState", func(t *testing.T) {
		body := autoPost(t, pages.PostPage{Action: "http://localhost:9000/acs", Fields: pages.Message("SAMLResponse", "AA==", "", false)}).Body.String()
		if strings.Contains(body, "RelayState") {
			t.Error("a field for a RelayState that was not there")
		}
		if len(elements(t, body, "button")) != 1 {
			t.Error("no Continue button")
		}
	})
}

func TestPostRefuses(t *testing.T) {
	tests := map[string]pages.PostPage{
		"W3 script target":   {Action: "javascript:alert(1)"},
		"W3 data target":     {Action: "data:text/html,x"},
		"another host":       {Action: "//evil.example/acs"},
		"no host":            {Action: "https:///acs"},
		"NUL in RelayState":  {Action: "https://sp.example.org/", Fields: pages.Message("SAMLResponse", "AA==", "a\x00b", true)},
		"RelayState not UTF": {Action: "https://sp.example.org/", Fields: pages.Message("SAMLResponse", "AA==", "a\xffb", true)},
	}
	p := newPages(t)
	for name, page := range tests {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			if err := p.AutoPost(w, page); err == nil || w.Body.Len() > 0 {
				t.Errorf("err = %v, %d bytes written", err, w.Body.Len())
			}
		})
	}
}

func TestMessage(t *testing.T) {
	w := message(t, 403, pages.MessagePage{
		Title: "You cannot be signed in", Words: "Your account is not set up for Payroll yet.",
		Detail: "Add the attribute mail.", Reference: "01JD", Action: &pages.Action{Label: "Start again", Path: "/login?l=ABC&x=1"},
	})
	if w.Code != 403 {
		t.Errorf("status %d", w.Code)
	}
	body := w.Body.String()
	if link := elements(t, body, "a"); len(link) != 1 || attr(link[0], "href") != "/login?l=ABC&x=1" {
		t.Errorf("action: %v", link)
	}
	for _, words := range []string{"You cannot be signed in", "Add the attribute mail.", "01JD"} {
		if !strings.Contains(body, words) {
			t.Errorf("%q is not told", words)
		}
	}
	for _, path := range []string{"//evil.example", `/\evil.example`, "https:evil.example", "/\t/evil.example", "login"} {
		body := message(t, 400, pages.MessagePage{Action: &pages.Action{Label: "Go", Path: path}}).Body.String()
		if len(elements(t, body, "a")) > 0 {
			t.Errorf("a link to %q", path)
		}
	}
	bare := message(t, 200, pages.MessagePage{Title: "Done", Words: "You can close this page."}).Body.String()
	if strings.Contains(bare, "Reference") || strings.Contains(bare, "administrator") {
		t.Error("empty facts are shown")
	}
}

func TestAppShown(t *testing.T) {
	t.Run("Q21", func(t *testing.T) {
		body := login(t, pages.LoginPage{AppName: "Pay\u202Eroll", AppHost: "sp.example.org", AppLogo: "/login/logo/payroll"}).Body.String()
		var isolated []string
		for _, n := range elements(t, body, "bdi") {
			isolated = append(isolated, text(n))
		}
		if len(isolated) < 2 || isolated[0] != "Pay\u202Eroll" || isolated[1] != "sp.example.org" {
			t.Errorf("isolated from the text around: %q", isolated)
		}
		if logo := elements(t, body, "img"); len(logo) != 1 || attr(logo[0], "src") != "/login/logo/payroll" || attr(logo[0], "alt") != "" {
			t.Errorf("logo: %v", logo)
		}
	})
}
