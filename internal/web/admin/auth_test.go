package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web/admin"
)

// routes are all routes of the function, with names that nobody has.
var routes = strings.Fields(strings.NewReplacer("{id}", "CAIREEYUCULBOGAZDINRYHI6D4", "{d}", "abc", "{key}", "key-1").Replace(`
	GET:/v1/admin/status
	GET:/v1/admin/service-providers POST:/v1/admin/service-providers
	GET:/v1/admin/service-providers/x PATCH:/v1/admin/service-providers/x DELETE:/v1/admin/service-providers/x
	GET:/v1/admin/users POST:/v1/admin/users POST:/v1/admin/users/import
	GET:/v1/admin/users/{id} PATCH:/v1/admin/users/{id} DELETE:/v1/admin/users/{id}
	POST:/v1/admin/users/{id}/signout GET:/v1/admin/users/{id}/devices POST:/v1/admin/users/{id}/devices/{d}/revoke
	GET:/v1/admin/invites POST:/v1/admin/invites DELETE:/v1/admin/invites/{id}
	GET:/v1/admin/keys POST:/v1/admin/keys POST:/v1/admin/keys/{key}/activate POST:/v1/admin/keys/{key}/retire
	GET:/v1/admin/audit`))

func TestNobodyPassesWithoutCredentials(t *testing.T) {
	f := newFixture(t)
	nobody := newFixture(t, func(d *app.Deps) { d.Admins = nil })
	unset := newFixture(t, func(d *app.Deps) { d.Admins = admin.Bearer([32]byte{}) })
	for _, route := range routes {
		method, path, _ := strings.Cut(route, ":")
		for name, c := range map[string]struct {
			f             *fixture
			authorization string
		}{
			"none":                  {f, ""},
			"A58 another token":     {f, "Bearer " + token + "x"},
			"A58 empty token":       {f, "Bearer "},
			"another scheme":        {f, "Basic " + token},
			"no authenticator":      {nobody, "Bearer " + token},
			"no token was ever set": {unset, "Bearer "},
		} {
			t.Run(route+" "+name, func(t *testing.T) {
				r := c.f.request(method, path, nil)
				r.Header.Del("Authorization")
				if c.authorization != "" {
					r.Header.Set("Authorization", c.authorization)
				}
				w := c.f.send(r)
				if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
					t.Errorf("%s = %d %s, want 401 with WWW-Authenticate", route, w.Code, w.Body)
				}
			})
		}
	}
	if strings.Contains(f.log.String(), token) {
		t.Error("a token is in the log")
	}
}

// The administrator of these tests passes on every route: what is refused
// there is refused for another reason.
func TestCredentialsPass(t *testing.T) {
	f := newFixture(t)
	for _, route := range routes {
		method, path, _ := strings.Cut(route, ":")
		if w := f.send(f.request(method, path, nil)); w.Code == http.StatusUnauthorized || w.Code == http.StatusMethodNotAllowed || w.Code >= 500 {
			t.Errorf("%s = %d %s", route, w.Code, w.Body)
		}
	}
}

func TestIAM(t *testing.T) {
	f := newFixture(t, func(d *app.Deps) { d.Admins = admin.IAM() })
	r := f.request("GET", "/v1/admin/status", nil)
	if w := f.send(r); w.Code != http.StatusUnauthorized {
		t.Errorf("without a verified caller = %d, want 401", w.Code)
	}
	arn := "arn:aws:iam::123456789012:user/ana"
	create := f.request("POST", "/v1/admin/users", adminapi.NewUser{Email: "ana@example.com"})
	if w := f.send(create.WithContext(idp.WithCaller(create.Context(), arn))); w.Code != http.StatusCreated {
		t.Fatalf("as %s = %d %s, want 201", arn, w.Code, w.Body)
	}
	events, _, err := f.store.Events(t.Context(), f.now, "", 10)
	must(t, err)
	if len(events) != 1 || events[0].Actor != "admin:"+arn {
		t.Errorf("audit = %+v, want one event of admin:%s", events, arn)
	}
}

func TestOtherSites(t *testing.T) {
	f := newFixture(t)
	for name, change := range map[string]func(h http.Header){
		"W1 foreign Origin":    func(h http.Header) { h.Set("Origin", "https://evil.test") },
		"W1 null Origin":       func(h http.Header) { h.Set("Origin", "null") },
		"W1 cross-site fetch":  func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
		"W1 no X-Requested-By": func(h http.Header) { h.Del("X-Requested-By") },
		"W1 cookie, no Origin": func(h http.Header) { h.Set("Cookie", "x=y") },
	} {
		t.Run(name, func(t *testing.T) {
			r := f.request("POST", "/v1/admin/users", adminapi.NewUser{Email: "ana@example.com"})
			change(r.Header)
			if w := f.send(r); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), string(idp.CrossSite)) {
				t.Errorf("= %d %s, want 403 cross_site", w.Code, w.Body)
			}
		})
	}
	if users, _, err := f.store.Users(t.Context(), "", 10); err != nil || len(users) != 0 {
		t.Errorf("users = %v, %v; want none", users, err)
	}
}

func TestInput(t *testing.T) {
	f := newFixture(t)
	f.refused("POST", "/v1/admin/users", `{"email":"a@example.com","role":"owner"}`, idp.Invalid, `"role"`)
	f.refused("POST", "/v1/admin/users", `{"email":1}`, idp.Invalid, "email")
	f.refused("POST", "/v1/admin/users", `{"email":"a@example.com"}{}`, idp.BadRequest)
	f.refused("POST", "/v1/admin/users", `{"email":"`+strings.Repeat("a", 65<<10)+`"}`, idp.TooLarge)
	f.refused("GET", "/v1/admin/users?limit=0", nil, idp.Invalid, "limit")
	f.refused("GET", "/v1/admin/users?after="+strings.Repeat("a", 2000), nil, idp.Invalid, "cursor")
	f.refused("GET", "/v1/admin/audit?day=yesterday", nil, idp.Invalid, "day")
	f.refused("GET", "/v1/admin/nothing", nil, idp.NotFound)
	f.refused("PUT", "/v1/admin/users", nil, idp.MethodNotAllow)

	r := f.request("POST", "/v1/admin/users", `{"email":"a@example.com"}`)
	r.Header.Set("Content-Type", "text/plain")
	w := httptest.NewRecorder()
	if f.handler.ServeHTTP(w, r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain = %d, want 415", w.Code)
	}
}
