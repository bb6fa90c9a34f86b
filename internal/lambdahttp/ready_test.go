package lambdahttp_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
)

// readier is a handler that may need something first.
type readier struct {
	err    error
	asked  int
	served int
}

func (r *readier) ServeHTTP(http.ResponseWriter, *http.Request) { r.served++ }

func (r *readier) Ready(ctx context.Context) error {
	r.asked++
	return errors.Join(r.err, ctx.Err())
}

// TestReady: L1, one sentence is answered to who may invoke the function, by the
// program; what is near it is refused like anything else.
func TestReady(t *testing.T) {
	var log bytes.Buffer
	opts := lambdahttp.Options{
		Domains: []string{domain}, Log: slog.New(slog.NewJSONHandler(&log, nil)),
		ViaCloudFront: func(context.Context, string) (bool, error) { return false, nil },
	}
	for name, c := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"ready":       {nil, http.StatusOK, ""},
		"not allowed": {&idp.Error{Code: idp.Busy, Reason: idp.StoreDenied, Detail: "secret words"}, http.StatusServiceUnavailable, "store.denied"},
		"other error": {errors.New("secret words"), http.StatusServiceUnavailable, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &readier{err: c.err}
			resp, err := lambdahttp.Handler(h, opts)(t.Context(), []byte(lambdahttp.ReadyEvent))
			if err != nil || resp.StatusCode != c.status || resp.Body != c.body || len(resp.Headers) > 0 || h.asked != 1 || h.served != 0 {
				t.Errorf("%+v, %v, %+v", resp, err, h)
			}
		})
	}
	t.Run("a handler that needs nothing", func(t *testing.T) {
		if resp, err := lambdahttp.Handler(http.NotFoundHandler(), opts)(t.Context(), []byte(lambdahttp.ReadyEvent)); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%+v, %v", resp, err)
		}
	})
	for _, event := range []string{
		`{"latchkey":"ready"}`, `{"Latchkey":"ready?"}`, `{"latchkey":"ready?","version":"2.0"}`, `"ready?"`, `["latchkey","ready?"]`, `{"latchkey":"ready?"}{}`, ``, `null`,
		`{"version":"2.0","latchkey":"ready?"}`,
	} {
		t.Run("L1 "+event, func(t *testing.T) {
			log.Reset()
			h := &readier{}
			if _, err := lambdahttp.Handler(h, opts)(t.Context(), []byte(event)); err == nil || h.asked+h.served > 0 {
				t.Errorf("%v, %+v", err, h)
			}
			if !strings.Contains(log.String(), `"reason":"event.unknown"`) {
				t.Error(log.String())
			}
		})
	}
}
