package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/latchkey-idp/latchkey/internal/headers"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
)

// ReportsPath is where browsers send reports of violations of a page's policy.
const ReportsPath = "/v1/reports"

// maxBody bounds every request body; handlers may set lower bounds.
const maxBody = 2 << 20

// Wrap is the middleware of every function: reference, recovery, headers,
// host, path, cookie and size rules, and the log line.
func (s *Site) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Clock()
		rec := &Record{CorrID: s.reference(start)}
		r = r.WithContext(withRecord(r.Context(), rec))
		out := &recorder{ResponseWriter: w}
		headers.Set(out.Header(), !s.Config.Local())
		defer func() {
			if p := recover(); p != nil {
				rec.Reason, rec.Err = string(idp.Panic), describe(p)
				s.Log.ErrorContext(r.Context(), "panic", "corr_id", rec.CorrID, "stack", string(debug.Stack()))
				if out.status == 0 {
					s.refuse(out, r, &idp.Error{Code: idp.Internal, Reason: idp.Panic})
				}
			}
			s.line(r, rec, out, s.Clock().Sub(start))
		}()
		if err := s.admit(r); err != nil {
			s.refuse(out, r, err)
			return
		}
		r.Body = http.MaxBytesReader(out, r.Body, maxBody)
		next.ServeHTTP(out, r)
	})
}

// describe says what panicked: the text of the runtime's own errors, else only
// the type, because a value may hold what must not be logged.
func describe(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// reference makes the id that a person can read out to an administrator.
func (s *Site) reference(now time.Time) string {
	id, err := ulid.New(ulid.Timestamp(now), s.Random)
	if err != nil {
		return "unavailable"
	}
	return id.String()
}

// admit judges what no handler should see.
func (s *Site) admit(r *http.Request) error {
	if !strings.EqualFold(r.Host, s.Config.Host()) {
		return &idp.Error{Code: idp.Misdirected, Reason: idp.HostUnknown}
	}
	// One spelling for each resource: what is not canonical does not exist.
	if p := r.URL.Path; p == "" || p != path.Clean(p) || strings.ContainsAny(r.URL.EscapedPath(), "%\\") {
		return idp.E(idp.NotFound, "path is not canonical")
	}
	seen := map[string]bool{}
	for _, c := range r.Cookies() {
		if seen[c.Name] && s.ours(c.Name) {
			return &idp.Error{Code: idp.BadRequest, Reason: idp.DuplicateCookie, Detail: c.Name}
		}
		seen[c.Name] = true
	}
	return nil
}

// refuse renders an error where no handler has chosen how: problem+json for
// the API, a page for everything else.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		s.Problem(w, r, err)
		return
	}
	s.ErrorPage(w, r, err)
}

// line writes the request's one log line, and counts it if it failed.
func (s *Site) line(r *http.Request, rec *Record, out *recorder, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case out.status >= 500:
		level = slog.LevelError
		s.Metrics.Count(obs.RequestFailed, map[string]string{obs.Reason: cmp.Or(rec.Reason, string(idp.Internal))})
	case out.status >= 400:
		level = slog.LevelWarn
	}
	ua := sha256.Sum256([]byte(r.UserAgent()))
	attrs := []slog.Attr{
		slog.String("event", "request"),
		slog.String("method", clip(r.Method, 16)),
		slog.String("route", clip(strings.TrimSpace(r.Pattern), 80)),
		slog.Int("status", out.status),
		slog.String("corr_id", rec.CorrID),
		slog.Float64("latency_ms", float64(took.Microseconds())/1000),
		slog.String("ip", idp.ClientFrom(r.Context()).IP),
		slog.String("ua_hash", hex.EncodeToString(ua[:6])),
	}
	for _, a := range []struct{ key, value string }{
		{"reason", rec.Reason}, {"detail", clip(rec.Detail, 500)}, {"error", clip(rec.Err, 500)},
		{"sp", rec.SP}, {"user", rec.User}, {"sid", rec.SID},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	s.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// NotFound answers paths without a route.
func (s *Site) NotFound() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, &idp.Error{Code: idp.NotFound})
	})
}

// MethodNotAllowed answers a known path with the wrong method.
func (s *Site) MethodNotAllowed(allow ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		s.refuse(w, r, &idp.Error{Code: idp.MethodNotAllow})
	})
}

// recorder remembers the status for the log line.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
		r.ResponseWriter.WriteHeader(status)
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
