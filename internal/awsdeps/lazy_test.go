package awsdeps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/table"
)

func TestFunctionAnswers503UntilItIsReady(t *testing.T) {
	failures := []struct {
		err    error
		reason string
	}{
		{fmt.Errorf("read master key: %w", table.ErrUnavailable), "store.unavailable"},
		{fmt.Errorf("unwrap master key: %w", keys.ErrUnavailable), "kms.unavailable"},
		{fmt.Errorf("test key: %w", keys.ErrKeyMismatch), "kms.key_mismatch"},
		{fmt.Errorf("save the first signing key: %w", table.ErrConflict), "busy"},
		{fmt.Errorf("read master key: %w", table.ErrDenied), "store.denied"},
		{fmt.Errorf("decode master key: %w", table.ErrCorrupt), "store.corrupt"},
		{fmt.Errorf("unwrap master key: %w", keys.ErrDenied), "kms.denied"},
		{context.Canceled, "client.gone"},
		{errors.New("a mistake of ours"), "internal"},
	}
	var log, metrics bytes.Buffer
	opened := 0
	h := &lazy{log: obs.NewLogger(&log, slog.LevelInfo, true), metrics: obs.EMF(&metrics, obs.Namespace, time.Now), open: func(context.Context) (http.Handler, error) {
		opened++
		if opened <= len(failures) {
			return nil, failures[opened-1].err
		}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), nil
	}}
	get := func(path string) *http.Response {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Result()
	}
	for _, f := range failures {
		t.Run("L13 "+f.reason, func(t *testing.T) {
			log.Reset()
			metrics.Reset()
			resp := get("/v1/healthz")
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %v, want 503 problem+json with Retry-After", resp.StatusCode, resp.Header)
			}
			if !strings.Contains(log.String(), `"reason":"`+f.reason+`"`) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("want one line with the reason %s, got:\n%s", f.reason, log.String())
			}
			if got := metrics.String(); !strings.Contains(got, `"RequestFailed":1`) || !strings.Contains(got, `"Reason":"`+f.reason+`"`) {
				t.Errorf("want it counted with the reason %s, got:\n%s", f.reason, got)
			}
		})
	}
	for range 2 {
		if resp := get("/login"); resp.StatusCode != http.StatusTeapot {
			t.Errorf("got %d once ready", resp.StatusCode)
		}
	}
	if opened != len(failures)+1 {
		t.Errorf("opened %d times, want %d", opened, len(failures)+1)
	}
}
