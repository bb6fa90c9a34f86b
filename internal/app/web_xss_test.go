package app_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// payloads break out of text, of attributes with either quote, of scripts and
// of comments, or hide in what a lax escaper lets through.
var payloads = []string{
	`<script>alert(1)</script>`,
	`<img src=x onerror=alert(1)>`,
	`"><script>alert(1)</script>`,
	`'><script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`" onmouseover="alert(1)`,
	`' onmouseover='alert(1)`,
	`" autofocus onfocus=alert(1) x="`,
	`</title><script>alert(1)</script>`,
	`</textarea><script>alert(1)</script>`,
	`</script><script>alert(1)</script>`,
	`</style><script>alert(1)</script>`,
	`--><script>alert(1)</script>`,
	`]]><script>alert(1)</script>`,
	`<svg onload=alert(1)>`,
	`<svg><script>alert(1)</script></svg>`,
	`<math><mtext></mtext><style><img src=x onerror=alert(1)></style></math>`,
	`<iframe srcdoc="<script>alert(1)</script>">`,
	`<base href="https://evil.test/">`,
	`<meta http-equiv="refresh" content="0;url=https://evil.test">`,
	`<form action="https://evil.test/"><input name=x>`,
	`<link rel=stylesheet href="https://evil.test/x.css">`,
	`<a href="javascript:alert(1)">x</a>`,
	`javascript:alert(1)`,
	`data:text/html,<script>alert(1)</script>`,
	`&lt;script&gt;alert(1)&lt;/script&gt;`,
	`&#60;script&#62;alert(1)`,
	`{{.}}{{template "head"}}`,
	`<template shadowrootmode="open"><script>alert(1)</script></template>`,
	"`;alert(1)//${alert(1)}",
	`<!--<script>`,
	`<x/onclick=alert(1)//`,
	"\u202e<script>\u2066alert(1)",
	`+ADw-script+AD4-alert(1)`,
}

// skeleton is a page without its texts and the values of its attributes, with
// what the browser would run or load.
func skeleton(t *testing.T, body string) []string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode && n.Type != html.CommentNode {
			continue
		}
		element := fmt.Sprint(n.Type, n.Data)
		for _, a := range n.Attr {
			element += " " + a.Key
			if slices.Contains([]string{"href", "src", "action", "formaction", "srcdoc", "style"}, a.Key) {
				element += "=" + a.Val
			}
		}
		if n.Data == "script" && n.FirstChild != nil {
			element += ":" + n.FirstChild.Data
		}
		out = append(out, element)
	}
	return out
}

// TestPagesAreInert: whatever people, applications and requests are called,
// the pages have the same elements and scripts.
func TestPagesAreInert(t *testing.T) {
	if len(payloads) < 30 {
		t.Fatalf("%d payloads", len(payloads))
	}
	calm := renderAll(t, "calm")
	for n, payload := range payloads {
		t.Run(fmt.Sprintf("W3 A51 payload %d", n+1), func(t *testing.T) {
			for page, body := range renderAll(t, payload) {
				if diff := cmp.Diff(skeleton(t, nameless(calm[page])), skeleton(t, nameless(body))); diff != "" {
					t.Errorf("%s: %s", page, diff)
				}
			}
		})
	}
}

// nameless takes away what differs from one sign-in to the next.
func nameless(body string) string {
	return regexp.MustCompile(`/login\?l=[A-Z2-7]{26}`).ReplaceAllString(logoless(body), "/login?l=ID")
}

// logoless takes away the address of an app's monogram, which depends on its
// first letter.
func logoless(body string) string {
	at := strings.Index(body, `src="/login/logo/`)
	if at < 0 {
		return body
	}
	end := at + len(`src="`) + strings.Index(body[at+len(`src="`):], `"`)
	return body[:at] + `src="/logo` + body[end:]
}

// renderAll makes every page of a sign-in in which all names are value.
func renderAll(t *testing.T, value string) map[string]string {
	t.Helper()
	i := idptest.New(t)
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) {
		sp.Name, sp.Attributes = value, []string{"x = displayName"}
	})
	i.UpdateUser(i.Alice.ID, func(u *idp.User) { u.GivenName, u.FamilyName, u.DisplayName = value, value, value })
	alice := newPerson(i, i.Alice)
	pages := map[string]string{}
	keep := func(name string, resp *http.Response) {
		if ct := resp.Header.Get("Content-Type"); strings.Contains(ct, "html") {
			pages[name] = idptest.Body(t, resp)
		} else if ct != answerType && ct != problemType {
			t.Errorf("%s has type %q", name, ct)
		}
	}
	start := func() string { return alice.Start(query(i.Good(), value)) }

	location := start()
	keep("login", alice.Get(location))
	view := alice.approve(location)
	keep("poll", alice.API("/v1/login/sessions/"+view.SID, nil))
	keep("post", alice.Finish(view.SID, idptest.RandomKey()))

	view = alice.approve(start())
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.Access = []string{"user:nobody"} })
	body := idptest.Body(t, alice.Finish(view.SID, idptest.RandomKey()))
	pages["no access"] = body
	action, form := pageForm(t, body)
	keep("declined", alice.PostForm(action, form))
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.Access = nil })

	unknown := i.Good()
	unknown.Issuer = value
	keep("unknown issuer", i.Browser(address()).Get("/saml/sso?"+query(unknown, value)))
	refused := i.Good()
	refused.ACS = value
	keep("unknown ACS", i.Browser(address()).Get("/saml/sso?"+query(refused, value)))
	passive := i.Good()
	passive.Attributes = `IsPassive="true"`
	b := i.Browser(address())
	keep("passive", b.Get(b.Start(query(passive, value))))
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+"/login", nil)
	r.URL.RawQuery = "l=" + value
	keep("no login", i.Serve(r, address()))
	return pages
}
