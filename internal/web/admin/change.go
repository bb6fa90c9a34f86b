package admin

import (
	"context"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// Outcomes of audit events.
const (
	outcomeOK     = "ok"
	outcomeFailed = "failed"
)

// change writes the audit event and then makes the change, in this order: what
// cannot be recorded is not done. A change that fails afterwards leaves a
// second event that says so.
func (h *gate) change(ctx context.Context, e idp.AuditEvent, do func() error) error {
	client := idp.ClientFrom(ctx)
	e.Actor, e.IP, e.Place, e.Outcome = actor(ctx), client.IP, client.Place, outcomeOK
	if err := h.Audit.Write(ctx, e); err != nil {
		return store.NotAudited(e, err)
	}
	if err := do(); err != nil {
		err = told(err)
		e.Outcome = outcomeFailed
		e.Detail = withDetail(e.Detail, "code", string(idp.CodeOf(err)))
		h.Record(ctx, e)
		return err
	}
	return nil
}

func withDetail(detail map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range detail {
		out[k] = v
	}
	return out
}

// told gives the errors of the store the code that the caller hears.
func told(err error) error {
	var known *idp.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, store.ErrNotFound):
		return &idp.Error{Code: idp.NotFound, Err: err}
	case errors.Is(err, store.ErrExists):
		return &idp.Error{Code: idp.Conflict, Detail: err.Error(), Err: err}
	case errors.Is(err, store.ErrConflict):
		return &idp.Error{Code: idp.VersionMismatch, Err: err}
	case errors.Is(err, table.ErrTooLarge):
		return &idp.Error{Code: idp.Invalid, Detail: "these settings are too large to be stored", Err: err}
	}
	return err
}
