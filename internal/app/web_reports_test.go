package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func TestReportsOfPolicyViolations(t *testing.T) {
	i := idptest.New(t)
	send := func(body string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, idptest.Base+"/v1/reports", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/reports+json")
		return i.Serve(r, "203.0.113.9")
	}
	resp := send(`[{"type":"csp-violation","body":{"effectiveDirective":"script-src-elem","sample":"canary"}},
		{"type":"csp-violation","body":{"effectiveDirective":"<script>"}}]`)
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("report: %d", resp.StatusCode)
	}
	if log := i.Log.String(); !strings.Contains(log, "script-src-elem") || strings.Contains(log, "canary") || strings.Contains(log, "<script>") {
		t.Errorf("log holds more or less than the directive: %s", log)
	}
	if resp := send(`{`); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("malformed report: %d", resp.StatusCode)
	}
	for range 5 {
		resp = send(`[]`)
	}
	if resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("flood of reports: %d, want 429", resp.StatusCode)
	}
}
