package precheck_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
	"github.com/latchkey-idp/latchkey/internal/precheck"
)

const (
	sso = "arn:aws:lambda:eu-central-1:111122223333:function:latchkey-sso:7"
	slo = "arn:aws:lambda:eu-central-1:111122223333:function:latchkey-slo:3"
)

// fakeAWS is Lambda and CodeDeploy.
type fakeAWS struct {
	answers map[string]http.HandlerFunc // by version; others are ready
	down    bool                        // CodeDeploy

	mu    sync.Mutex
	asked []string
	told  []string
}

func (f *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("X-Amz-Target") == "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus" {
		var in struct {
			Deployment string `json:"deploymentId"`
			Hook       string `json:"lifecycleEventHookExecutionId"`
			Status     string `json:"status"`
		}
		if f.down || json.Unmarshal(body, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		f.told = append(f.told, in.Deployment+" "+in.Hook+" "+in.Status)
		_, _ = io.WriteString(w, `{}`)
		return
	}
	_, rest, _ := strings.Cut(r.URL.Path, "/functions/")
	version, _ := strings.CutSuffix(rest, "/invocations")
	f.asked = append(f.asked, version)
	if string(body) != lambdahttp.ReadyEvent {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if answer := f.answers[version]; answer != nil {
		answer(w, r)
		return
	}
	_, _ = io.WriteString(w, `{"statusCode":200,"headers":null,"body":""}`)
}

func text(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if len(header) == 2 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// check makes the hook with its AWS.
func check(t *testing.T, f *fakeAWS, versions string) (*precheck.Checker, *bytes.Buffer) {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "TESTONLY", "AWS_SECRET_ACCESS_KEY": "TEST ONLY",
		"AWS_ENDPOINT_URL_LAMBDA": server.URL, "AWS_ENDPOINT_URL_CODEDEPLOY": server.URL,
	} {
		t.Setenv(name, value)
	}
	log := &bytes.Buffer{}
	c, err := precheck.New(t.Context(), versions, log)
	if err != nil {
		t.Fatal(err)
	}
	return c, log
}

var event = precheck.Event{Deployment: "d-1", Hook: "hook-1"}

func TestAllReady(t *testing.T) {
	f := &fakeAWS{}
	c, log := check(t, f, sso+","+slo)
	if err := c.Run(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.asked, []string{sso, slo}) || !slices.Equal(f.told, []string{"d-1 hook-1 Succeeded"}) {
		t.Errorf("asked %v, told %v\n%s", f.asked, f.told, log)
	}
	if out := log.String(); !strings.Contains(out, `"deployment":"d-1"`) || !strings.Contains(out, `"status":"Succeeded"`) {
		t.Error(out)
	}
}

func TestOneIsNot(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"it is not ready":             {text(200, `{"statusCode":503,"body":"kms.denied"}`), "kms.denied"},
		"it ends at once":             {text(200, `{"errorType":"Runtime.ExitError","errorMessage":"exit status 1"}`, "X-Amz-Function-Error", "Unhandled"), "Runtime.ExitError"},
		"an older one: unknown event": {text(200, `{"errorMessage":"event.unknown"}`, "X-Amz-Function-Error", "Unhandled"), "event.unknown"},
		"no answer of a function":     {text(200, `"ok"`), "read its answer"},
		"it is not there":             {text(404, `{"Message":"no"}`, "X-Amzn-Errortype", "ResourceNotFoundException"), "ResourceNotFoundException"},
		"it may not be invoked":       {text(403, `{"Message":"no"}`, "X-Amzn-Errortype", "AccessDeniedException"), "AccessDeniedException"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeAWS{answers: map[string]http.HandlerFunc{sso: c.answer}}
			hook, log := check(t, f, sso+","+slo)
			if err := hook.Run(t.Context(), event); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.told, []string{"d-1 hook-1 Failed"}) || !slices.Contains(f.asked, slo) {
				t.Errorf("told %v, asked %v", f.told, f.asked)
			}
			if out := log.String(); !strings.Contains(out, c.says) || !strings.Contains(out, `"function":"`+sso) || strings.Contains(out, `"function":"`+slo) {
				t.Error(out)
			}
		})
	}
}

// TestTimeRunsOut: what is not answered in time has failed, and CodeDeploy hears of it.
func TestTimeRunsOut(t *testing.T) {
	f := &fakeAWS{answers: map[string]http.HandlerFunc{sso: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}}
	hook, _ := check(t, f, sso+","+slo)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second+200*time.Millisecond)
	defer cancel()
	if err := hook.Run(ctx, event); err != nil || !slices.Equal(f.told, []string{"d-1 hook-1 Failed"}) {
		t.Errorf("%v, told %v", err, f.told)
	}
}

func TestCodeDeployIsAway(t *testing.T) {
	f := &fakeAWS{down: true}
	hook, log := check(t, f, sso)
	if err := hook.Run(t.Context(), event); err == nil || !strings.Contains(log.String(), "CodeDeploy could not be told") {
		t.Errorf("%v\n%s", err, log)
	}
}

func TestNotCodeDeploy(t *testing.T) {
	f := &fakeAWS{}
	hook, log := check(t, f, sso)
	for _, e := range []precheck.Event{{}, {Deployment: "d-1"}, {Hook: "hook-1"}} {
		if err := hook.Run(t.Context(), e); err == nil || len(f.asked)+len(f.told) > 0 {
			t.Errorf("%v, asked %v, told %v", err, f.asked, f.told)
		}
	}
	if !strings.Contains(log.String(), `"reason":"event.unknown"`) {
		t.Error(log)
	}
}

func TestNobodyToAsk(t *testing.T) {
	if _, err := precheck.New(t.Context(), "", io.Discard); err == nil {
		t.Error("a hook that asks nobody says that all is well")
	}
}
