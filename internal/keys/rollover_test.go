package keys_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
)

// states lists what the ring's store holds, in the order of List.
func states(t *testing.T, ring *keys.Ring) []string {
	t.Helper()
	list, err := ring.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range list {
		out = append(out, r.ID+" "+string(r.State))
	}
	return out
}

// published names the published certificates by their record.
func published(t *testing.T, ring *keys.Ring) []string {
	t.Helper()
	certs, err := ring.Published(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := ring.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range certs {
		for _, r := range list {
			if string(r.Certificate) == string(c.Raw) {
				out = append(out, r.ID)
			}
		}
	}
	return out
}

func must(t *testing.T) func(keys.Record, error) {
	return func(_ keys.Record, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRollover(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	admin, other := w.ensured(), w.ensured()
	w.signs(other, "key-1")

	check := func(step, signs string, list, publishes []string) {
		t.Helper()
		w.signs(admin, signs)
		if diff := cmp.Diff(list, states(t, admin)); diff != "" {
			t.Errorf("%s: %s", step, diff)
		}
		if diff := cmp.Diff(publishes, published(t, admin)); diff != "" {
			t.Errorf("%s, published: %s", step, diff)
		}
		w.now = w.now.Add(time.Minute) // every instance follows within a minute
		w.signs(other, signs)
		if diff := cmp.Diff(publishes, published(t, other)); diff != "" {
			t.Errorf("%s, published by another instance: %s", step, diff)
		}
	}
	check("start", "key-1", []string{"key-1 active"}, []string{"key-1"})

	must(t)(admin.Announce(ctx, w.arn[1], keys.Next))
	check("announced", "key-1", []string{"key-1 active", "key-2 next"}, []string{"key-1", "key-2"})

	must(t)(admin.Activate(ctx, "key-2", 0))
	check("activated", "key-2", []string{"key-2 active", "key-1 previous"}, []string{"key-2", "key-1"})

	must(t)(admin.Activate(ctx, "key-1", 0))
	check("taken back", "key-1", []string{"key-1 active", "key-2 previous"}, []string{"key-1", "key-2"})

	must(t)(admin.Activate(ctx, "key-2", 0))
	must(t)(admin.Announce(ctx, w.arn[2], keys.Next))
	check("three", "key-2", []string{"key-2 active", "key-3 next", "key-1 previous"}, []string{"key-2", "key-3", "key-1"})

	must(t)(admin.Retire(ctx, "key-1"))
	must(t)(admin.Retire(ctx, "key-3"))
	check("retired", "key-2", []string{"key-2 active", "key-1 retired", "key-3 retired"}, []string{"key-2"})

	must(t)(admin.Restore(ctx, "key-1"))
	check("restored", "key-2", []string{"key-2 active", "key-1 next", "key-3 retired"}, []string{"key-2", "key-1"})
}

func TestRolloverRefusesTheWrongOrder(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ring := w.ensured()
	must(t)(ring.Announce(ctx, w.arn[1], keys.Next))
	must(t)(ring.Retire(ctx, "key-2"))
	before := states(t, ring)

	steps := map[string]struct {
		do   func() (keys.Record, error)
		code idp.Code
	}{
		"activate the active":  {func() (keys.Record, error) { return ring.Activate(ctx, "key-1", 0) }, idp.Invalid},
		"activate a retired":   {func() (keys.Record, error) { return ring.Activate(ctx, "key-2", 0) }, idp.Invalid},
		"activate an unknown":  {func() (keys.Record, error) { return ring.Activate(ctx, "key-9", 0) }, idp.NotFound},
		"retire the active":    {func() (keys.Record, error) { return ring.Retire(ctx, "key-1") }, idp.Invalid},
		"retire a retired":     {func() (keys.Record, error) { return ring.Retire(ctx, "key-2") }, idp.Invalid},
		"restore the active":   {func() (keys.Record, error) { return ring.Restore(ctx, "key-1") }, idp.Invalid},
		"restore an unknown":   {func() (keys.Record, error) { return ring.Restore(ctx, "key-9") }, idp.NotFound},
		"announce as active":   {func() (keys.Record, error) { return ring.Announce(ctx, w.arn[2], keys.Active) }, idp.Internal},
		"retire an unknown":    {func() (keys.Record, error) { return ring.Retire(ctx, "") }, idp.NotFound},
		"announce a bad alias": {func() (keys.Record, error) { return ring.Announce(ctx, "alias/none", keys.Next) }, idp.Internal},
	}
	for name, step := range steps {
		if _, err := step.do(); idp.CodeOf(err) != step.code {
			t.Errorf("%s: got %v, want %s", name, err, step.code)
		}
	}
	if diff := cmp.Diff(before, states(t, ring)); diff != "" {
		t.Error(diff)
	}
}

func TestActivateTestsTheKeyFirst(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	must(t)(ring.Announce(t.Context(), w.arn[1], keys.Next))
	w.kms.SignWrongly(w.arn[1], rsaKeys()[2])
	if _, err := ring.Activate(t.Context(), "key-2", 0); !errors.Is(err, keys.ErrKeyMismatch) {
		t.Errorf("got %v", err)
	}
	w.signs(ring, "key-1")
}

// TestActivateIsStoredAsAWhole: there is never a moment with two active keys,
// or with none.
func TestActivateIsStoredAsAWhole(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	must(t)(ring.Announce(t.Context(), w.arn[1], keys.Next))
	before := states(t, ring)
	w.records.onSave = func(r keys.Record) error {
		if r.State == keys.Previous {
			return errStore
		}
		return nil
	}
	if _, err := ring.Activate(t.Context(), "key-2", 0); !errors.Is(err, errStore) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(before, states(t, ring)); diff != "" {
		t.Error(diff)
	}
	w.signs(ring, "key-1")
}

// TestListReadDuringActivate: a list that shows one half of a change is read
// again.
func TestListReadDuringActivate(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	must(t)(ring.Announce(t.Context(), w.arn[1], keys.Next))
	must(t)(ring.Announce(t.Context(), w.arn[2], keys.Next))
	torn := func() {
		w.records.onList = func(list []keys.Record) {
			w.records.onList = nil
			for i := range list {
				if list[i].State == keys.Active {
					list[i].State = keys.Previous
				}
			}
		}
	}
	torn()
	w.now = w.now.Add(time.Minute)
	w.signs(ring, "key-1")
	torn()
	must(t)(ring.Activate(t.Context(), "key-2", 0))
	if diff := cmp.Diff([]string{"key-2 active", "key-3 next", "key-1 previous"}, states(t, ring)); diff != "" {
		t.Error(diff)
	}
}

// TestActivateWaits: service providers that read our metadata have had the
// time to see the key.
func TestActivateWaits(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	const day = 24 * time.Hour
	must(t)(ring.Announce(t.Context(), w.arn[1], keys.Next))
	w.now = w.now.Add(day - time.Millisecond)
	if _, err := ring.Activate(t.Context(), "key-2", day); idp.CodeOf(err) != idp.Invalid {
		t.Errorf("too early: %v", err)
	}
	w.now = w.now.Add(time.Millisecond)
	must(t)(ring.Activate(t.Context(), "key-2", day))
	must(t)(ring.Activate(t.Context(), "key-1", day)) // back, at once: everybody knows it

	must(t)(ring.Retire(t.Context(), "key-2"))
	must(t)(ring.Restore(t.Context(), "key-2"))
	if _, err := ring.Activate(t.Context(), "key-2", day); idp.CodeOf(err) != idp.Invalid {
		t.Errorf("restored a moment ago: %v", err)
	}
	must(t)(ring.Activate(t.Context(), "key-2", 0))
}

// TestLearning: which keys service providers may not know.
func TestLearning(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	learning := func(want ...string) {
		t.Helper()
		got, err := ring.Learning(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	learning()
	must(t)(ring.Announce(t.Context(), w.arn[1], keys.Next))
	learning("key-2")
	must(t)(ring.Activate(t.Context(), "key-2", 0))
	learning("key-2")
	must(t)(ring.Retire(t.Context(), "key-1"))
	learning()
}

func TestConcurrentChangesConflict(t *testing.T) {
	w := newWorld(t)
	ring := w.ensured()
	w.records.onSave = func(r keys.Record) error {
		w.records.onSave = nil
		// Another administrator is faster, between our read and our write.
		w.records.items[r.ID] = keys.Record{ID: r.ID, Version: 7, State: keys.Retired}
		return errConflict
	}
	if _, err := ring.Announce(t.Context(), w.arn[1], keys.Next); !errors.Is(err, errConflict) {
		t.Errorf("got %v, want the store's conflict", err)
	}
}

func TestNewKeyUnreachableAfterRollover(t *testing.T) {
	w := newWorld(t)
	admin, other := w.ensured(), w.ensured()
	w.signs(other, "key-1")
	must(t)(admin.Announce(t.Context(), w.arn[1], keys.Next))
	must(t)(admin.Activate(t.Context(), "key-2", 0))
	w.openErr = keys.ErrUnavailable

	w.now = w.now.Add(time.Minute)
	w.signs(other, "key-1")
	w.now = w.now.Add(9*time.Minute + time.Second)
	if _, err := other.Active(t.Context()); !errors.Is(err, keys.ErrUnavailable) {
		t.Errorf("10 minutes after the switch: got %v", err)
	}
	w.openErr = nil
	w.signs(other, "key-2")
}
