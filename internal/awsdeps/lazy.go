package awsdeps

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/headers"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// lazy is a handler that its first request makes. While that fails, requests
// are answered 503 and each tries once more; the calls behind it bound their
// own retries.
type lazy struct {
	open    func(context.Context) (http.Handler, error)
	log     *slog.Logger
	metrics obs.Metrics

	mu      sync.Mutex
	handler http.Handler
}

func (l *lazy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, err := l.get(r.Context())
	if err != nil {
		l.metrics.Count(obs.RequestFailed, map[string]string{obs.Reason: string(l.failed(r.Context(), err))})
		unavailable(w, r)
		return
	}
	h.ServeHTTP(w, r)
}

// Ready implements lambdahttp.Readier. No request failed, so none is counted.
func (l *lazy) Ready(ctx context.Context) error {
	_, err := l.get(ctx)
	if err != nil {
		return &idp.Error{Code: idp.Busy, Reason: l.failed(ctx, err), Err: err}
	}
	return nil
}

// failed logs why the handler could not be made.
func (l *lazy) failed(ctx context.Context, err error) idp.Reason {
	why := reason(err)
	l.log.ErrorContext(ctx, "function is not ready", "event", "lambda.start.failed",
		"reason", why, "status", http.StatusServiceUnavailable, "err", err)
	return why
}

func (l *lazy) get(ctx context.Context) (http.Handler, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handler != nil {
		return l.handler, nil
	}
	h, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	l.handler = h
	return h, nil
}

// reason is the log's word for what did not work.
func reason(err error) idp.Reason {
	var e *idp.Error
	switch {
	case errors.As(err, &e):
		return idp.Reason(e.LogReason())
	case errors.Is(err, keys.ErrKeyMismatch):
		return idp.KeyMismatch
	case errors.Is(err, keys.ErrUnavailable):
		return idp.KeyUnavailable
	case errors.Is(err, keys.ErrDenied):
		return idp.KeyDenied
	case errors.Is(err, table.ErrConflict): // another instance starts, too
		return idp.Reason(idp.Busy)
	case errors.Is(err, table.ErrUnavailable):
		return idp.StoreUnavailable
	case errors.Is(err, table.ErrDenied):
		return idp.StoreDenied
	case errors.Is(err, table.ErrCorrupt):
		return idp.StoreCorrupt
	case errors.Is(err, context.Canceled):
		return idp.ClientGone
	}
	return idp.Reason(idp.Internal)
}

// unavailable is the 503 of a program that cannot make pages yet: problem+json
// for the API, one sentence for a person.
func unavailable(w http.ResponseWriter, r *http.Request) {
	info := idp.Busy.Info()
	h := w.Header()
	h.Set("Retry-After", "2")
	headers.Set(h, true)
	if !strings.HasPrefix(r.URL.Path, "/v1/") {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(info.Status)
		_, _ = w.Write([]byte(info.Words + "\n"))
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(info.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"title": info.Title, "status": info.Status, "code": idp.Busy, "detail": info.Words, "retry": info.Retry,
	})
}
