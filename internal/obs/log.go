package obs

import (
	"io"
	"log/slog"
	"reflect"
)

// hidden replaces a value that the log must not hold.
const hidden = "[not logged]"

// allowedKeys is the closed list of what a log line may say, besides the time,
// level and message (security-requirements.md 3).
var allowedKeys = map[string]bool{
	slog.TimeKey: true, slog.LevelKey: true, slog.MessageKey: true, slog.SourceKey: true,

	// What happened.
	"event": true, "reason": true, "code": true, "err": true, "error": true, "detail": true, "outcome": true,
	"corr_id": true, "request_id": true, "deployment": true, "latency": true, "latency_ms": true, "attempt": true, "count": true, "bytes": true,
	"retry_after": true,

	// How many, and what became of them: the metadata refresh, the verification
	// of the audit trail.
	"unchanged": true, "applied": true, "pending": true, "failed": true, "left": true, "errors": true,
	"hour": true, "since": true, "checkpoint": true, "events": true, "mac": true, "unauthenticated": true, "unanswered": true, "finding": true, "findings": true,

	// To whom: registered or pseudonymous names only.
	"sp": true, "user": true, "actor": true, "ip": true, "ua_hash": true, "place": true,
	"login": true, "sid": true, "device": true, "cred": true, "assertion_id": true, "invite": true,
	"state": true, "acr": true, "binding": true, "id": true,

	// Where.
	"method": true, "route": true, "status": true, "host": true, "function": true, "stack": true,

	// The program itself.
	"version": true, "issuer": true, "key": true, "alg": true, "kv": true, "table": true,
	"addr": true, "url": true, "dir": true, "file": true, "setting": true, "expires": true,
}

// NewLogger returns a logger that writes one line per record, JSON or text,
// and masks what must never be logged (see the package's invariants).
func NewLogger(w io.Writer, level slog.Level, json bool) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if json {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// redact is called for every attribute that is not a group, its value resolved.
func redact(_ []string, a slog.Attr) slog.Attr {
	if !allowedKeys[a.Key] {
		return slog.String(a.Key, hidden)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, scrub(a.Value.String()))
	case slog.KindDuration:
		return slog.Float64(a.Key, float64(a.Value.Duration().Microseconds())/1000) // milliseconds
	case slog.KindAny:
		return slog.Attr{Key: a.Key, Value: plain(a.Value.Any())}
	}
	return a
}

// plain admits errors and scalars of named types; anything with insides
// (requests, headers, bytes, structs) is hidden.
func plain(v any) slog.Value {
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return slog.StringValue(scrub(v.Error()))
	case slog.Level, *slog.Source:
		return slog.AnyValue(v)
	}
	r := reflect.ValueOf(v)
	switch {
	case r.Kind() == reflect.String:
		return slog.StringValue(scrub(r.String()))
	case r.CanInt():
		return slog.Int64Value(r.Int())
	case r.CanUint():
		return slog.Uint64Value(r.Uint())
	}
	return slog.StringValue(hidden)
}
