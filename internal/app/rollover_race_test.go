package app_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestRolloverRaces lets several administrators announce, activate, retire and
// restore at once, each through an instance of its own: one key is active at
// the end and whenever somebody looks, and no announcement is lost.
func TestRolloverRaces(t *testing.T) {
	for _, engine := range []struct {
		name   string
		rounds int
		make   func(testing.TB, idp.Clock) table.Table
	}{
		{"embedded", 40, nil},
		{"dynamo", 15, func(t testing.TB, clock idp.Clock) table.Table { return dynamotest.New(t, clock) }},
	} {
		t.Run(engine.name, func(t *testing.T) {
			if engine.make != nil && os.Getenv("DYNAMODB_ENDPOINT") == "" {
				dynamotest.Client(t) // skips or fails
			}
			i := idptest.New(t, idptest.Options{Engine: engine.make, Bare: true})
			a := &administrators{IdP: i, keys: 1}
			for range engine.rounds {
				a.round(t)
			}
		})
	}
}

type administrators struct {
	*idptest.IdP
	keys int // that were announced, the first one included
}

// instance is a program with the same store.
func (a *administrators) instance(t *testing.T) *keys.Ring {
	ring, err := keys.NewRing(keys.Options{
		Records: store.SigningKeys{Store: a.Store}, DefaultRef: "test", Issuer: a.Config.EntityID, Clock: a.Clock.Now, Random: rand.Reader,
		Open: func(context.Context, string) (keys.Key, error) { return a.Key, nil },
	})
	if err != nil {
		t.Error(err)
	}
	return ring
}

func (a *administrators) round(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	steps := []func(r *keys.Ring) error{}
	add := func(n int, do func(*keys.Ring) (keys.Record, error)) {
		for range n {
			steps = append(steps, func(r *keys.Ring) error { _, err := do(r); return err })
		}
	}
	var mu sync.Mutex
	add(3, func(r *keys.Ring) (keys.Record, error) {
		rec, err := r.Announce(ctx, "test", keys.Next)
		if err == nil {
			mu.Lock()
			a.keys++
			mu.Unlock()
		}
		return rec, err
	})
	for n := max(1, a.keys-2); n <= a.keys; n++ {
		id := fmt.Sprintf("key-%d", n)
		add(2, func(r *keys.Ring) (keys.Record, error) { return r.Activate(ctx, id, 0) })
		add(1, func(r *keys.Ring) (keys.Record, error) { return r.Retire(ctx, id) })
		add(1, func(r *keys.Ring) (keys.Record, error) { return r.Restore(ctx, id) })
	}
	var all sync.WaitGroup
	for _, step := range steps {
		all.Go(func() {
			_ = step(a.instance(t)) // who loses a race hears of it; what counts is the end
		})
	}
	for range 3 {
		all.Go(func() {
			if _, err := a.instance(t).Active(ctx); err != nil {
				t.Errorf("no key signs during a change: %v", err)
			}
		})
	}
	all.Wait()
	records, err := a.instance(t).List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	active := 0
	for _, rec := range records {
		if rec.State == keys.Active {
			active++
		}
	}
	if active != 1 || len(records) != a.keys {
		t.Fatalf("%d active keys of %d, %d were announced: %+v", active, len(records), a.keys, records)
	}
}
