package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// heldUp are audit events that came while one was being written.
type heldUp struct {
	*fixture
	audit  *store.Audit
	writes atomic.Int64
	errs   []error // of each event, the first that came first
}

// holdUp lets the first event's write wait until n more have come, with ctx; with
// fail, theirs fail.
func holdUp(ctx context.Context, t *testing.T, n int, fail bool) *heldUp {
	t.Helper()
	masters, err := login.NewMasterKeys(map[int][]byte{1: bytes.Repeat([]byte{7}, 32)})
	ok(t, err)
	h := &heldUp{fixture: newStore(t), errs: make([]error, n+1)}
	h.audit = store.NewAudit(h.Store, rand.Reader, masters)
	begun, goOn := make(chan struct{}), make(chan struct{})
	h.faulty.Before = func(string, []table.Key) error {
		if h.writes.Add(1) == 1 {
			close(begun)
			<-goOn
		} else if fail {
			return table.ErrUnavailable
		}
		return nil
	}
	var all sync.WaitGroup
	all.Go(func() { h.errs[0] = h.audit.Write(context.Background(), idp.AuditEvent{Event: "first"}) })
	<-begun
	for i := range n {
		all.Go(func() { h.errs[i+1] = h.audit.Write(ctx, idp.AuditEvent{Event: fmt.Sprint(i)}) })
	}
	for h.audit.Waiting() < n {
		runtime.Gosched()
	}
	close(goOn)
	all.Wait()
	h.faulty.Before = nil
	return h
}

// chained lists the events in their order, each of which names the one before.
func (h *heldUp) chained(t *testing.T) []idp.AuditEvent {
	t.Helper()
	events, _, err := h.EventsInOrder(t.Context(), h.at().Time(), "", 0)
	ok(t, err)
	for i, e := range events {
		if !h.audit.Authentic(e) || i > 0 && e.Chain == events[i-1].Chain && (e.Prev != events[i-1].MAC || e.Seq != events[i-1].Seq+1) {
			t.Errorf("event %d is not chained: %+v", i, e)
		}
	}
	return events
}

func TestAuditEventsShareWrites(t *testing.T) {
	t.Run("those that wait are written together", func(t *testing.T) {
		h := holdUp(context.Background(), t, 120, false)
		for _, err := range h.errs {
			ok(t, err)
		}
		if events := h.chained(t); len(events) != 121 || events[120].Seq != 121 || h.writes.Load() != 4 {
			t.Errorf("%d events in %d writes, want 121 in 1 + 3", len(events), h.writes.Load())
		}
	})
	t.Run("whoever leaves does not fail the others", func(t *testing.T) {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		h := holdUp(gone, t, 10, false)
		for _, err := range h.errs {
			ok(t, err)
		}
		if events := h.chained(t); len(events) != 11 {
			t.Errorf("%d events", len(events))
		}
	})
	t.Run("a failure is told to each, and no event names one that may be missing", func(t *testing.T) {
		h := holdUp(context.Background(), t, 10, true)
		ok(t, h.errs[0])
		for _, err := range h.errs[1:] {
			is(t, err, &idp.Error{Code: idp.Busy, Reason: idp.StoreUnavailable})
		}
		ok(t, h.audit.Write(t.Context(), idp.AuditEvent{Event: "later"}))
		if events := h.chained(t); len(events) != 2 || events[0].Chain == events[1].Chain {
			t.Errorf("%+v", events)
		}
	})
}
