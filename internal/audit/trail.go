package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// Trail appends to the audit trail. One per process: it owns the monotonic
// source of event ids, and its chains.
//
// A write has a chain of its own for as long as it takes, so there are as many
// chains as there were writes at once, and no write waits for another.
type Trail struct {
	store  *store.Store
	sealer sealer
	clock  idp.Clock

	mu      sync.Mutex
	entropy io.Reader
	free    []*chain // those that no write is using
}

// chain is where a chain ends.
type chain struct {
	id, hour string
	n        int
	last     string // id of its last event
	mac      []byte
}

// NewTrail makes the trail's writer. Without masters its events are chained by
// plain hashes, which only a checkpoint protects.
func NewTrail(s *store.Store, masters *login.MasterKeys, clock idp.Clock, random io.Reader) *Trail {
	return &Trail{store: s, sealer: sealer{masters}, clock: clock, entropy: ulid.Monotonic(random, 0)}
}

// Write stores an event; it sets ID and At.
func (t *Trail) Write(ctx context.Context, e idp.AuditEvent) error {
	id, now, c, err := t.take()
	if err != nil {
		return err
	}
	e.ID, e.At = id, now
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode audit event: %w", err)
	}
	seal := &idp.AuditSeal{Chain: c.id, N: c.n + 1, Key: t.sealer.newest(), Prev: c.mac}
	if seal.MAC, err = t.sealer.event(dayOf(now.Time()), id, value, seal); err != nil {
		return fmt.Errorf("seal audit event: %w", err)
	}
	if err := t.store.AppendAudit(ctx, now.Time(), id, value, seal); err != nil {
		return err // nobody knows whether it was stored: the chain ends here
	}
	c.n, c.last, c.mac = seal.N, id, seal.MAC
	t.mu.Lock()
	t.free = append(t.free, c)
	t.mu.Unlock()
	return nil
}

// take names the next event and finds the chain that it continues. A chain
// stays within its hour, and its events in the order of their ids although the
// clock may be set back.
func (t *Trail) take() (id string, now idp.Millis, c *chain, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now = t.clock.Now()
	made, err := ulid.New(uint64(now), t.entropy) //nolint:gosec // milliseconds since 1970 are not negative
	if err != nil {
		return "", 0, nil, fmt.Errorf("make audit id: %w", err)
	}
	id = made.String()
	hour := now.Time().UTC().Format(idp.AuditHour)
	for len(t.free) > 0 {
		c, t.free = t.free[len(t.free)-1], t.free[:len(t.free)-1]
		if c.hour == hour && c.last < id {
			return id, now, c, nil
		}
	}
	return id, now, &chain{id: id, hour: hour}, nil
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }
