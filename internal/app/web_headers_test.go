package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func postBody(r samltest.Request, relay *string) []byte { return samltest.POSTBody(r.XML(), relay) }

const (
	policyStart   = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
	policyMessage = policyStart + "; style-src 'self'; img-src 'self'; form-action 'self'"
	policyPost    = policyStart + "; script-src 'nonce-R'; style-src 'self'"
	policyLogin   = policyStart + "; script-src 'nonce-R' 'strict-dynamic'; style-src 'self' 'nonce-R'; img-src 'self'; connect-src 'self'; " +
		"font-src 'self'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'; report-to csp"
	// as the login page, and what belongs to an app on the home screen
	policyPhone = policyStart + "; script-src 'nonce-R' 'strict-dynamic'; style-src 'self' 'nonce-R'; img-src 'self'; connect-src 'self'; " +
		"font-src 'self'; form-action 'self'; require-trusted-types-for 'script'; manifest-src 'self'; trusted-types 'none'; report-to csp"
	policyScan = policyStart + "; script-src 'nonce-R' 'strict-dynamic'; style-src 'self' 'nonce-R'; img-src 'self'; connect-src 'self'; " +
		"font-src 'self'; form-action 'self'; require-trusted-types-for 'script'; manifest-src 'self'; worker-src 'self'; trusted-types latchkey-worker; report-to csp"

	htmlType    = "text/html; charset=utf-8"
	problemType = "application/problem+json"
	answerType  = "application/json; charset=utf-8"
)

var nonce = regexp.MustCompile(`'nonce-([A-Za-z0-9+/]{22}==)'`)

// shown is what the header snapshot tells of an answer.
type shown struct {
	status                                   int
	contentType, cache, referrer, csp, allow string
}

func show(r *http.Response) shown {
	return shown{
		r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"), r.Header.Get("Referrer-Policy"),
		nonce.ReplaceAllString(r.Header.Get("Content-Security-Policy"), "'nonce-R'"), r.Header.Get("Allow"),
	}
}

// TestHeaders is the snapshot of the headers on every route and status.
func TestHeaders(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	location := alice.Start(query(i.Good()))
	view := alice.approve(location)
	posted := alice.Finish(view.SID, idptest.RandomKey())
	css := assetPath(t, i, "/login?l=none")
	message := func(status int) shown {
		return shown{status, htmlType, "no-store", "same-origin", policyMessage, ""}
	}
	api := func(status int) shown {
		kind := answerType
		if status >= 400 {
			kind = problemType
		}
		return shown{status, kind, "no-store", "same-origin", policyStart, ""}
	}
	get := func(path string) *http.Response { return i.Browser(address()).Get(path) }
	post := func(path string) *http.Response {
		b := i.Browser(address())
		b.Cookies["__Host-bs"] = idp.Base64.EncodeToString(make([]byte, 32))
		return b.API(path, map[string]string{}, "Idempotency-Key", idptest.RandomKey(), "Authorization", "Claim "+idp.Base64.EncodeToString(make([]byte, 32)))
	}
	const unknown = "/AAAAAAAAAAAAAAAAAAAAAAAAAA"
	fresh := alice.Start(query(i.Good()))
	goesOn := alice.Get(fresh)
	continued := alice.PostForm("/login/continue", url.Values{"l": {strings.TrimPrefix(fresh, "/login?l=")}})
	alice.DropSession()
	fresh = alice.Start(query(i.Good()))
	for name, tt := range map[string]struct {
		resp *http.Response
		want shown
	}{
		"GET /saml/sso 303":              {get("/saml/sso?" + query(i.Good())), shown{303, htmlType, "no-store", "same-origin", policyStart, ""}},
		"GET /saml/sso 400":              {get("/saml/sso"), message(400)},
		"PUT /saml/sso 405":              {other(t, i, "PUT", "/saml/sso"), withAllow(message(405), "GET, POST")},
		"GET /login 200":                 {alice.Get(fresh), shown{200, htmlType, "no-store", "same-origin", policyLogin, ""}},
		"GET /login 404":                 {get("/login?l=x"), message(404)},
		"GET /login 403":                 {i.Browser(address()).Get(view0(alice, i)), message(403)},
		"POST /login/finish 200":         {posted, shown{200, htmlType, "no-store", "strict-origin", policyPost, ""}},
		"GET /login by session 200":      {goesOn, shown{200, htmlType, "no-store", "strict-origin", policyPost, ""}},
		"POST /login/continue 200":       {continued, shown{200, htmlType, "no-store", "strict-origin", policyPost, ""}},
		"POST /login/continue 403":       {i.Browser(address()).PostForm("/login/continue", url.Values{"l": {strings.TrimPrefix(fresh, "/login?l=")}}), message(403)},
		"POST /login/continue 400":       {alice.PostForm("/login/continue", url.Values{}), message(400)},
		"POST /login/finish 403":         {i.Browser(address()).PostForm("/login/finish", url.Values{"sid": {view.SID}, "finish_key": {idptest.RandomKey()}}), message(403)},
		"POST /login/finish 400":         {alice.PostForm("/login/finish", url.Values{}), message(400)},
		"GET /login/finish 405":          {get("/login/finish"), withAllow(message(405), "POST")},
		"GET /login/logo 200":            {get("/login/logo/a"), shown{200, "image/svg+xml", "public, max-age=86400", "same-origin", policyStart, ""}},
		"GET /login/logo 404":            {get("/login/logo/abc"), message(404)},
		"GET /assets 200":                {get(css), shown{200, "text/css; charset=utf-8", "public, max-age=31536000, immutable", "same-origin", policyStart, ""}},
		"GET /assets 404":                {get("/assets/nothing.css"), shown{404, "text/plain; charset=utf-8", "no-store", "same-origin", policyStart, ""}},
		"GET /saml/metadata 200":         {get("/saml/metadata"), shown{200, "application/samlmetadata+xml", "public, max-age=300", "same-origin", policyStart, ""}},
		"GET /saml/metadata/{sp} 200":    {get("/saml/metadata/sp-b"), shown{200, "application/samlmetadata+xml", "public, max-age=300", "same-origin", policyStart, ""}},
		"GET /saml/metadata/{sp} 404":    {get("/saml/metadata/evil"), message(404)},
		"GET /v1/config/public 200":      {get("/v1/config/public"), api(200)},
		"GET /v1/openapi.json 200":       {get("/v1/openapi.json"), api(200)},
		"GET /v1/healthz 200":            {get("/v1/healthz"), api(200)},
		"POST sessions 404":              {post("/v1/login/sessions"), api(404)},
		"GET session 200":                {alice.API("/v1/login/sessions/"+view.SID, nil), api(200)},
		"GET session 404":                {get("/v1/login/sessions" + unknown), api(404)},
		"POST cancel 404":                {post("/v1/login/sessions" + unknown + "/cancel"), api(404)},
		"POST extend 404":                {post("/v1/login/sessions" + unknown + "/extend"), api(404)},
		"POST user-code 404":             {post("/v1/login/sessions" + unknown + "/user-code"), api(404)},
		"POST claim 400":                 {post("/v1/approvals/claim"), api(400)},
		"GET approval 404":               {get("/v1/approvals" + unknown), api(404)},
		"POST approve 400":               {post("/v1/approvals" + unknown + "/approve"), api(400)},
		"POST deny 404":                  {post("/v1/approvals" + unknown + "/deny"), api(404)},
		"POST approvals extend 404":      {post("/v1/approvals" + unknown + "/extend"), api(404)},
		"GET /m 200":                     {get("/m"), shown{200, htmlType, "no-store", "same-origin", policyScan, ""}},
		"GET /e 200":                     {get("/e"), shown{200, htmlType, "no-store", "same-origin", policyPhone, ""}},
		"GET /me 200":                    {get("/me"), shown{200, htmlType, "no-store", "same-origin", policyPhone, ""}},
		"GET /manifest.webmanifest 200":  {get("/manifest.webmanifest"), shown{200, "application/manifest+json", "private, max-age=86400", "same-origin", policyStart, ""}},
		"GET /sw.js 200":                 {get("/sw.js"), shown{200, "text/javascript; charset=utf-8", "no-store", "same-origin", policyStart + "; connect-src 'self'", ""}},
		"POST /sw.js 405":                {other(t, i, "POST", "/sw.js"), withAllow(message(405), "GET")},
		"POST redeem 404":                {post("/v1/enroll/redeem"), api(404)},
		"GET /v1/admin/status 401":       {get("/v1/admin/status"), api(401)},
		"GET / 404":                      {get("/"), message(404)},
		"GET /v1/nothing 404":            {get("/v1/nothing"), api(404)},
		"POST /v1/approvals 404":         {post("/v1/approvals"), api(404)},
		"DELETE /v1/approvals/claim 405": {other(t, i, "DELETE", "/v1/approvals/claim"), withAllow(api(405), "GET, POST")},
	} {
		t.Run("W7 W10 W2 "+name, func(t *testing.T) {
			idptest.CheckHeaders(t, tt.resp)
			if got := show(tt.resp); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
	t.Run("W7 the login page varies with the cookie", func(t *testing.T) {
		if v := alice.Get(fresh).Header.Get("Vary"); v != "Accept-Language, Cookie" {
			t.Errorf("Vary %q", v)
		}
	})
	t.Run("W3 a nonce for each response", func(t *testing.T) {
		seen := map[string]bool{}
		for range 50 {
			resp := alice.Get(fresh)
			n := nonce.FindStringSubmatch(resp.Header.Get("Content-Security-Policy"))[1]
			body := strings.ReplaceAll(idptest.Body(t, resp), "&#43;", "+")
			if seen[n] || strings.Count(body, `nonce="`+n+`"`) == 0 {
				t.Fatalf("nonce %q, seen %v", n, seen[n])
			}
			seen[n] = true
		}
	})
}

// view0 is the page of a login that is bound to p's browser.
func view0(p *person, i *idptest.IdP) string {
	location := p.Start(query(i.Good()))
	p.Login(location)
	return location
}

func withAllow(s shown, allow string) shown {
	s.allow = allow
	return s
}

func other(t *testing.T, i *idptest.IdP, method, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, idptest.Base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return i.Serve(r, address())
}

var stylesheet = regexp.MustCompile(`/assets/[a-z]+\.[0-9a-f]+\.css`)

func assetPath(t *testing.T, i *idptest.IdP, page string) string {
	t.Helper()
	return stylesheet.FindString(idptest.Body(t, i.Browser(address()).Get(page)))
}

func TestMetadataMethods(t *testing.T) {
	i := idptest.New(t)
	for _, path := range []string{"/saml/metadata", "/saml/metadata/sp-b"} {
		for _, method := range []string{"HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} {
			t.Run("P26 "+method+" "+path, func(t *testing.T) {
				resp := other(t, i, method, path)
				if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET" {
					t.Errorf("%d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
				}
				idptest.CheckHeaders(t, resp)
			})
		}
		for name, length := range map[string]int64{"of known length": 1, "chunked": -1} {
			t.Run("P26 GET with a body "+name+" "+path, func(t *testing.T) {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+path, strings.NewReader("x"))
				r.ContentLength = length
				resp := i.Serve(r, address())
				if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET" {
					t.Errorf("%d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
				}
			})
		}
	}
	t.Run("P26 GET", func(t *testing.T) {
		resp := i.Browser(address()).Get("/saml/metadata")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Disposition") != `inline; filename="idp-metadata.xml"` {
			t.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
	})
	t.Run("L14 metadata that many ask for at once is signed once", func(t *testing.T) {
		i := idptest.New(t)
		var all sync.WaitGroup
		for range 50 {
			b := i.Browser(address())
			all.Go(func() { b.Get("/saml/metadata") })
		}
		all.Wait()
		if n := i.Key.Signs(); n != 1 {
			t.Errorf("%d signatures", n)
		}
	})
	t.Run("L14 signed metadata is cached", func(t *testing.T) {
		before := i.Key.Signs()
		for range 100 {
			i.Browser(address()).Get("/saml/metadata")
		}
		if n := i.Key.Signs() - before; n != 0 {
			t.Errorf("%d signatures", n)
		}
	})
}

func TestHost(t *testing.T) {
	i := idptest.New(t)
	want := idptest.Body(t, i.Browser(address()).Get("/saml/metadata"))
	for _, host := range []string{"evil.test", "idp.test.evil.test", "idp.test:444", "idp.test.", "", "127.0.0.1", "idp.test@evil.test"} {
		for _, path := range []string{"/saml/metadata", "/saml/sso?" + query(i.Good()), "/login?l=x", "/v1/healthz", "/nothing"} {
			t.Run("W5 A49 "+host+" "+path[:min(14, len(path))], func(t *testing.T) {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+path, nil)
				r.Host = host
				if host == "" {
					r.Host = " "
				}
				i.Log.Reset()
				resp := i.Serve(r, address())
				body := idptest.Body(t, resp)
				if resp.StatusCode != http.StatusMisdirectedRequest || strings.Contains(body, "evil") {
					t.Errorf("%d %s", resp.StatusCode, body)
				}
				idptest.CheckHeaders(t, resp)
			})
		}
	}
	t.Run("W5 A49 forwarding headers", func(t *testing.T) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+"/saml/metadata", nil)
		for _, name := range []string{"X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Proto", "X-Forwarded-Server"} {
			r.Header.Set(name, "evil.test")
		}
		if got := idptest.Body(t, i.Serve(r, address())); got != want {
			t.Errorf("metadata changed: %s", got)
		}
	})
}

func testLocalCookies(t *testing.T) {
	t.Helper()
	i := idptest.New(t, idptest.Options{Config: func(c *config.Config) { c.PublicURL = "http://localhost:8080" }})
	r := i.Good()
	r.Destination = "http://localhost:8080/saml/sso"
	b := i.Browser(address())
	start := b.Get("http://localhost:8080/saml/sso?" + query(r))
	resp := b.Get("http://localhost:8080" + start.Header.Get("Location"))
	for _, c := range resp.Cookies() {
		if c.Name != "bs" || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			t.Errorf("cookie %s", c.Raw)
		}
	}
	if len(resp.Cookies()) != 1 || resp.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("headers %v", resp.Header)
	}
}
