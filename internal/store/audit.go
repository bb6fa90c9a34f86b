package store

import (
	"context"
	"crypto/sha256"
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

	mu    sync.Mutex
	queue []*queued

	writing sync.Mutex // held by who writes a batch; guards what follows
	entropy io.Reader
	chain   string
	seq     int64
	prev    string
}

// queued is an event that waits to be written.
type queued struct {
	event idp.AuditEvent
	done  chan error // has room for the result
}

// maxEvents is how many events are written at once. The chain makes events wait
// for one another, so those that came meanwhile share the next write.
const maxEvents = 50

// NewAudit makes the trail's writer. keys is nil where a process must not have
// them: its events carry no chain.
func NewAudit(s *Store, random io.Reader, keys AuditKeys) *Audit {
	return &Audit{store: s, random: random, keys: keys, entropy: ulid.Monotonic(random, 0)}
}

// Write stores an event; it sets ID, At and its place in the chain. Events are
// written one after the other: whoever can write, writes all that wait.
func (a *Audit) Write(ctx context.Context, e idp.AuditEvent) error {
	own := &queued{event: e, done: make(chan error, 1)}
	a.mu.Lock()
	a.queue = append(a.queue, own)
	a.mu.Unlock()
	a.writing.Lock()
	defer a.writing.Unlock()
	for {
		select {
		case err := <-own.done:
			return err
		default:
			a.writeNext(ctx)
		}
	}
}

// writeNext writes the events that have waited longest, all or none.
func (a *Audit) writeNext(ctx context.Context) {
	a.mu.Lock()
	n := min(len(a.queue), maxEvents)
	batch := a.queue[:n:n]
	a.queue = a.queue[n:]
	a.mu.Unlock()
	if n > 1 {
		ctx = context.WithoutCancel(ctx) // they are of others, too
	}
	err := a.write(ctx, batch)
	if err != nil {
		a.chain = "" // they may be stored or not: the next event cannot name them
	}
	for _, q := range batch {
		q.done <- err
	}
}

func (a *Audit) write(ctx context.Context, batch []*queued) error {
	now := a.store.clock.Now()
	ops := make([]table.Op, len(batch))
	for i, q := range batch {
		id, err := ulid.New(uint64(now), a.entropy) //nolint:gosec // milliseconds since 1970 are not negative
		if err != nil {
			return fmt.Errorf("make audit id: %w", err)
		}
		q.event.ID, q.event.At = id.String(), now
		if err := a.bind(&q.event); err != nil {
			return err
		}
		a.seq, a.prev = q.event.Seq, q.event.MAC
		item, err := itemOf(auditKey(now.Time(), q.event.ID), 0, now.Time().Add(auditKeep), q.event)
		if err != nil {
			return err
		}
		ops[i].Put = &item
	}
	if len(ops) == 1 { // in a function always, which has one request at a time
		_, err := a.store.table.Put(ctx, *ops[0].Put)
		return outside("write audit event", err)
	}
	return outside("write audit events", a.store.table.Transact(ctx, ops...))
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
