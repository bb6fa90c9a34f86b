package awsdeps_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/awsdeps"
)

const (
	key   = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	role  = "arn:aws:iam::111122223333:role/id-SSOFunctionRole-1"
	group = "arn:aws:logs:eu-central-1:111122223333:log-group:"
)

// cloudWatch is the part of CloudWatch Logs that is asked: entries by group, two
// to a page, and the second request is throttled.
type cloudWatch struct {
	groups map[string][]string
	calls  atomic.Int64
}

func (c *cloudWatch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if c.calls.Add(1) == 2 {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
		return
	}
	var in struct {
		LogGroupName, FilterPattern, NextToken string
		StartTime, EndTime                     int64
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "Logs_20140328.FilterLogEvents" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	all, known := c.groups[in.LogGroupName]
	if !known || in.FilterPattern == "" || in.EndTime-in.StartTime < (24*time.Hour).Milliseconds() {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"ResourceNotFoundException","message":"no such group"}`)
		return
	}
	at, _ := strconv.Atoi(in.NextToken)
	end := min(at+2, len(all))
	type entry struct {
		Message string `json:"message"`
	}
	page := map[string]any{"events": []entry{}}
	var events []entry
	for _, m := range all[at:end] {
		events = append(events, entry{m})
	}
	page["events"] = events
	if end < len(all) {
		page["nextToken"] = strconv.Itoa(end)
	}
	_ = json.NewEncoder(w).Encode(page)
}

// record is one of CloudTrail (KMS Developer Guide, "Sign").
func record(n int, at time.Time, principal string) string {
	identity := `"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/id-SSOFunctionRole-1/id-SSOFunction-1","sessionContext":{"sessionIssuer":{"type":"Role","arn":"` + principal + `"}}`
	if strings.Contains(principal, ":user/") {
		identity = `"type":"IAMUser","arn":"` + principal + `"`
	}
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{%s},"eventTime":%q,"eventSource":"kms.amazonaws.com","eventName":"Sign",`+
		`"requestParameters":{"messageType":"DIGEST","keyId":%q,"signingAlgorithm":"RSASSA_PKCS1_V1_5_SHA_256"},"responseElements":null,`+
		`"requestID":"request-%d","eventID":"event-%d","readOnly":true,"resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":%q}]}`,
		identity, at.Format(time.RFC3339), key, n, n, key)
}

func line(n int, at time.Time) string {
	return fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"KMS Sign","key":%q,"request_id":"request-%d","attempt":1}`, at.Format(time.RFC3339Nano), key, n)
}

// TestSignAudit: S18, what the nightly check says, with pages and throttling.
func TestSignAudit(t *testing.T) {
	yesterday := time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour)
	const eve = "arn:aws:iam::111122223333:user/eve"
	elsewhere := strings.ReplaceAll(record(99, yesterday, eve), key, strings.ReplaceAll(key, "1234abcd", "ffffffff"))
	var trail, sso, slo []string
	for n := range 7 {
		trail = append(trail, record(n, yesterday, role))
		if n%2 == 0 {
			sso = append(sso, line(n, yesterday))
		} else {
			slo = append(slo, line(n, yesterday))
		}
	}
	trail = append(trail, elsewhere)
	for name, c := range map[string]struct {
		trail, sso []string
		alerts     []string
		err        bool
	}{
		"S18 all explained":  {trail, sso, nil, false},
		"S18 one extra Sign": {append(slices.Clone(trail), record(7, yesterday, role)), sso, []string{"sign.unlogged"}, false},
		"S18 by somebody":    {append(slices.Clone(trail), record(7, yesterday, eve)), sso, []string{"sign.stranger"}, false},
		"S18 trail stopped":  {trail[1:], sso, []string{"sign.not_in_trail"}, false},
		"S18 not CloudTrail": {[]string{"x"}, sso, nil, true},
		"S18 no log to read": {trail, nil, nil, true},
		"S18 nobody signed":  {[]string{elsewhere}, []string{}, []string{"sign.not_in_trail", "sign.not_in_trail", "sign.not_in_trail"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			groups := map[string][]string{"trail": c.trail, "sso": c.sso, "slo": slo}
			if c.sso == nil {
				delete(groups, "sso")
			}
			server := httptest.NewServer(&cloudWatch{groups: groups})
			defer server.Close()
			for name, value := range map[string]string{
				"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "TEST", "AWS_SECRET_ACCESS_KEY": "TEST ONLY",
			} {
				t.Setenv(name, value)
			}
			var out bytes.Buffer
			check, err := awsdeps.SignAudit(t.Context(), []string{
				"LATCHKEY_SIGNING_KEY=" + key, "LATCHKEY_SIGN_ROLES=" + role,
				"LATCHKEY_SIGN_TRAIL=" + group + "trail:*", "LATCHKEY_SIGN_LOGS=" + group + "sso:*," + group + "slo:*",
			}, &out)
			if err != nil {
				t.Fatal(err)
			}
			if err := check.Yesterday(t.Context()); (err != nil) != c.err {
				t.Fatalf("%v\n%s", err, out.String())
			}
			said := out.String()
			for _, reason := range c.alerts {
				if !strings.Contains(said, `"event":"alert","reason":"`+reason+`"`) {
					t.Errorf("no alert with %s:\n%s", reason, said)
				}
			}
			if a, m := strings.Count(said, `"event":"alert"`), strings.Count(said, `"SignUnexplained":1`); a != len(c.alerts) || m != len(c.alerts) {
				t.Errorf("%d alerts, metric counted %d times:\n%s", a, m, said)
			}
			if done := strings.Contains(said, `"event":"sign.compared"`); done == c.err {
				t.Errorf("compared: %v\n%s", done, said)
			}
		})
	}
	t.Run("settings", func(t *testing.T) {
		if _, err := awsdeps.SignAudit(t.Context(), []string{"LATCHKEY_SIGNING_KEY=" + key}, nil); err == nil || !strings.Contains(err.Error(), "LATCHKEY_SIGN_TRAIL") {
			t.Error(err)
		}
	})
}
