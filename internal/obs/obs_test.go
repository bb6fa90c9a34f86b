package obs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
)

// secrets are values that the program handles and no log may hold.
var secrets = map[string]string{
	"browser secret": idp.Secret(bytes.Repeat([]byte{0xaa}, 32)).Reveal(),
	"qr frame":       "1.CAIREEYUCULBOGAZDINRYHI6D4.0.4ZJEXN7EWUKY7KLD",
	"name id":        "ana@example.com",
	"assertion":      `<saml:Assertion ID="_1"><saml:Subject>ana</saml:Subject></saml:Assertion>`,
	"jws":            "eyJhbGciOiJFUzI1NiJ9." + strings.Repeat("QUJD", 30),
}

func TestLogHidesSecrets(t *testing.T) {
	for name, secret := range secrets {
		for _, asJSON := range []bool{true, false} {
			t.Run(fmt.Sprintf("A60 %s json=%v", name, asJSON), func(t *testing.T) {
				var out bytes.Buffer
				log := obs.NewLogger(&out, slog.LevelDebug, asJSON)

				log.Info("got " + secret)
				log.Info("x", "detail", "value "+secret+" refused")
				log.Info("x", "err", fmt.Errorf("read cookie: %w", errors.New(secret)))
				log.Info("x", "cookie", secret)
				log.Info("x", "detail", []byte(secret), "reason", idp.Reason(secret))
				log.Info("x", "detail", http.Header{"Cookie": {secret}})
				log.Info("x", "detail", &http.Request{Host: secret})
				log.Info("x", "detail", struct{ S string }{secret})
				log.With("detail", secret).WithGroup("g").Info("x", slog.String("token", secret), slog.Group("h", slog.Any("err", errors.New(secret))))

				if strings.Contains(out.String(), secret) {
					t.Errorf("log holds the %s:\n%s", name, out.String())
				}
				if n := strings.Count(out.String(), "\n"); n != 9 {
					t.Errorf("got %d lines, want 9:\n%s", n, out.String())
				}
			})
		}
	}
}

func TestLogHidesSecretTypeAndUnknownKeys(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, slog.LevelInfo, true)
	secret := idp.Secret("0123456789abcdef")
	log.Info("x", "detail", secret, "number", 482915, "user_code", "BCDF-GHJK")
	for _, s := range []string{"0123456789abcdef", secret.Reveal(), "482915", "BCDF"} {
		if strings.Contains(out.String(), s) {
			t.Errorf("log holds %q: %s", s, out.String())
		}
	}
}

func TestLogKeepsWhatOperatorsNeed(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, slog.LevelInfo, true)
	digest := strings.Repeat("ab12", 16)
	log.Warn("request refused", "event", idp.AuditRequestRejected, "reason", idp.ReasonReplay,
		"corr_id", "CAIREEYUCULBOGAZDINRYHI6D4", "sp", "unknown "+digest, "ip", "203.0.113.7",
		"latency", 1500*time.Microsecond, "status", 400,
		"key", "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"err", errors.New("sign: throttled"))

	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "WARN", "msg": "request refused", "event": "authn.request.rejected", "reason": "replay",
		"corr_id": "CAIREEYUCULBOGAZDINRYHI6D4", "sp": "unknown " + digest, "ip": "203.0.113.7",
		"latency": 1.5, "status": 400.0, "err": "sign: throttled",
		"key": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("log line (-want +got):\n%s", d)
	}
}

func TestLogLevel(t *testing.T) {
	var out bytes.Buffer
	obs.NewLogger(&out, slog.LevelWarn, false).Info("x")
	if out.Len() != 0 {
		t.Errorf("logged below its level: %s", out.String())
	}
}

// The specification: one JSON object with _aws.Timestamp and
// _aws.CloudWatchMetrics; each dimension and metric a top-level member.
func TestEMF(t *testing.T) {
	at := time.UnixMilli(1795370000123)
	tests := []struct {
		name string
		do   func(obs.Metrics)
		want string
	}{
		{"count", func(m obs.Metrics) { m.Count(obs.LoginStarted, nil) },
			`{"LoginStarted":1,"_aws":{"Timestamp":1795370000123,"CloudWatchMetrics":[{"Namespace":"Latchkey","Dimensions":[[]],"Metrics":[{"Name":"LoginStarted","Unit":"Count"}]}]}}`},
		{"dimension", func(m obs.Metrics) {
			m.Count(obs.RequestRejected, map[string]string{obs.Reason: "replay", "Empty": ""})
		},
			`{"Reason":"replay","RequestRejected":1,"_aws":{"Timestamp":1795370000123,"CloudWatchMetrics":[{"Namespace":"Latchkey","Dimensions":[["Reason"]],"Metrics":[{"Name":"RequestRejected","Unit":"Count"}]}]}}`},
		{"latency", func(m obs.Metrics) { m.Observe(obs.SignLatency, 12.5, nil) },
			`{"SignLatency":12.5,"_aws":{"Timestamp":1795370000123,"CloudWatchMetrics":[{"Namespace":"Latchkey","Dimensions":[[]],"Metrics":[{"Name":"SignLatency","Unit":"Milliseconds"}]}]}}`},
		{"not a number", func(m obs.Metrics) { m.Observe(obs.SignLatency, math.NaN(), nil) }, ""},
		{"discarded", func(obs.Metrics) { obs.Discard.Count(obs.LoginStarted, nil) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.do(obs.EMF(&out, obs.Namespace, func() time.Time { return at }))
			if out.String() == "" && tt.want == "" {
				return
			}
			if strings.Count(out.String(), "\n") != 1 {
				t.Fatalf("not one line: %q", out.String())
			}
			var got, want any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("EMF (-want +got):\n%s", d)
			}
		})
	}
}
