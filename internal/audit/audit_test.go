package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

func TestEvents(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		trail := w.trail()
		for n := range 150 {
			must(t, trail.Write(t.Context(), idp.AuditEvent{Event: fmt.Sprint(n)}))
		}
		w.at(noon.Add(24 * time.Hour))
		must(t, trail.Write(t.Context(), idp.AuditEvent{Event: "the next day"}))
		w.at(noon)
		var got []string
		for after := ""; ; {
			page, next, err := w.store.Events(t.Context(), noon, after, 100)
			must(t, err)
			for _, e := range page {
				got = append(got, e.Event)
			}
			if after = next; after == "" {
				break
			}
		}
		if len(got) != 150 || got[0] != "149" || got[149] != "0" {
			t.Errorf("%d events, %v", len(got), got[:min(3, len(got))])
		}
	})
}

// TestWritersAtOnce: many writers in many processes need no retry, and what
// they wrote verifies. Each event costs one write.
func TestWritersAtOnce(t *testing.T) {
	const processes, writers, events = 3, 8, 20
	engines(t, func(t *testing.T, w *world) {
		w.close(noon.Add(-50 * time.Minute))
		w.at(noon)
		w.count.Take()
		var all sync.WaitGroup
		for range processes {
			trail := w.trail()
			for range writers {
				all.Go(func() {
					for range events {
						w.now.Add(1)
						if err := trail.Write(context.Background(), idp.AuditEvent{Event: "test"}); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		all.Wait()
		if c := w.count.Take(); c != (tabletest.Counts{WriteRequests: processes * writers * events, WriteItems: processes * writers * events}) {
			t.Errorf("AD10 it cost %+v", c)
		}
		w.close(noon.Add(time.Hour + 10*time.Minute))
		want(t, w.found(), nil)
		if h := w.verify()[12]; h.Events != processes*writers*events || h.Chains < processes || h.Chains > processes*writers {
			t.Errorf("%d events in %d chains", h.Events, h.Chains)
		}
	})
}

// TestSlowWrite: a write that takes long holds up no other.
func TestSlowWrite(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		trail, begun, end := w.trail(), make(chan struct{}), make(chan struct{})
		var first sync.Once
		w.table.Before = func(op string, _ []table.Key) error {
			slow := false
			if op == "put" {
				first.Do(func() { slow = true })
			}
			if slow {
				close(begun)
				<-end
			}
			return nil
		}
		var slow sync.WaitGroup
		slow.Go(func() {
			if err := trail.Write(context.Background(), idp.AuditEvent{Event: "slow"}); err != nil {
				t.Error(err)
			}
		})
		<-begun
		w.write(trail, 2)
		close(end)
		slow.Wait()
		want(t, w.found(), nil)
		if h := w.verify()[12]; h.Events != 3 || h.Chains != 2 {
			t.Errorf("%+v", h)
		}
	})
}

// TestFailedWrite: AD10, a write that fails, and one that only seems to, leave a
// trail that verifies.
func TestFailedWrite(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		w.close(noon.Add(-50 * time.Minute))
		w.at(noon)
		trail := w.trail()
		w.write(trail, 2)
		fail := func(string, []table.Key) error { return table.ErrUnavailable }
		for _, hook := range []*tabletest.Hook{&w.table.Before, &w.table.After} {
			*hook = fail
			err := trail.Write(t.Context(), idp.AuditEvent{Event: "lost?"})
			if !errors.Is(err, &idp.Error{Code: idp.Busy, Reason: idp.StoreUnavailable}) {
				t.Errorf("AD10 %v", err)
			}
			*hook = nil
			w.write(trail, 2)
		}
		w.close(noon.Add(time.Hour + 10*time.Minute))
		want(t, w.found(), nil)
		if h := w.verify()[12]; h.Events != 7 || h.Chains != 3 {
			t.Errorf("%+v", h)
		}
	})
}

// TestClock: chains end with their hour, and where the clock is set back.
func TestClock(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		w.close(noon.Add(-50 * time.Minute))
		trail := w.trail()
		w.at(noon.Add(30 * time.Minute))
		w.write(trail, 2)
		w.at(noon.Add(20 * time.Minute))
		w.write(trail, 2)
		w.at(noon.Add(time.Hour))
		w.write(trail, 2)
		w.close(noon.Add(2*time.Hour + 10*time.Minute))
		want(t, w.found(), nil)
		hours := w.verify()
		if hours[12].Chains != 2 || hours[13].Chains != 1 || hours[13].Number != hours[12].Number+1 || hours[14].State != audit.Open || len(hours) != 15 {
			t.Errorf("%+v", hours[12:])
		}
	})
}

// TestCheckpointsMissed: AD10, what was not closed in time shows, and is made up
// for; two at once make each once.
func TestCheckpointsMissed(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		w.at(noon)
		w.write(w.trail(), 1)
		w.at(noon.Add(4 * time.Hour))
		want(t, w.found(), []string{"12 no_checkpoint"})
		w.close(noon.Add(time.Hour + 10*time.Minute))
		w.at(noon.Add(6*time.Hour + 10*time.Minute))
		w.count.Take()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := w.verifier.Run(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		want(t, w.found(), nil)
		if n := strings.Count(w.log.String(), `"event":"audit.checkpoint"`); n != 6 {
			t.Errorf("%d checkpoints, want 6:\n%s", n, w.log.String())
		}
		w.count.Take()
		must(t, w.verifier.Run(t.Context()))
		if c := w.count.Take(); c.WriteRequests != 0 {
			t.Errorf("with nothing to do it cost %+v", c)
		}
	})
	t.Run("an outage", func(t *testing.T) {
		engines(t, func(t *testing.T, w *world) {
			w.table.Before = func(op string, _ []table.Key) error {
				if op == "put" {
					return table.ErrUnavailable
				}
				return nil
			}
			if err := w.verifier.Run(t.Context()); idp.CodeOf(err) != idp.Busy {
				t.Error(err)
			}
			w.table.Before = nil
			if found, err := w.store.AuditCheckpoints(t.Context(), noon, 10); err != nil || len(found) > 0 {
				t.Error(found, err)
			}
		})
	})
}

// TestMasterKeyIsGone: events of a key that is not there any more are told from
// those that were altered.
func TestMasterKeyIsGone(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		w.at(noon)
		w.write(w.trail(), 1)
		for _, i := range w.items() {
			i.Data = []byte(strings.Replace(string(i.Data), `"k":1`, `"k":7`, 1))
			w.put(i)
		}
		want(t, w.found(), []string{"12 unknown_key"})
	})
}

func TestKept(t *testing.T) {
	if !audit.Kept(noon, noon.Add(store.AuditKeep-13*time.Hour)) || audit.Kept(noon, noon.Add(store.AuditKeep-11*time.Hour)) {
		t.Error("the first event of a day is kept for AuditKeep")
	}
}

// TestCheckpointThatIsNotSeen: an hour that is told to be closed and stays due
// ends the run; the next one closes it.
func TestCheckpointThatIsNotSeen(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		tries := 0
		w.table.Before = func(op string, _ []table.Key) error {
			if op != "put" {
				return nil
			}
			if tries++; tries > 100 {
				t.Fatal("it goes on and on")
			}
			return table.ErrConflict
		}
		if err := w.verifier.Run(t.Context()); idp.CodeOf(err) != idp.Busy {
			t.Errorf("%v, want %s", err, idp.Busy)
		}
		w.table.Before = nil
		must(t, w.verifier.Run(t.Context()))
		points, err := w.store.AuditCheckpoints(t.Context(), noon, 10)
		must(t, err)
		if len(points) != 1 {
			t.Errorf("%d checkpoints", len(points))
		}
	})
}
