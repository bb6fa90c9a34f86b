// Package ratelimit bounds how often somebody may do something
// (approval-protocol.md 8). Buckets live in one process and cost nothing;
// Windows are kept in the store and hold across all instances.
//
// Invariant: no input that was not authenticated locks a user out; everything
// is counted by address or session.
package ratelimit

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// maxKeys bounds the memory of Buckets: beyond it, idle buckets are dropped.
const maxKeys = 10_000

// Buckets is a token bucket for each key.
type Buckets struct {
	every time.Duration
	burst int
	clock idp.Clock

	mu   sync.Mutex
	keys map[string]*bucket
}

type bucket struct {
	limiter *rate.Limiter
	used    time.Time
}

// NewBuckets allows burst at once and one more every d.
func NewBuckets(d time.Duration, burst int, clock idp.Clock) *Buckets {
	return &Buckets{every: d, burst: burst, clock: clock, keys: map[string]*bucket{}}
}

// Take takes a token of key's bucket. If there is none it returns how long to
// wait for one.
func (b *Buckets) Take(key string) (wait time.Duration, ok bool) {
	now := b.clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.keys[key]
	if k == nil {
		if len(b.keys) >= maxKeys {
			b.drop(now)
		}
		k = &bucket{limiter: rate.NewLimiter(rate.Every(b.every), b.burst)}
		b.keys[key] = k
	}
	k.used = now
	r := k.limiter.ReserveN(now, 1)
	if d := r.DelayFrom(now); d > 0 {
		r.CancelAt(now)
		return d, false
	}
	return 0, true
}

// drop forgets the buckets that have filled up again; if all are busy, it
// forgets them all, which errs on the side of letting people in.
func (b *Buckets) drop(now time.Time) {
	full := b.every * time.Duration(b.burst)
	for key, k := range b.keys {
		if now.Sub(k.used) >= full {
			delete(b.keys, key)
		}
	}
	if len(b.keys) >= maxKeys {
		clear(b.keys)
	}
}

// Counter is the store's account of tries.
type Counter interface {
	TakeTry(ctx context.Context, name, subject string, limit int, per time.Duration) (left int, wait time.Duration, err error)
	ReturnTry(ctx context.Context, name, subject string, limit int, per time.Duration) error
}

// Window is a limit on failures that holds across instances: a burst of limit,
// and then one each time that the period's share of it has passed. A try is
// counted before it is judged and given back if it was right, so that parallel
// tries cannot exceed the limit. Who is over the limit is remembered in this
// process and costs no more reads.
type Window struct {
	name    string
	limit   int
	per     time.Duration
	counter Counter
	clock   idp.Clock

	mu      sync.Mutex
	blocked map[string]time.Time
}

// NewWindow allows limit failures of one subject in each period.
func NewWindow(name string, limit int, per time.Duration, c Counter, clock idp.Clock) *Window {
	return &Window{name: name, limit: limit, per: per, counter: c, clock: clock, blocked: map[string]time.Time{}}
}

// Take counts a try and returns how many are left; SlowDown when the subject
// has none.
func (w *Window) Take(ctx context.Context, subject string) (left int, err error) {
	if err := w.Blocked(subject); err != nil {
		return 0, err
	}
	left, wait, err := w.counter.TakeTry(ctx, w.name, subject, w.limit, w.per)
	if err != nil || wait <= 0 {
		return left, err
	}
	w.block(subject, w.clock().Add(wait))
	return 0, Slow(wait)
}

// Return gives back a try that was right.
func (w *Window) Return(ctx context.Context, subject string) error {
	return w.counter.ReturnTry(ctx, w.name, subject, w.limit, w.per)
}

// Blocked refuses a subject that this process knows to be over the limit.
func (w *Window) Blocked(subject string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends, ok := w.blocked[subject]
	if !ok {
		return nil
	}
	wait := ends.Sub(w.clock())
	if wait <= 0 {
		delete(w.blocked, subject)
		return nil
	}
	return Slow(wait)
}

func (w *Window) block(subject string, ends time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.blocked) >= maxKeys {
		clear(w.blocked)
	}
	w.blocked[subject] = ends
}

// Slow is the refusal of somebody who has to wait.
func Slow(wait time.Duration) error {
	seconds := max(1, int((wait+time.Second-1)/time.Second))
	return &idp.Error{Code: idp.SlowDown, RetryAfter: time.Duration(seconds) * time.Second,
		Args: map[string]string{"n": strconv.Itoa(seconds)}}
}

// Address is what limits per address count: the IPv4 address or the IPv6 /64.
func Address(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown"
	}
	if a = a.Unmap(); a.Is6() {
		p, _ := a.WithZone("").Prefix(64)
		return p.String()
	}
	return a.String()
}
