package functions_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/apigw"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
)

// TestHealthHost: L1, by the name of the health checks no function does anything but
// say how it is, whatever route API Gateway has for it; nor is CloudFront needed.
func TestHealthHost(t *testing.T) {
	const host = "health.idp.test"
	c := cloud.Start(t, cloud.Options{Parameters: map[string]string{"HealthHost": host, "OriginSecret": cloud.OriginSecret}})
	ask := func(function, method, path string) int {
		t.Helper()
		r := httptest.NewRequest(method, "https://"+host+path, nil)
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: "x"})
		event, err := apigw.Gateway{Caller: cloud.Caller}.Event(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := invoke(c, function, event)
		if err != nil {
			t.Fatalf("%s: %v", function, err)
		}
		return answer.StatusCode
	}
	asked := map[string]bool{}
	for _, route := range c.Stack.Routes {
		method, path, _ := strings.Cut(route.Key, " ")
		if method == "ANY" {
			method = http.MethodGet
		}
		want := http.StatusMisdirectedRequest
		if path == "/v1/healthz" {
			want = http.StatusOK
		}
		asked[route.Function] = true
		if status := ask(route.Function, method, strings.NewReplacer("{", "", "}", "", "+", "").Replace(path)); status != want {
			t.Errorf("L1 %s at %s: %d, want %d", route.Key, host, status, want)
		}
	}
	if len(asked) != len(names) {
		t.Errorf("%d functions asked of %d", len(asked), len(names))
	}
}
