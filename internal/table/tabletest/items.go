package tabletest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-idp/latchkey/internal/table"
)

func putThenGet(h *harness) {
	h.lacks(key("user#1", "profile"))
	stored := h.put(table.Item{Key: key("user#1", "profile"), Expires: h.in(time.Hour), Data: []byte("one")})
	h.holds(stored)
	h.lacks(key("user#1", "prof"))
	h.lacks(key("user#", "1profile"))
	h.holds(h.put(item("user#1", "empty", "")))

	got, err := h.Get(h.Context(), stored.Key, table.Eventually)
	h.succeeds("eventually consistent Get", err)
	h.same(got, stored)

	got.Data[0] = 'X' // the caller's copy
	h.holds(stored)

	stored.Expires, stored.Data = time.Time{}, []byte{0, 0xff, '\n'}
	h.holds(h.put(stored))
}

func putComparesVersions(h *harness) {
	first := item("p", "s", "first")
	second := h.put(first)
	second.Data = []byte("second")
	third := h.put(second)

	for name, stale := range map[string]table.Item{
		"new over stored": first,
		"older version":   second,
		"newer version":   {Key: first.Key, Version: 3},
		"absent item":     {Key: key("p", "other"), Version: 1},
	} {
		_, err := h.Put(h.Context(), stale)
		h.fails(name, err, table.ErrConflict)
	}
	h.holds(third)
	h.lacks(key("p", "other"))

	_, err := h.Put(h.Context(), table.Item{Key: first.Key, Version: -1})
	h.fails("negative version", err, table.ErrInvalid)
}

func getAll(h *harness) {
	b, a := h.put(item("p1", "b", "B")), h.put(item("p2", "a", "A"))
	gone := h.put(table.Item{Key: key("p1", "gone"), Expires: h.in(0), Data: []byte("x")})
	absent := key("p3", "c")

	got, err := h.GetAll(h.Context(), a.Key, absent, gone.Key, b.Key)
	h.succeeds("GetAll", err)
	h.same(got, []table.Item{a, {Key: absent}, {Key: gone.Key}, b})

	got, err = h.GetAll(h.Context())
	h.succeeds("GetAll of nothing", err)
	h.same(got, []table.Item{})

	_, err = h.GetAll(h.Context(), a.Key, b.Key, a.Key)
	h.fails("GetAll of the same key twice", err, table.ErrInvalid)

	many := make([]table.Key, table.MaxGet+1)
	for i := range many {
		many[i] = key("p1", strconv.Itoa(i))
	}
	_, err = h.GetAll(h.Context(), many...)
	h.fails("GetAll of too many keys", err, table.ErrInvalid)
	got, err = h.GetAll(h.Context(), many[:table.MaxGet]...)
	h.succeeds("GetAll of many keys", err)
	h.same(len(got), table.MaxGet)
}

func deleteComparesVersions(h *harness) {
	old := h.put(item("p", "s", "1"))
	current := h.put(old)

	h.fails("Delete of an old version", h.Delete(h.Context(), old), table.ErrConflict)
	h.fails("Delete as if absent", h.Delete(h.Context(), table.Item{Key: old.Key}), table.ErrConflict)
	h.holds(current)

	h.succeeds("Delete", h.Delete(h.Context(), table.Item{Key: current.Key, Version: current.Version}))
	h.lacks(current.Key)
	h.fails("second Delete", h.Delete(h.Context(), current), table.ErrConflict)
	h.succeeds("Delete of an absent item", h.Delete(h.Context(), table.Item{Key: current.Key}))
	h.holds(h.put(item("p", "s", "again")))
}

// parallel calls f n times at once.
func parallel(n int, f func(i int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

func oneWriterWins(h *harness) {
	for round := range int64(10) {
		var won, lost atomic.Int32
		parallel(16, func(i int) {
			contender := table.Item{Key: key("p", "s"), Version: round, Data: []byte(strconv.Itoa(i))}
			switch _, err := h.Put(h.Context(), contender); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, table.ErrConflict):
				lost.Add(1)
			default:
				h.Errorf("Put: %v", err)
			}
		})
		if won.Load() != 1 || lost.Load() != 15 {
			h.Errorf("round %d: %d won and %d lost, want 1 and 15", round, won.Load(), lost.Load())
		}
	}
}

func incrementsAreExact(h *harness) {
	const writers, each = 8, 10
	counter := h.put(item("counter", "c", "0"))
	other := h.put(item("counter", "d", "0"))

	// Puts and transactions, which must exclude each other too.
	increment := func(ctx context.Context, transact bool) error {
		items, err := h.GetAll(ctx, counter.Key, other.Key)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(items[0].Data))
		if err != nil {
			return err
		}
		items[0].Data = []byte(strconv.Itoa(n + 1))
		if !transact {
			_, err = h.Put(ctx, items[0])
			return err
		}
		return h.Transact(ctx, table.Op{Put: &items[0]}, table.Op{Put: &items[1]})
	}
	parallel(writers, func(i int) {
		for done := 0; done < each; {
			switch err := increment(h.Context(), i%2 == 0); {
			case err == nil:
				done++
			case !errors.Is(err, table.ErrConflict):
				h.Errorf("increment: %v", err)
				return
			}
		}
	})
	got, err := h.Get(h.Context(), counter.Key)
	h.succeeds("Get", err)
	h.same(string(got.Data), strconv.Itoa(writers*each))
	h.same(got.Version, counter.Version+writers*each)
}

// expiredItem goes to either side of an item's expiry and back: the clock
// decides, the item stays where it is.
func expiredItem(h *harness) {
	expires := h.in(time.Minute)
	stored := h.put(table.Item{Key: key("p", "s"), Expires: expires, Data: []byte("old")})
	at := func(d time.Duration) { h.now.Store(expires.Add(d).UnixMilli()) }

	at(-time.Millisecond)
	h.holds(stored)
	found, _ := h.page(table.Query{PK: "p"})
	h.same(found, []string{"s"})
	_, err := h.Put(h.Context(), table.Item{Key: stored.Key})
	h.fails("Put as new, 1 ms before", err, table.ErrConflict)

	for name, after := range map[string]time.Duration{"at the limit": 0, "1 ms after": time.Millisecond, "days after": 100 * time.Hour} {
		at(after)
		h.lacks(stored.Key)
		found, _ := h.page(table.Query{PK: "p"})
		h.same(found, []string(nil))
		_, err := h.Put(h.Context(), stored)
		h.fails("Put over the expired version, "+name, err, table.ErrConflict)
		h.fails("Delete of the expired version, "+name, h.Delete(h.Context(), stored), table.ErrConflict)
	}

	at(-time.Millisecond)
	h.holds(stored) // it was there all the time
	at(0)
	fresh := h.put(table.Item{Key: stored.Key, Expires: expires.Add(time.Hour), Data: []byte("new")})
	h.holds(fresh)
	at(time.Hour)
	h.succeeds("Delete of an expired item as absent", h.Delete(h.Context(), table.Item{Key: fresh.Key}))

	fresh.Version, fresh.Expires = 0, time.Unix(0, 0)
	h.put(fresh)
	h.lacks(fresh.Key) // zero as a number, but not "never"
}
