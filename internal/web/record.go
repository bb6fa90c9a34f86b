package web

import (
	"context"
)

// Record collects what the one log line of a request says
// (security-requirements.md 3). Handlers fill it in as they learn.
type Record struct {
	CorrID string
	Reason string // of a refusal
	Detail string
	Err    string
	SP     string // entityID of a registered SP, or "unknown sha256:..." of the claimed one
	User   string // the user's random id
	SID    string
	UA     string // "Firefox 145 on Windows 11", from the fixed vocabulary
}

type recordKey struct{}

func withRecord(ctx context.Context, r *Record) context.Context {
	return context.WithValue(ctx, recordKey{}, r)
}

// RecordFrom is the record of the request; a fresh one outside of Wrap.
func RecordFrom(ctx context.Context) *Record {
	if r, ok := ctx.Value(recordKey{}).(*Record); ok {
		return r
	}
	return &Record{}
}
