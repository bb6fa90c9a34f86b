package functions_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
)

var (
	ofAlarms  = regexp.MustCompile(`Namespace: Latchkey[,\s]+MetricName: (\w+)`)
	ofWidgets = regexp.MustCompile(`(?:\["Latchkey", "|MetricName=\\")(\w+)`)
	reasons   = regexp.MustCompile(`Name: Reason, Value: ([a-z_.]+)`)
)

// TestAlarmsNameWhatIsMeasured: an alarm on a metric that nobody writes is
// silent for good.
func TestAlarmsNameWhatIsMeasured(t *testing.T) {
	template, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	metrics := []string{
		obs.LoginStarted, obs.LoginApproved, obs.LoginDenied, obs.LoginExpired, obs.SignInCompleted,
		obs.RequestRejected, obs.RequestFailed, obs.AuditBroken, obs.SignLatency,
	}
	for _, names := range []*regexp.Regexp{ofAlarms, ofWidgets} {
		found := names.FindAllStringSubmatch(string(template), -1)
		if len(found) < 5 {
			t.Errorf("%s: %d metrics", names, len(found))
		}
		for _, m := range found {
			if !slices.Contains(metrics, m[1]) {
				t.Errorf("nobody measures %s", m[1])
			}
		}
	}
	known := []idp.Reason{idp.KeyMismatch, idp.KeyDenied, idp.StoreDenied, idp.StoreCorrupt}
	found := reasons.FindAllStringSubmatch(string(template), -1)
	if len(found) != len(known) {
		t.Errorf("alarms by %d reasons, not by %d", len(found), len(known))
	}
	for _, m := range found {
		if !slices.Contains(known, idp.Reason(m[1])) {
			t.Errorf("no request fails for the reason %s", m[1])
		}
	}
}
