package bolt

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"
)

// Bounds of one step of Sweep, so that sign-ins never wait long for it.
const (
	sweepScan   = 4096 // items looked at
	sweepDelete = 256  // items deleted
)

// Sweep deletes the items that have expired and returns how many. It works in
// small transactions and may be stopped at any time through ctx.
func (d *DB) Sweep(ctx context.Context) (deleted int, err error) {
	from := []byte{}
	for from != nil {
		if err := ctx.Err(); err != nil {
			return deleted, fmt.Errorf("sweep expired items: %w", err)
		}
		var expired [][]byte
		if expired, from, err = d.findExpired(from); err != nil {
			return deleted, fmt.Errorf("find expired items: %w", err)
		}
		n, err := d.deleteExpired(expired)
		if err != nil {
			return deleted, fmt.Errorf("delete expired items: %w", err)
		}
		deleted += n
	}
	return deleted, nil
}

// findExpired looks at some items from a key on; next is where to go on, nil at
// the end.
func (d *DB) findExpired(from []byte) (expired [][]byte, next []byte, err error) {
	err = d.db.View(func(tx *bbolt.Tx) error {
		now, seen := d.clock.Now(), 0
		c := tx.Bucket(bucketName()).Cursor()
		for k, b := c.Seek(from); k != nil; k, b = c.Next() {
			if seen == sweepScan || len(expired) == sweepDelete {
				next = bytes.Clone(k)
				return nil
			}
			seen++
			if err := value(b).check(); err != nil {
				return err
			}
			if value(b).expired(now) {
				expired = append(expired, bytes.Clone(k))
			}
		}
		return nil
	})
	return expired, next, err
}

// deleteExpired deletes those of the keys that still hold an expired item: some
// may have been written anew meanwhile.
func (d *DB) deleteExpired(keys [][]byte) (deleted int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	err = d.db.Update(func(tx *bbolt.Tx) error {
		now, bucket := d.clock.Now(), tx.Bucket(bucketName())
		for _, k := range keys {
			v := value(bucket.Get(k))
			if v == nil || !v.expired(now) {
				continue
			}
			if err := bucket.Delete(k); err != nil {
				return err
			}
			deleted++
		}
		return nil
	})
	return deleted, err
}
