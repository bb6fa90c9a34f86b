package embedded

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Bounds of one step of Sweep, so that sign-ins never wait long for it.
const (
	sweepScan   = 4096 // items looked at
	sweepDelete = 256  // items deleted
)

// Sweep deletes the items that have expired and returns how many. It works in
// small steps and may be stopped at any time through ctx.
func (d *DB) Sweep(ctx context.Context) (deleted int, err error) {
	from := []byte{0} // smaller than every key
	for from != nil {
		var expired [][]byte
		if expired, from, err = d.findExpired(ctx, from); err != nil {
			return deleted, fmt.Errorf("find expired items: %w", err)
		}
		n, err := d.deleteExpired(ctx, expired)
		if err != nil {
			return deleted, fmt.Errorf("delete expired items: %w", err)
		}
		deleted += n
	}
	return deleted, nil
}

// findExpired looks at some items from a key on; next is where to go on, nil at
// the end.
func (d *DB) findExpired(ctx context.Context, from []byte) (expired [][]byte, next []byte, err error) {
	if err := d.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer d.leave()
	err = d.walk(&pebble.IterOptions{LowerBound: from}, func(i *pebble.Iterator) error {
		now, seen := d.clock.Now(), 0
		for ok := i.First(); ok; ok = i.Next() {
			if seen == sweepScan || len(expired) == sweepDelete {
				next = bytes.Clone(i.Key())
				return nil
			}
			seen++
			v, err := stored(i)
			if err != nil {
				return err
			}
			if v.expired(now) {
				expired = append(expired, bytes.Clone(i.Key()))
			}
		}
		return nil
	})
	return expired, next, err
}

// deleteExpired deletes those of the keys that still hold an expired item: some
// may have been written anew meanwhile.
func (d *DB) deleteExpired(ctx context.Context, keys [][]byte) (deleted int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	if err := d.enter(ctx); err != nil {
		return 0, err
	}
	defer d.leave()
	d.writing.Lock()
	defer d.writing.Unlock()
	err = d.update(func(batch *pebble.Batch) error {
		now := d.clock.Now()
		for _, k := range keys {
			var expired bool
			if err := lookup(batch, k, func(v value) { expired = v != nil && v.expired(now) }); err != nil {
				return err
			}
			if !expired {
				continue
			}
			if err := batch.Delete(k, nil); err != nil {
				return err
			}
			deleted++
		}
		return nil
	})
	return deleted, err
}
