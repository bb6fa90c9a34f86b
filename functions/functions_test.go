// Package functions_test runs the functions as Lambda would: the real
// binaries, under the Runtime API, with events of the HTTP API, against
// DynamoDB Local and a fake KMS (internal/testkit/cloud).
package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
)

var names = []string{"sso", "slo", "metadata", "qrsession", "approval", "enroll", "admin", "wsfed"}

// scheduled run on a schedule and answer no requests; with each the event of its
// log that says that it did something.
var scheduled = map[string]string{"refresh": "metadata.refresh", "audit": "audit.checkpoint"}

func TestMain(m *testing.M) { os.Exit(cloud.Main(m)) }

// deployed is the stack that the events in events/ are sent to.
func deployed(t *testing.T) *cloud.Cloud {
	t.Helper()
	return cloud.Start(t, cloud.Options{Parameters: map[string]string{"PublicURL": "https://id.example.com"}})
}

func TestFunctionsAnswerEvents(t *testing.T) {
	c := deployed(t)
	cases := readCases(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			for _, e := range cases {
				if e.function != name && e.function != "foreign" {
					continue
				}
				t.Run(e.label(), func(t *testing.T) { e.replay(t, c, name) })
			}
			for _, canary := range canaries {
				if strings.Contains(c.Output(name), canary) {
					t.Errorf("A60 log of %s holds %q", name, canary)
				}
			}
		})
	}
}

// canaries are the bearer values and messages in the events.
var canaries = []string{strings.Repeat("A", 20), strings.Repeat("B", 20), "4ZJEXN7EWUKY7KLD", "samlp:AuthnRequest", "deep?a=b", "e30.e30"}

// TestScheduledFunctions: they run for their schedules and for nothing else, also
// before anybody has come and there is a master key.
func TestScheduledFunctions(t *testing.T) {
	for name, does := range scheduled {
		t.Run(name, func(t *testing.T) {
			c := deployed(t)
			for _, file := range []string{name + "/schedule.json", "metadata/healthz.json", name + "/schedule.json"} {
				event, err := os.ReadFile("../events/" + file)
				if err != nil {
					t.Fatal(err)
				}
				function := filepath.Dir(file)
				if _, err := c.Invoke(function, event); err != nil {
					t.Errorf("%s: %v\n%s", file, err, c.Output(function))
				}
			}
			for _, e := range readCases(t) {
				if e.want == "ok" || e.file == "eventbridge.json" { // of the same form
					continue
				}
				if _, err := c.Invoke(name, e.event); err == nil || !strings.Contains(err.Error(), "event.unknown") {
					t.Errorf("L1 %s/%s: %v, want event.unknown", e.function, e.file, err)
				}
			}
			if !strings.Contains(c.Output(name), `"event":"`+does+`"`) {
				t.Errorf("it did nothing:\n%s", c.Output(name))
			}
		})
	}
}

func TestFunctionOutlivesOutage(t *testing.T) {
	health, err := os.ReadFile("../events/metadata/healthz.json")
	if err != nil {
		t.Fatal(err)
	}
	c := deployed(t)
	c.KMS.Inject("Encrypt", 1000, kmsfake.Unavailable())
	t.Run("L12 KMS down at start", func(t *testing.T) {
		resp, err := invoke(c, "metadata", health)
		if err != nil || resp.StatusCode != 503 || resp.Headers["Retry-After"] == "" {
			t.Errorf("got %d %v, %v; want 503 with Retry-After", resp.StatusCode, resp.Headers, err)
		}
		if !strings.Contains(c.Output("metadata"), `"reason":"kms.unavailable"`) {
			t.Errorf("log has no reason kms.unavailable:\n%s", c.Output("metadata"))
		}
	})
	c.KMS.Heal()
	t.Run("L12 KMS back", func(t *testing.T) {
		if resp, err := invoke(c, "metadata", health); err != nil || resp.StatusCode != 200 || c.Instances("metadata") != 1 {
			t.Errorf("got %d, %v; want 200 from the same process", resp.StatusCode, err)
		}
	})
}

func invoke(c *cloud.Cloud, function string, event []byte) (a events.APIGatewayV2HTTPResponse, err error) {
	raw, err := c.Invoke(function, event)
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	return a, err
}

func TestFunctionNamesMissingSettings(t *testing.T) {
	cmd := exec.Command(filepath.Join(cloud.Build(t), "sso"))
	cmd.Env = []string{"AWS_REGION=eu-central-1"}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "LATCHKEY_PUBLIC_URL") {
		t.Errorf("got %v, %q; want a failure that names LATCHKEY_PUBLIC_URL", err, out)
	}
}

// eventCase is a row of events/README.md.
type eventCase struct {
	function, file string
	want           string // status, "error", or "ok" of the schedule
	event          []byte
}

// label names the test; events of foreign kinds carry the row they test.
func (c eventCase) label() string {
	if c.function == "foreign" {
		return "A54 " + c.file
	}
	return c.file
}

func (c eventCase) replay(t *testing.T, on *cloud.Cloud, function string) {
	before := strings.Count(on.Output(function), `"reason":"event.unknown"`)
	resp, err := invoke(on, function, c.event)
	if c.want == "error" {
		if err == nil {
			t.Errorf("answered %d; want an error", resp.StatusCode)
		}
		if n := strings.Count(on.Output(function), `"reason":"event.unknown"`) - before; n != 1 {
			t.Errorf("L1 got %d log lines with the reason event.unknown, want 1", n)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(resp.StatusCode); got != c.want {
		t.Errorf("status %s, want %s; body %.300s\n%s", got, c.want, resp.Body, on.Output(function))
	}
}

var tableRow = regexp.MustCompile("(?m)^\\| `([a-z]+)/([a-z0-9-]+\\.json)` \\|.*\\| (\\d{3}|error|ok) \\|$")

func readCases(t *testing.T) []eventCase {
	t.Helper()
	readme, err := os.ReadFile("../events/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var cases []eventCase
	for _, m := range tableRow.FindAllSubmatch(readme, -1) {
		c := eventCase{function: string(m[1]), file: string(m[2]), want: string(m[3])}
		if c.event, err = os.ReadFile(filepath.Join("../events", c.function, c.file)); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	files, err := filepath.Glob("../events/*/*.json")
	if err != nil || len(files) != len(cases) {
		t.Fatalf("%d events, %d rows in events/README.md (%v)", len(files), len(cases), err)
	}
	if bytes.Contains(readme, []byte("| TODO |")) {
		t.Error("events/README.md has rows without an answer")
	}
	return cases
}
