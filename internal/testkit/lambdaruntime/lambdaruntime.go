// Package lambdaruntime runs a real `bootstrap` binary as the Lambda service
// would: it serves the Lambda Runtime API (2018-06-01), feeds events and
// collects answers. For tests and start-time figures.
package lambdaruntime

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Timeout bounds every wait of this package and is the deadline that the
// function is told.
const Timeout = 30 * time.Second

// Function is a running function. Its methods are for one goroutine.
type Function struct {
	t        testing.TB
	started  time.Time
	ready    chan time.Duration // once: process start to the first request for work
	answered time.Duration      // process start to the first answer

	events  chan event
	answers chan answer
	exited  chan struct{}
	output  string // name of the file that stdout and stderr go to
	serial  int
}

type event struct {
	id   string
	body []byte
}

type answer struct {
	body []byte
	err  string // what the function reported instead
}

// Start runs the binary with only the environment that Lambda gives, plus env
// ("NAME=value"), and ends it with the test.
func Start(t testing.TB, binary string, env ...string) *Function {
	t.Helper()
	f := &Function{
		t: t, ready: make(chan time.Duration, 1), events: make(chan event), answers: make(chan answer, 1),
		exited: make(chan struct{}), output: filepath.Join(t.TempDir(), "output"),
	}
	api := httptest.NewServer(f.routes())
	cmd := exec.Command(binary)
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=test", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"PATH=" + os.Getenv("PATH"), "TZ=:UTC",
	}, env...)
	// A file, not a pipe: what the function wrote before it answered is there
	// when the answer is.
	output, err := os.Create(f.output)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	f.started = time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start function: %v", err)
	}
	go func() {
		_ = cmd.Wait()
		close(f.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-f.exited
		api.CloseClientConnections()
		api.Close()
	})
	return f
}

// Ready waits until the function asks for its first event and returns how long
// that took from the start of the process.
func (f *Function) Ready() time.Duration {
	f.t.Helper()
	select {
	case d := <-f.ready:
		f.ready <- d
		return d
	case <-f.exited:
	case <-time.After(Timeout):
	}
	f.t.Fatalf("function did not start:\n%s", f.Output())
	return 0
}

// FirstAnswer is the time from the start of the process to its first answer,
// or zero before that.
func (f *Function) FirstAnswer() time.Duration { return f.answered }

// Output is what the function has written to stdout and stderr.
func (f *Function) Output() string {
	b, err := os.ReadFile(f.output)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Invoke hands the function an event and returns its answer, or the error that
// it reported.
func (f *Function) Invoke(body []byte) (events.APIGatewayV2HTTPResponse, error) {
	f.t.Helper()
	raw, err := f.InvokeRaw(body)
	var resp events.APIGatewayV2HTTPResponse
	if err != nil {
		return resp, err
	}
	if err := json.Unmarshal(raw, &resp); err != nil {
		return resp, fmt.Errorf("decode answer: %w", err)
	}
	return resp, nil
}

// InvokeRaw is Invoke for functions whose answer is not an HTTP response.
func (f *Function) InvokeRaw(body []byte) ([]byte, error) {
	f.t.Helper()
	f.serial++
	timeout := time.After(Timeout)
	select {
	case f.events <- event{fmt.Sprintf("00000000-0000-4000-8000-%012d", f.serial), body}:
	case <-f.exited:
		f.t.Fatalf("function has ended:\n%s", f.Output())
	case <-timeout:
		f.t.Fatalf("function took no event:\n%s", f.Output())
	}
	select {
	case a := <-f.answers:
		if f.answered == 0 {
			f.answered = time.Since(f.started)
		}
		if a.err != "" {
			return nil, fmt.Errorf("function error: %s", a.err)
		}
		return a.body, nil
	case <-f.exited:
		return nil, fmt.Errorf("function ended while it answered:\n%s", f.Output())
	case <-timeout:
		return nil, fmt.Errorf("function did not answer:\n%s", f.Output())
	}
}

func (f *Function) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.answers <- answer{body: body}
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", f.failed)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", f.failed)
	return mux
}

func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	select {
	case f.ready <- time.Since(f.started):
	default:
	}
	select {
	case e := <-f.events:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", e.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(Timeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:111122223333:function:test")
		_, _ = w.Write(e.body)
	case <-r.Context().Done():
	}
}

func (f *Function) failed(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.WriteHeader(http.StatusAccepted)
	select {
	case f.answers <- answer{err: string(body)}:
	default: // an error at init that nobody waits for; it is in the output, too
	}
}
