package app_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// methods are those that a route may be for.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// TestRoutesAreOne: the functions together serve what the one process serves,
// and the API of the template leads there.
func TestRoutesAreOne(t *testing.T) {
	i := idptest.New(t)
	patterns := i.App.Routes()
	for n, p := range patterns[1:] {
		if p == patterns[n] {
			t.Errorf("%s is mounted twice", p)
		}
	}
	functions := map[string]http.Handler{
		"sso": i.App.SSO(), "slo": i.App.SLO(), "metadata": i.App.Metadata(), "qrsession": i.App.QRSession(),
		"approval": i.App.Approval(), "enroll": i.App.Enroll(), "admin": i.App.Admin(),
		"wsfed": i.App.WSFed(),
	}
	template := templateRoutes(t)
	for _, pattern := range patterns {
		for _, route := range expand(pattern, patterns) {
			t.Run(route, func(t *testing.T) {
				var served []string
				for name, h := range functions {
					if serves(i, h, route) {
						served = append(served, name)
					}
				}
				if len(served) != 1 {
					t.Fatalf("served by %v, want one function", served)
				}
				if got := template.function(route); got != served[0] {
					t.Errorf("the template sends it to %q, the code has it in %q", got, served[0])
				}
				if !serves(i, i.App.All(), route) {
					t.Error("not served by all")
				}
			})
		}
	}
	t.Run("the template has no other", func(t *testing.T) {
		var routes []string
		for _, p := range patterns {
			routes = append(routes, expand(p, patterns)...)
		}
		var extra []string
		for key := range template {
			if !strings.HasPrefix(key, "ANY /v1/admin/") && !slices.Contains(routes, key) {
				extra = append(extra, key)
			}
		}
		if diff := cmp.Diff([]string(nil), extra); diff != "" {
			t.Error(diff)
		}
	})
}

// expand gives a pattern without a method the one that it serves: GET, unless
// others of its path say so.
func expand(pattern string, all []string) []string {
	if strings.Contains(pattern, " ") {
		return []string{pattern}
	}
	for _, m := range methods {
		if slices.Contains(all, m+" "+pattern) {
			return nil
		}
	}
	return []string{"GET " + pattern}
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// serves reports whether a handler has a route: it answers anything but the
// error of a path or method that it does not know.
func serves(i *idptest.IdP, h http.Handler, route string) bool {
	method, path, _ := strings.Cut(route, " ")
	one := *i
	one.Handler = h
	i.Log.Reset()
	r, err := http.NewRequestWithContext(i.T.Context(), method, idptest.Base+wildcard.ReplaceAllString(path, "x"), nil)
	if err != nil {
		i.T.Fatal(err)
	}
	resp := one.Serve(r, address())
	if resp.StatusCode == http.StatusMethodNotAllowed {
		return false
	}
	// A known route is in the log line; an unknown one leaves it empty.
	return !strings.Contains(i.Log.String(), `"route":""`)
}

// routeKeys maps a RouteKey to the function it leads to.
type routeKeys map[string]string

func templateRoutes(t *testing.T) routeKeys {
	t.Helper()
	raw, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`RouteKey: "([^"]+)".*integrations/\$\{(\w+)Integration\}`)
	found := routeKeys{}
	for _, m := range key.FindAllStringSubmatch(string(raw), -1) {
		if found[m[1]] != "" {
			t.Errorf("%s is twice in the template", m[1])
		}
		found[m[1]] = strings.ToLower(m[2])
	}
	if len(found) == 0 {
		t.Fatal("no routes in template.yaml")
	}
	return found
}

// function is where the template sends a route.
func (k routeKeys) function(route string) string {
	if f := k[route]; f != "" {
		return f
	}
	_, path, _ := strings.Cut(route, " ")
	if strings.HasPrefix(path, "/v1/admin/") {
		return k["ANY /v1/admin/{proxy+}"]
	}
	return ""
}
