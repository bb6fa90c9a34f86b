// Package functions_test runs the functions as Lambda would: the real
// binaries, under the Runtime API, with events of the HTTP API, against
// DynamoDB Local and a fake KMS.
package functions_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
)

var names = []string{"sso", "slo", "metadata", "qrsession", "approval", "enroll", "admin", "wsfed"}

// scheduled run on a schedule and answer no requests; with each the event of its
// log that says that it did something.
var scheduled = map[string]string{"refresh": "metadata.refresh", "audit": "audit.checkpoint"}

// signers are the functions that may use the signing key (template.yaml).
var signers = []string{"sso", "slo", "metadata"}

func TestFunctionsAnswerEvents(t *testing.T) {
	bin := build(t)
	cases := readCases(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			cloud := newCloud(t)
			f := lambdaruntime.Start(t, filepath.Join(bin, name), cloud.env()...)
			for _, c := range cases {
				if c.function != name && c.function != "foreign" {
					continue
				}
				t.Run(c.label(), func(t *testing.T) { c.replay(t, f) })
			}
			if n := cloud.kms.Signatures(); n > 0 && !slices.Contains(signers, name) {
				t.Errorf("L6 function %s made %d signatures and may make none", name, n)
			}
			for _, canary := range canaries {
				if strings.Contains(f.Output(), canary) {
					t.Errorf("A60 log of %s holds %q", name, canary)
				}
			}
		})
	}
}

// canaries are the bearer values and messages in the events.
var canaries = []string{strings.Repeat("A", 20), strings.Repeat("B", 20), "4ZJEXN7EWUKY7KLD", "samlp:AuthnRequest", "deep?a=b", "e30.e30"}

// TestScheduledFunctions: they run for their schedules and for nothing else, and
// call no signing key.
func TestScheduledFunctions(t *testing.T) {
	bin := build(t)
	for name, does := range scheduled {
		t.Run(name, func(t *testing.T) {
			cloud := newCloud(t)
			f := lambdaruntime.Start(t, filepath.Join(bin, name), cloud.env()...)
			own, err := os.ReadFile("../events/" + name + "/schedule.json")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.InvokeRaw(own); err != nil {
				t.Errorf("nobody has come yet: %v\n%s", err, f.Output())
			}
			health, err := os.ReadFile("../events/metadata/healthz.json")
			if err != nil {
				t.Fatal(err)
			}
			metadata := lambdaruntime.Start(t, filepath.Join(bin, "metadata"), cloud.env()...)
			if _, err := metadata.Invoke(health); err != nil { // makes the master key
				t.Fatal(err)
			}
			before := cloud.kms.Signatures()
			for _, c := range readCases(t) {
				if c.file == "eventbridge.json" || scheduled[c.function] != "" && c.function != name { // of the same form
					continue
				}
				_, err := f.InvokeRaw(c.event)
				if c.function == name && err != nil {
					t.Errorf("%s: %v\n%s", c.file, err, f.Output())
				}
				if c.function != name && (err == nil || !strings.Contains(err.Error(), "event.unknown")) {
					t.Errorf("L1 %s/%s: %v, want event.unknown", c.function, c.file, err)
				}
			}
			if !strings.Contains(f.Output(), `"event":"`+does+`"`) {
				t.Errorf("it did nothing:\n%s", f.Output())
			}
			if n := cloud.kms.Signatures() - before; n > 0 {
				t.Errorf("L6 it made %d signatures", n)
			}
		})
	}
}

func TestFunctionOutlivesOutage(t *testing.T) {
	bin := build(t)
	health, err := os.ReadFile("../events/metadata/healthz.json")
	if err != nil {
		t.Fatal(err)
	}
	cloud := newCloud(t)
	cloud.kms.Inject("Encrypt", 1000, kmsfake.Unavailable())
	f := lambdaruntime.Start(t, filepath.Join(bin, "metadata"), cloud.env()...)
	t.Run("L12 KMS down at start", func(t *testing.T) {
		resp, err := f.Invoke(health)
		if err != nil || resp.StatusCode != 503 || resp.Headers["Retry-After"] == "" {
			t.Errorf("got %d %v, %v; want 503 with Retry-After", resp.StatusCode, resp.Headers, err)
		}
		if !strings.Contains(f.Output(), `"reason":"kms.unavailable"`) {
			t.Errorf("log has no reason kms.unavailable:\n%s", f.Output())
		}
	})
	cloud.kms.Heal()
	t.Run("L12 KMS back", func(t *testing.T) {
		if resp, err := f.Invoke(health); err != nil || resp.StatusCode != 200 {
			t.Errorf("got %d, %v; want 200 from the same process", resp.StatusCode, err)
		}
	})
}

func TestFunctionNamesMissingSettings(t *testing.T) {
	cmd := exec.Command(filepath.Join(build(t), "sso"))
	cmd.Env = []string{"AWS_REGION=eu-central-1"}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "LATCHKEY_PUBLIC_URL") {
		t.Errorf("got %v, %q; want a failure that names LATCHKEY_PUBLIC_URL", err, out)
	}
}

// TestStartFigures prints what a cold start costs beyond that of the smallest
// function, and how large the binaries are.
func TestStartFigures(t *testing.T) {
	bin := build(t)
	var out strings.Builder
	fmt.Fprintf(&out, "%-10s %9s %12s %12s\n", "function", "size", "init", "first answer")
	row := func(name string, f *lambdaruntime.Function, event []byte) {
		ready := f.Ready()
		if _, err := f.InvokeRaw(event); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		info, err := os.Stat(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%-10s %6.1f MB %12v %12v\n", name, float64(info.Size())/1e6,
			ready.Round(100*time.Microsecond), f.FirstAnswer().Round(100*time.Microsecond))
	}
	row("hello", lambdaruntime.Start(t, filepath.Join(bin, "hello")), []byte(`{}`))
	cases := readCases(t)
	for _, name := range names {
		i := slices.IndexFunc(cases, func(c eventCase) bool { return c.function == name })
		if i < 0 {
			t.Fatalf("no event for %s", name)
		}
		row(name, lambdaruntime.Start(t, filepath.Join(bin, name), newCloud(t).env()...), cases[i].event)
	}
	t.Logf("start figures, this machine\n%s", out.String())
}

// cloud is what a function needs around it.
type cloud struct {
	kms                     *kmsfake.Fake
	kmsURL, table           string
	signingKey, wrappingKey string
	nextKey, encryptionKey  string // of a rollover; what others encrypt with
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{kms: kmsfake.New(), table: dynamotest.Create(t, dynamotest.Client(t, patient))}
	server := httptest.NewServer(c.kms)
	t.Cleanup(server.Close)
	c.kmsURL = server.URL
	var err error
	if c.signingKey, err = c.kms.CreateRSA(2048); err != nil {
		t.Fatal(err)
	}
	if c.nextKey, err = c.kms.CreateRSA(2048); err != nil {
		t.Fatal(err)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c.encryptionKey = c.kms.AddDecrypter(private)
	c.wrappingKey = c.kms.CreateSymmetric()
	return c
}

// patient: making a table takes longer than a sign-in may.
func patient(o *dynamodb.Options) {
	o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(time.Minute)
}

func (c *cloud) env() []string {
	return []string{
		"LATCHKEY_PUBLIC_URL=https://id.example.com", "LATCHKEY_TABLE=" + c.table,
		"LATCHKEY_SIGNING_KEY=" + c.signingKey + "," + c.nextKey, "LATCHKEY_MASTER_KEY=" + c.wrappingKey,
		"LATCHKEY_ENCRYPTION_KEY=" + c.encryptionKey,
		"LATCHKEY_LOG_LEVEL=debug",
		"AWS_ENDPOINT_URL_DYNAMODB=" + os.Getenv("DYNAMODB_ENDPOINT"), "AWS_ENDPOINT_URL_KMS=" + c.kmsURL,
	}
}

// build makes all binaries, once, as they are deployed, but for this machine.
func build(t *testing.T) (dir string) {
	t.Helper()
	dynamotest.Client(t) // skips or fails before the effort
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var binaries string // folder of the binaries; made and removed by TestMain

func TestMain(m *testing.M) {
	var err error
	if binaries, err = os.MkdirTemp("", "functions"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(binaries)
	os.Exit(code)
}

var built = sync.OnceValues(func() (string, error) {
	args := []string{"build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binaries, "./testdata/hello"}
	for _, name := range append(names[:len(names):len(names)], slices.Collect(maps.Keys(scheduled))...) {
		args = append(args, "./"+name)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build functions: %w\n%s", err, out)
	}
	return binaries, nil
})

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

func (c eventCase) replay(t *testing.T, f *lambdaruntime.Function) {
	before := strings.Count(f.Output(), `"reason":"event.unknown"`)
	resp, err := f.Invoke(c.event)
	if c.want == "error" {
		if err == nil {
			t.Errorf("answered %d; want an error", resp.StatusCode)
		}
		if n := strings.Count(f.Output(), `"reason":"event.unknown"`) - before; n != 1 {
			t.Errorf("L1 got %d log lines with the reason event.unknown, want 1", n)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(resp.StatusCode); got != c.want {
		t.Errorf("status %s, want %s; body %.300s\n%s", got, c.want, resp.Body, f.Output())
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
