package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// auditKeep is how long audit events are kept.
const auditKeep = 400 * 24 * time.Hour

// AuditKeys bind events: *login.MasterKeys.
type AuditKeys interface {
	Newest() int
	AuditMAC(version int, bound []byte) ([]byte, error)
}

// Audit appends to the audit trail. One per process: it owns the monotonic
// source of event ids, and the chain in which each event names the one before
// (package auditchain says what that shows).
type Audit struct {
	store  *Store
	random io.Reader
	keys   AuditKeys // nil: events are not chained

	mu      sync.Mutex
	entropy io.Reader
	chain   string
	seq     int64
	prev    string
}

// NewAudit makes the trail's writer. keys is nil where a process must not have
// them: its events carry no chain.
func NewAudit(s *Store, random io.Reader, keys AuditKeys) *Audit {
	return &Audit{store: s, random: random, keys: keys, entropy: ulid.Monotonic(random, 0)}
}

// Write stores an event; it sets ID, At and its place in the chain. Events are
// written one after the other.
func (a *Audit) Write(ctx context.Context, e idp.AuditEvent) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.store.clock.Now()
	id, err := ulid.New(uint64(now), a.entropy) //nolint:gosec // milliseconds since 1970 are not negative
	if err != nil {
		return fmt.Errorf("make audit id: %w", err)
	}
	e.ID, e.At = id.String(), now
	if err := a.bind(&e); err != nil {
		return err
	}
	if _, err = put(ctx, a.store, auditKey(now.Time(), e.ID), 0, now.Time().Add(auditKeep), e); err != nil {
		a.chain = "" // it may be stored or not: the next event cannot name it
		return err
	}
	a.seq, a.prev = e.Seq, e.MAC
	return nil
}

// NotAudited is that a change was not made because its event could not be written.
func NotAudited(e idp.AuditEvent, err error) error {
	reason := idp.StoreUnavailable
	if idp.CodeOf(err) == idp.Busy {
		reason = idp.Reason(idp.AsError(err).LogReason())
	}
	return &idp.Error{Code: idp.Busy, Reason: reason, Detail: "audit write failed, " + e.Event + " not done", Err: err}
}

// bind gives an event its place in the chain of this process.
func (a *Audit) bind(e *idp.AuditEvent) error {
	if a.keys == nil {
		return nil
	}
	if a.chain == "" {
		id, err := idp.NewID(a.random)
		if err != nil {
			return err
		}
		a.chain, a.seq, a.prev = id, 0, ""
	}
	e.Chain, e.Seq, e.Prev = a.chain, a.seq+1, a.prev
	version := a.keys.Newest()
	mac, err := a.mac(version, *e)
	if err != nil {
		return err
	}
	e.MAC = strconv.Itoa(version) + "." + idp.Base64.EncodeToString(mac)
	return nil
}

func (a *Audit) mac(version int, e idp.AuditEvent) ([]byte, error) {
	bound, err := e.Bound()
	if err != nil {
		return nil, fmt.Errorf("encode audit event: %w", err)
	}
	return a.keys.AuditMAC(version, bound)
}

// Authentic reports whether an event is as one of our processes wrote it.
func (a *Audit) Authentic(e idp.AuditEvent) bool {
	number, value, _ := strings.Cut(e.MAC, ".")
	version, err := strconv.Atoi(number)
	got, bad := idp.DecodeBase64(value, sha256.Size)
	if a.keys == nil || err != nil || bad != nil {
		return false
	}
	want, err := a.mac(version, e)
	return err == nil && idp.Equal(got, want)
}

func auditKey(day time.Time, id string) table.Key {
	return table.Key{PK: "AUDIT#" + day.UTC().Format(time.DateOnly), SK: id}
}

// Events lists the events of one day (UTC), newest first, up to limit, after a
// cursor.
func (s *Store) Events(ctx context.Context, day time.Time, after string, limit int) (out []idp.AuditEvent, next string, err error) {
	return s.events(ctx, table.Query{PK: auditKey(day, "").PK, After: after, Reverse: true}, limit)
}

// EventsInOrder is Events, oldest first.
func (s *Store) EventsInOrder(ctx context.Context, day time.Time, after string, limit int) (out []idp.AuditEvent, next string, err error) {
	return s.events(ctx, table.Query{PK: auditKey(day, "").PK, After: after}, limit)
}

func (s *Store) events(ctx context.Context, q table.Query, limit int) (out []idp.AuditEvent, next string, err error) {
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
