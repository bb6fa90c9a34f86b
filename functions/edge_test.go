package functions_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/originsecret"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
)

// doors has one route of each function that answers requests.
var doors = map[string]string{
	"sso": "/login", "slo": "/saml/slo", "metadata": "/v1/config/public", "qrsession": "/v1/login/sessions/x",
	"approval": "/m", "enroll": "/e", "admin": "/v1/admin/status", "wsfed": "/wsfed",
}

func behindCloudFront(t *testing.T) *cloud.Cloud {
	t.Helper()
	return cloud.Start(t, cloud.Options{Parameters: map[string]string{"OriginSecret": cloud.OriginSecret}})
}

// around asks the HTTP API itself, past CloudFront.
func around(t *testing.T, c *cloud.Cloud, path, secret string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, cloud.URL+path, nil)
	r.RemoteAddr = "203.0.113.66:1"
	for name, value := range map[string]string{
		"X-Latchkey-Origin": secret, "CloudFront-Viewer-Address": "198.51.100.7:1", "X-Forwarded-For": "198.51.100.7",
		"X-Amz-Date": "20261126T090000Z",
		"Authorization": "AWS4-HMAC-SHA256 Credential=TESTONLY/20261126/eu-central-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=" +
			strings.Repeat("0", 64),
	} {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	c.Origin().ServeHTTP(w, r)
	return w.Code
}

// TestBehindCloudFront: who goes around it gets nothing, at any function.
func TestBehindCloudFront(t *testing.T) {
	c := behindCloudFront(t)
	const secret = "TEST-ONLY-0123456789abcdef"
	c.Secrets.Replace(secret)
	for _, name := range names {
		for what, presented := range map[string]string{
			"without": "", "another": "TEST-ONLY-fedcba9876543210", "a prefix of it": secret[:20], "its ARN": cloud.OriginSecret, "twice": secret + "," + secret,
		} {
			t.Run("L4 "+name+" "+what, func(t *testing.T) {
				if status := around(t, c, doors[name], presented); status != http.StatusForbidden {
					t.Errorf("%d", status)
				}
				if log := c.Output(name); !strings.Contains(log, `"reason":"host.unknown"`) || strings.Contains(log, "198.51.100.7") {
					t.Error(log)
				}
			})
		}
	}
	for _, call := range c.Calls() {
		if call.Action != "secretsmanager:GetSecretValue" || !call.Allowed {
			t.Errorf("L14 %s, for who was not let in: %s", call.Function, call.Request)
		}
	}
	if n := c.Secrets.Reads(); n > 2*len(names) {
		t.Errorf("L14 %d reads of the secret by %d functions", n, len(names))
	}
	if strings.Contains(c.Output(), secret) {
		t.Error("L7 the secret is in a log")
	}
}

// TestAddressBehindCloudFront: the address is CloudFront's account of the viewer,
// whatever the viewer says.
func TestAddressBehindCloudFront(t *testing.T) {
	c := behindCloudFront(t)
	t.Run("L3 A50 spoofed headers", func(t *testing.T) {
		status, _ := get(t, c, "/v1/config/public", "X-Latchkey-Origin", "guess", "CloudFront-Viewer-Address", "1.2.3.4:5", "X-Forwarded-For", "1.2.3.4")
		if log := c.Output("metadata"); status != http.StatusOK || !strings.Contains(log, `"ip":"127.0.0.4"`) || strings.Contains(log, "1.2.3.4") {
			t.Errorf("%d\n%s", status, log)
		}
	})
	t.Run("L3 limits count the viewer, not CloudFront", func(t *testing.T) {
		redeem := func(address, claimed string) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, cloud.URL+"/v1/enroll/redeem", strings.NewReader(`{"token":"`+strings.Repeat("A", 43)+`"}`))
			r.RemoteAddr = address
			for name, value := range map[string]string{
				"Content-Type": "application/json", "Origin": cloud.URL, "X-Requested-By": "latchkey", "CloudFront-Viewer-Address": claimed, "X-Forwarded-For": claimed,
			} {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			c.Handler().ServeHTTP(w, r)
			return w.Code
		}
		limited := false
		for n := 0; n < 200 && !limited; n++ {
			limited = redeem("203.0.113.9:1", "198.51.100."+string(rune('0'+n%10))+":1") == http.StatusTooManyRequests
		}
		if !limited {
			t.Error("who says another address each time is never limited")
		}
		if status := redeem("203.0.113.10:1", "203.0.113.9:1"); status == http.StatusTooManyRequests {
			t.Error("another viewer is limited with the first")
		}
	})
}

// TestSecretIsReplaced rehearses docs/operations.md: nobody notices.
func TestSecretIsReplaced(t *testing.T) {
	c := behindCloudFront(t)
	const old, next = "TEST-ONLY-0123456789abcdef", "TEST-ONLY-fedcba9876543210"
	c.Secrets.Replace(old)
	works := func(secret string, want int) {
		t.Helper()
		if status := around(t, c, doors["metadata"], secret); status != want {
			t.Errorf("%s: %d", secret, status)
		}
	}
	works(old, http.StatusOK)
	c.Secrets.Replace(next)
	works(old, http.StatusOK) // CloudFront still sends it
	c.Recycle("metadata")     // or minutes pass
	works(next, http.StatusOK)
	works(old, http.StatusOK)
	works("TEST-ONLY-some-other-one", http.StatusForbidden)
	t.Run("L4 nobody is let in while it is not known", func(t *testing.T) {
		c.Secrets.Down(true)
		works(next, http.StatusOK) // who has read it goes on
		c.Recycle("metadata")
		works(next, http.StatusServiceUnavailable)
		if log := c.Output("metadata"); !strings.Contains(log, `"RequestFailed":1`) || !strings.Contains(log, `"Reason":"origin.unavailable"`) {
			t.Errorf("nobody hears of it: %s", log)
		}
		c.Secrets.Down(false)
		time.Sleep(originsecret.FirstPause)
		works(next, http.StatusOK)
	})
}
