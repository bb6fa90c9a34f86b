package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// Query implements table.Table; the page is of one point in time.
func (d *DB) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := errors.Join(ctx.Err(), q.Check()); err != nil {
		return table.Page{}, fmt.Errorf("query items: %w", err)
	}
	var found []table.Item
	err := d.db.View(func(tx *bbolt.Tx) error {
		now := d.clock.Now()
		r := newRange(tx.Bucket(bucketName()).Cursor(), q)
		for k, b := r.first(); k != nil && len(found) <= q.PageSize(); k, b = r.next() {
			if err := ctx.Err(); err != nil { // a partition may hold any number of expired items
				return err
			}
			key, err := decodeKey(k)
			if err := errors.Join(err, value(b).check()); err != nil {
				return err
			}
			if item := value(b).item(key, now); item.Version != 0 {
				found = append(found, item)
			}
		}
		return nil
	})
	if err != nil {
		return table.Page{}, fmt.Errorf("query items: %w", err)
	}
	return q.PageOf(found), nil
}

// keyRange walks the keys with a prefix, beginning after one of them.
type keyRange struct {
	cursor  *bbolt.Cursor
	prefix  []byte
	after   []byte // nil: from the first (last, if reverse) key on
	reverse bool
}

func newRange(c *bbolt.Cursor, q table.Query) *keyRange {
	r := &keyRange{cursor: c, prefix: append(partition(q.PK), q.Prefix...), reverse: q.Reverse}
	if q.After != "" {
		r.after = append(partition(q.PK), q.After...)
	}
	return r
}

func (r *keyRange) first() (k, v []byte) {
	switch {
	case r.reverse && r.after != nil:
		return r.before(r.after)
	case r.reverse:
		return r.before(successor(r.prefix))
	case r.after != nil:
		return r.within(r.cursor.Seek(append(r.after, 0))) // the smallest key greater than after
	default:
		return r.within(r.cursor.Seek(r.prefix))
	}
}

func (r *keyRange) next() (k, v []byte) {
	if r.reverse {
		return r.within(r.cursor.Prev())
	}
	return r.within(r.cursor.Next())
}

// before is the greatest key smaller than limit.
func (r *keyRange) before(limit []byte) (k, v []byte) {
	if k, _ := r.cursor.Seek(limit); k == nil { // all keys are smaller
		return r.within(r.cursor.Last())
	}
	return r.within(r.cursor.Prev())
}

func (r *keyRange) within(k, v []byte) ([]byte, []byte) {
	if !bytes.HasPrefix(k, r.prefix) {
		return nil, nil
	}
	return k, v
}

// successor is the smallest key greater than all keys with the prefix. There is
// one: a prefix begins with the length of PK, at most 0x0800.
func successor(prefix []byte) []byte {
	s := bytes.TrimRight(prefix, "\xff")
	s = bytes.Clone(s)
	s[len(s)-1]++
	return s
}
