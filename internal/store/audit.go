package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// auditKeep is how long audit events are kept.
const auditKeep = 400 * 24 * time.Hour

// Audit appends to the audit trail. One per process: it owns the monotonic
// source of event ids.
type Audit struct {
	store *Store

	mu      sync.Mutex
	entropy io.Reader
}

// NewAudit makes the trail's writer.
func NewAudit(s *Store, random io.Reader) *Audit {
	return &Audit{store: s, entropy: ulid.Monotonic(random, 0)}
}

// Write stores an event; it sets ID and At.
func (a *Audit) Write(ctx context.Context, e idp.AuditEvent) error {
	now := a.store.clock.Now()
	a.mu.Lock()
	id, err := ulid.New(uint64(now), a.entropy) //nolint:gosec // milliseconds since 1970 are not negative
	a.mu.Unlock()
	if err != nil {
		return fmt.Errorf("make audit id: %w", err)
	}
	e.ID, e.At = id.String(), now
	_, err = put(ctx, a.store, auditKey(now.Time(), e.ID), 0, now.Time().Add(auditKeep), e)
	return err
}

func auditKey(day time.Time, id string) table.Key {
	return table.Key{PK: "AUDIT#" + day.UTC().Format(time.DateOnly), SK: id}
}

// Events lists the events of one day (UTC), newest first, up to limit, after a
// cursor.
func (s *Store) Events(ctx context.Context, day time.Time, after string, limit int) (out []idp.AuditEvent, next string, err error) {
	q := table.Query{PK: auditKey(day, "").PK, After: after, Reverse: true}
	next, err = list(ctx, s, q, limit, func(v *idp.AuditEvent, _ int64) { out = append(out, *v) })
	return out, next, err
}

// Secret reads a stored secret value (wrapped by its writer); ErrNotFound.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	v, _, err := get[[]byte](ctx, s, table.Key{PK: "SECRET", SK: name})
	return v, err
}

// CreateSecret stores a wrapped secret if there is none of that name; ErrExists.
func (s *Store) CreateSecret(ctx context.Context, name string, wrapped []byte) error {
	_, err := put(ctx, s, table.Key{PK: "SECRET", SK: name}, 0, time.Time{}, wrapped)
	if errors.Is(err, ErrConflict) {
		return ErrExists
	}
	return err
}
