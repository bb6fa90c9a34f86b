package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// Query implements table.Table; the page is of one point in time.
func (d *DB) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := q.Check(); err != nil {
		return table.Page{}, fmt.Errorf("query items: %w", err)
	}
	if err := d.enter(ctx); err != nil {
		return table.Page{}, fmt.Errorf("query items: %w", err)
	}
	defer d.leave()
	var found []table.Item
	err := d.walk(within(q), func(i *pebble.Iterator) error {
		first, next := i.First, i.Next
		if q.Reverse {
			first, next = i.Last, i.Prev
		}
		now := d.clock.Now()
		for ok := first(); ok && len(found) <= q.PageSize(); ok = next() {
			if err := ctx.Err(); err != nil { // a partition may hold any number of expired items
				return err
			}
			key, err := decodeKey(i.Key())
			v, damage := stored(i)
			if err := errors.Join(err, damage); err != nil {
				return err
			}
			if item := v.item(key, now); item.Version != 0 {
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

// within is the range of keys that a query is about. Its After, if it has one,
// begins with its Prefix (Query.Check), so it is within what it narrows.
func within(q table.Query) *pebble.IterOptions {
	prefix := append(partition(q.PK), q.Prefix...)
	o := &pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)}
	if q.After == "" {
		return o
	}
	after := append(partition(q.PK), q.After...)
	if q.Reverse {
		o.UpperBound = after
	} else {
		o.LowerBound = append(after, 0) // the smallest key greater than after
	}
	return o
}

// successor is the smallest key greater than all keys with the prefix. There is
// one: a prefix begins with the length of PK, at most 0x0800.
func successor(prefix []byte) []byte {
	s := bytes.TrimRight(prefix, "\xff")
	s = bytes.Clone(s)
	s[len(s)-1]++
	return s
}
