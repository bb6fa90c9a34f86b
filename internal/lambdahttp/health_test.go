package lambdahttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
	"github.com/latchkey-idp/latchkey/internal/testkit/apigw"
)

// TestHealthHost: L1, the host of the health checks has one path, and is no way
// around CloudFront.
func TestHealthHost(t *testing.T) {
	const host = "health.example.com"
	for name, opts := range map[string]lambdahttp.Options{
		"alone":             {},
		"behind CloudFront": {ViaCloudFront: func(context.Context, string) (bool, error) { return false, nil }},
	} {
		opts.Domains, opts.PublicHost, opts.HealthHost = []string{domain}, domain, host
		t.Run("L1 "+name, func(t *testing.T) {
			seen := ""
			h := func(w http.ResponseWriter, r *http.Request) {
				seen = r.Method + " " + r.Host + r.URL.Path
				w.WriteHeader(http.StatusOK)
			}
			ask := func(method, url, body string) int {
				seen = ""
				return serve(t, h, httptest.NewRequest(method, url, strings.NewReader(body)), opts).StatusCode
			}
			for _, url := range []string{"https://" + host + "/v1/healthz", "https://HEALTH.example.com/v1/healthz"} {
				if status := ask(http.MethodGet, url, ""); status != http.StatusOK || seen != "GET "+domain+"/v1/healthz" {
					t.Errorf("%s: %d, handler saw %q", url, status, seen)
				}
			}
			for _, c := range [][3]string{
				{http.MethodPost, "/v1/healthz", ""}, {http.MethodHead, "/v1/healthz", ""}, {http.MethodGet, "/v1/healthz", "body"},
				{http.MethodGet, "/v1/healthz?x=1", ""}, {http.MethodGet, "/v1/healthz/", ""}, {http.MethodGet, "//v1/healthz", ""},
				{http.MethodGet, "/V1/healthz", ""}, {http.MethodGet, "/saml/sso", ""}, {http.MethodPost, "/login/finish", "a=b"},
				{http.MethodGet, "/v1/admin/status", ""}, {http.MethodGet, "/saml/metadata", ""}, {http.MethodGet, "/", ""},
			} {
				if status := ask(c[0], "https://"+host+c[1], c[2]); status != http.StatusMisdirectedRequest || seen != "" {
					t.Errorf("%s %s: %d, handler saw %q", c[0], c[1], status, seen)
				}
			}
		})
	}
	t.Run("L1 without the setting it is a foreign host", func(t *testing.T) {
		opts := lambdahttp.Options{Domains: []string{domain}}
		event, err := apigw.Gateway{}.Event(httptest.NewRequest(http.MethodGet, "https://"+host+"/v1/healthz", nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lambdahttp.Handler(http.NotFoundHandler(), opts)(t.Context(), event); err == nil {
			t.Error("it was served")
		}
	})
}
