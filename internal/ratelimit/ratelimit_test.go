package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
)

// clock is a time that a test turns.
type clock struct{ at atomic.Int64 }

func newClock() *clock { c := &clock{}; c.add(time.Hour); return c }

func (c *clock) now() time.Time      { return time.Unix(0, c.at.Load()) }
func (c *clock) add(d time.Duration) { c.at.Add(int64(d)) }

func TestBuckets(t *testing.T) {
	c := newClock()
	b := ratelimit.NewBuckets(500*time.Millisecond, 2, c.now)
	take := func(key string, want bool) {
		t.Helper()
		if _, ok := b.Take(key); ok != want {
			t.Errorf("%s at %v: %v", key, c.now(), ok)
		}
	}
	take("a", true)
	take("a", true)
	if wait, ok := b.Take("a"); ok || wait != 500*time.Millisecond {
		t.Errorf("third at once: %v %v", wait, ok)
	}
	take("b", true) // others are not concerned
	c.add(499 * time.Millisecond)
	take("a", false)
	c.add(time.Millisecond)
	take("a", true) // refused tries cost nothing
	take("a", false)
	c.add(time.Hour)
	take("a", true)
	take("a", true)
	take("a", false)
}

// TestBucketsMemory: an attacker with many addresses neither fills the memory
// nor locks anybody out.
func TestBucketsMemory(t *testing.T) {
	c := newClock()
	b := ratelimit.NewBuckets(time.Minute, 1, c.now)
	b.Take("victim")
	for n := range 25_000 {
		if _, ok := b.Take(fmt.Sprint(n)); !ok {
			t.Fatalf("address %d was refused at its first call", n)
		}
	}
	c.add(time.Minute)
	if _, ok := b.Take("victim"); !ok {
		t.Error("locked out by others")
	}
}

// counter is the store's, in memory.
// counter is the store's, which a test can watch and break.
type counter struct {
	ratelimit.Counter
	fail error

	mu    sync.Mutex
	calls int
}

func newCounter(t *testing.T, clock idp.Clock) *counter {
	t.Helper()
	db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &counter{Counter: store.New(db, clock)}
}

func (c *counter) TakeTry(ctx context.Context, name, subject string, limit int, per time.Duration) (int, time.Duration, error) {
	c.mu.Lock()
	c.calls++
	fail := c.fail
	c.mu.Unlock()
	if fail != nil {
		return 0, 0, fail
	}
	return c.Counter.TakeTry(ctx, name, subject, limit, per)
}

// take is Take where only the refusal matters.
func take(w *ratelimit.Window, subject string) error {
	_, err := w.Take(context.Background(), subject)
	return err
}

func TestWindow(t *testing.T) {
	c := newClock()
	count := newCounter(t, c.now)
	w := ratelimit.NewWindow("tries", 3, 10*time.Minute, count, c.now)
	for range 3 {
		if err := take(w, "a"); err != nil {
			t.Fatal(err)
		}
	}
	err := take(w, "a")
	var slow *idp.Error
	if !errors.As(err, &slow) || slow.Code != idp.SlowDown || slow.RetryAfter != 200*time.Second || slow.Args["n"] != "200" {
		t.Fatalf("fourth: %v", err)
	}
	t.Run("being blocked costs no write", func(t *testing.T) {
		before := count.calls
		for range 100 {
			if idp.CodeOf(take(w, "a")) != idp.SlowDown || idp.CodeOf(w.Blocked("a")) != idp.SlowDown {
				t.Fatal("not blocked")
			}
		}
		if count.calls != before {
			t.Errorf("%d counts", count.calls-before)
		}
	})
	t.Run("others are not concerned", func(t *testing.T) {
		if err := take(w, "b"); err != nil {
			t.Error(err)
		}
	})
	t.Run("tries come back one by one, exactly when it was said", func(t *testing.T) {
		c.add(200*time.Second - time.Millisecond)
		if idp.CodeOf(take(w, "a")) != idp.SlowDown {
			t.Error("too early")
		}
		c.add(time.Millisecond)
		if err := take(w, "a"); err != nil {
			t.Error(err)
		}
		if idp.CodeOf(take(w, "a")) != idp.SlowDown {
			t.Error("more than one came back")
		}
		c.add(10 * time.Minute)
		for left := 2; left >= 1; left-- {
			if n, err := w.Take(t.Context(), "a"); err != nil || n != left {
				t.Errorf("%d left, %v, want %d", n, err, left)
			}
		}
		c.add(200 * time.Second)
	})
	t.Run("holds across processes", func(t *testing.T) {
		other := ratelimit.NewWindow("tries", 3, 10*time.Minute, count, c.now)
		for range 2 {
			if err := take(other, "a"); err != nil {
				t.Fatal(err)
			}
		}
		if idp.CodeOf(take(w, "a")) != idp.SlowDown {
			t.Error("a second process starts from nothing")
		}
	})
	t.Run("right tries are given back", func(t *testing.T) {
		for range 20 {
			if err := errors.Join(take(w, "honest"), w.Return(t.Context(), "honest")); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("an outage is no permission", func(t *testing.T) {
		count.fail = idp.E(idp.Busy, "storage")
		if err := take(w, "c"); idp.CodeOf(err) != idp.Busy {
			t.Errorf("%v", err)
		}
	})
}

func TestWindowInParallel(t *testing.T) {
	c := newClock()
	w := ratelimit.NewWindow("tries", 10, time.Minute, newCounter(t, c.now), c.now)
	var passed atomic.Int32
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if take(w, "a") == nil {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if n := passed.Load(); n != 10 {
		t.Errorf("%d of 100 passed, want 10", n)
	}
}

func TestSlowRoundsUp(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{
		0: time.Second, time.Millisecond: time.Second, time.Second: time.Second, 1001 * time.Millisecond: 2 * time.Second,
	} {
		if got := idp.AsError(ratelimit.Slow(wait)).RetryAfter; got != want {
			t.Errorf("%v: Retry-After %v", wait, got)
		}
	}
}

func TestAddress(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9%eth0": "2001:db8:1:2::/64",
		"": "unknown", "nonsense": "unknown", "192.0.2.1:443": "unknown",
	} {
		if got := ratelimit.Address(ip); got != want {
			t.Errorf("%q: %q, want %q", ip, got, want)
		}
	}
	if strings.Contains(ratelimit.Address("1.2.3.4\n"), "\n") {
		t.Error("a line break")
	}
}
