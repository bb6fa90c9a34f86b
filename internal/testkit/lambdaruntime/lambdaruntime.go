// Package lambdaruntime runs a real `bootstrap` binary as the Lambda service
// would: it serves the Lambda Runtime API (2018-06-01), feeds events and
// collects answers. Between two events the process is frozen, as Lambda does.
package lambdaruntime

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// startTime bounds how long a function may take to ask for its first event.
const startTime = 30 * time.Second

// MaxPayload is what a synchronous invocation and its answer may have: 6 MB
// (Lambda quotas, "Invocation payload").
const MaxPayload = 6 << 20

// What Lambda answers instead of the function.
var (
	ErrTooLarge = errors.New("payload over 6 MB")
	ErrTimeout  = errors.New("task timed out")
	ErrFunction = errors.New("function error")
)

// Options are the settings of a function.
type Options struct {
	Name    string        // empty: test
	Env     []string      // "NAME=value", on top of what Lambda gives
	Timeout time.Duration // 0: 15 s
}

// Function is one instance of a function. It takes one event at a time.
type Function struct {
	options Options
	started time.Time
	cmd     *exec.Cmd
	api     *httptest.Server
	output  *os.File

	events  chan event
	answers chan answer
	idle    chan struct{} // holds one while the process waits for an event, frozen
	begun   chan struct{} // closed when it asks for the first one
	exited  chan struct{}

	mu       sync.Mutex
	ready    time.Duration // process start to that
	answered time.Duration // process start to the first answer
	serial   int
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
	f, err := Launch(binary, Options{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

// Launch runs the binary until Stop.
func Launch(binary string, o Options) (*Function, error) {
	if o.Name == "" {
		o.Name = "test"
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	// A file, not a pipe: what the function wrote before it answered is there
	// when the answer is.
	output, err := os.CreateTemp("", "function-output")
	if err != nil {
		return nil, fmt.Errorf("start function: %w", err)
	}
	f := &Function{
		options: o, output: output, events: make(chan event), answers: make(chan answer, 1),
		idle: make(chan struct{}, 1), begun: make(chan struct{}), exited: make(chan struct{}),
	}
	f.api = httptest.NewServer(f.routes())
	f.cmd = exec.Command(binary)
	f.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(f.api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=" + o.Name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"PATH=" + os.Getenv("PATH"), "TZ=:UTC",
	}, o.Env...)
	f.cmd.Stdout, f.cmd.Stderr = output, output
	f.mu.Lock() // the process may ask for an event before Start returns
	f.started = time.Now()
	err = f.cmd.Start()
	f.mu.Unlock()
	if err != nil {
		f.api.Close()
		return nil, fmt.Errorf("start function: %w", err)
	}
	go func() {
		_ = f.cmd.Wait()
		close(f.exited)
	}()
	return f, nil
}

// Stop ends the process.
func (f *Function) Stop() {
	_ = f.cmd.Process.Kill()
	<-f.exited
	f.api.CloseClientConnections()
	f.api.Close()
	_ = f.output.Close()
	_ = os.Remove(f.output.Name())
}

// Ready waits until the function asks for its first event and returns how long
// that took from the start of the process.
func (f *Function) Ready() (time.Duration, error) {
	select {
	case <-f.begun:
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.ready, nil
	case <-f.exited:
	case <-time.After(startTime):
	}
	return 0, fmt.Errorf("function did not start:\n%s", f.Output())
}

// FirstAnswer is the time from the start of the process to its first answer,
// or zero before that.
func (f *Function) FirstAnswer() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answered
}

// Output is what the function has written to stdout and stderr.
func (f *Function) Output() string {
	b, err := os.ReadFile(f.output.Name())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Invoke hands the function an event and returns its answer, or the error that
// it reported.
func (f *Function) Invoke(body []byte) (events.APIGatewayV2HTTPResponse, error) {
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

// InvokeRaw is Invoke for functions whose answer is not an HTTP response. A
// function that took longer than its timeout is of no use any more.
func (f *Function) InvokeRaw(body []byte) ([]byte, error) {
	if len(body) > MaxPayload {
		return nil, ErrTooLarge
	}
	if _, err := f.Ready(); err != nil {
		return nil, err
	}
	timeout := time.NewTimer(f.options.Timeout)
	defer timeout.Stop()
	select {
	case <-f.idle:
	case <-f.exited:
		return nil, fmt.Errorf("function has ended:\n%s", f.Output())
	case <-timeout.C:
		return nil, fmt.Errorf("%w: it asked for no event", ErrTimeout)
	}
	f.serial++
	f.Thaw()
	f.events <- event{fmt.Sprintf("00000000-0000-4000-8000-%012d", f.serial), body}
	select {
	case a := <-f.answers:
		f.first()
		switch {
		case a.err != "":
			return nil, fmt.Errorf("%w: %s", ErrFunction, a.err)
		case len(a.body) > MaxPayload:
			return nil, fmt.Errorf("%w: %w", ErrFunction, ErrTooLarge)
		}
		return a.body, nil
	case <-f.exited:
		return nil, fmt.Errorf("function ended while it answered:\n%s", f.Output())
	case <-timeout.C:
		_ = f.cmd.Process.Kill()
		return nil, ErrTimeout
	}
}

func (f *Function) first() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answered == 0 {
		f.answered = time.Since(f.started)
	}
}

// freeze stops the process until Thaw: what it does after it has answered is
// not done until the next event, or never.
func (f *Function) freeze() { _ = f.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets the process run, as each event does.
func (f *Function) Thaw() { _ = f.cmd.Process.Signal(syscall.SIGCONT) }

// Process is the number of the program's process.
func (f *Function) Process() int { return f.cmd.Process.Pid }
