package store

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// rate is what is kept of a subject's tries: the theoretical arrival time of
// the generic cell rate algorithm, the moment by which they are forgotten.
type rate struct {
	Arrival idp.Millis `json:"tat"`
}

// TakeTry counts a try of a subject within limit tries in a period, which come
// back one by one: GCRA with a burst of the whole limit. It returns how many are
// left, or how long to wait for one where there is none, which writes nothing.
func (s *Store) TakeTry(ctx context.Context, name, subject string, limit int, per time.Duration) (left int, wait time.Duration, err error) {
	interval := per / time.Duration(limit)
	err = s.changeRate(ctx, name, subject, func(r *rate, now idp.Millis) bool {
		next := max(r.Arrival, now).Add(interval)
		if wait = next.Sub(now) - per; wait > 0 {
			return false
		}
		wait, left = 0, int((per-next.Sub(now))/interval)
		r.Arrival = next
		return true
	})
	return left, wait, err
}

// ReturnTry gives a try back.
func (s *Store) ReturnTry(ctx context.Context, name, subject string, limit int, per time.Duration) error {
	return s.changeRate(ctx, name, subject, func(r *rate, now idp.Millis) bool {
		if r.Arrival.Over(now) {
			return false
		}
		r.Arrival = r.Arrival.Add(-per / time.Duration(limit))
		return true
	})
}

func (s *Store) changeRate(ctx context.Context, name, subject string, change func(*rate, idp.Millis) bool) error {
	key := rateKey(name, subject)
	for range tries * 4 { // many at once is what it is for
		r, version, err := get[rate](ctx, s, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if !change(&r, s.clock.Now()) {
			return nil
		}
		_, err = put(ctx, s, key, version, sweepAt(r.Arrival), r)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return idp.E(idp.Busy, "rate %s kept changing", name)
}
