package table

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrInvalid says that a call can't be carried out by any engine: a key out of
// its limits, the same item twice, an Op that isn't exactly one write.
var ErrInvalid = errors.New("invalid table call")

const (
	maxPK           = 2048
	maxSK           = 1024
	maxTransactData = 3900 << 10 // bytes of Data in one Transact: DynamoDB's 4 MiB with room for keys
	defaultLimit    = 100
)

// Check reports a key that isn't within the limits of Key. Every valid UTF-8 is
// fine, control characters and NUL too.
func (k Key) Check() error {
	if k.PK == "" || len(k.PK) > maxPK || !utf8.ValidString(k.PK) {
		return fmt.Errorf("%w: bad partition key of %d bytes", ErrInvalid, len(k.PK))
	}
	if k.SK == "" || len(k.SK) > maxSK || !utf8.ValidString(k.SK) {
		return fmt.Errorf("%w: bad sort key of %d bytes", ErrInvalid, len(k.SK))
	}
	return nil
}

// Check reports an item that no engine can store.
func (i Item) Check() error {
	if i.Version < 0 {
		return fmt.Errorf("%w: version %d", ErrInvalid, i.Version)
	}
	if len(i.Data) > MaxItem {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, len(i.Data))
	}
	return i.Key.Check()
}

// ExpiresMillis is the expiry as engines keep it: milliseconds since the Unix
// epoch, 0 for never.
func (i Item) ExpiresMillis() int64 {
	if i.Expires.IsZero() {
		return 0
	}
	return max(1, i.Expires.UnixMilli()) // what expired in 1970 must not last for ever
}

// ExpiresAt is the inverse of ExpiresMillis.
func ExpiresAt(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// CheckKeys reports keys that GetAll can't take: too many, bad, or twice the same.
func CheckKeys(keys []Key) error {
	if len(keys) > MaxGet {
		return fmt.Errorf("%w: %d keys", ErrInvalid, len(keys))
	}
	seen := make(map[Key]bool, len(keys))
	for _, k := range keys {
		if err := k.Check(); err != nil {
			return err
		}
		if seen[k] {
			return fmt.Errorf("%w: the same key twice", ErrInvalid)
		}
		seen[k] = true
	}
	return nil
}

// Item is the item that the op writes or checks; nil unless exactly one of its
// fields is set.
func (o Op) Item() *Item {
	var item *Item
	for _, i := range []*Item{o.Put, o.Delete, o.Check} {
		switch {
		case i == nil:
		case item != nil:
			return nil
		default:
			item = i
		}
	}
	return item
}

// CheckOps reports ops that Transact can't take.
func CheckOps(ops []Op) error {
	if len(ops) > MaxTransact {
		return fmt.Errorf("%w: %d operations", ErrInvalid, len(ops))
	}
	keys, size := make([]Key, len(ops)), 0
	for n, op := range ops {
		item := op.Item()
		if item == nil {
			return fmt.Errorf("%w: operation %d is not exactly one write", ErrInvalid, n)
		}
		if err := item.Check(); err != nil {
			return err
		}
		keys[n] = item.Key
		if op.Put != nil {
			size += len(item.Data)
		}
	}
	if size > maxTransactData {
		return fmt.Errorf("%w: %d bytes in one transaction", ErrTooLarge, size)
	}
	return CheckKeys(keys)
}

// Check reports a query whose keys are out of their limits, or that goes on
// after a key it can't have returned.
func (q Query) Check() error {
	if err := (Key{q.PK, q.Prefix + "x"}).Check(); err != nil {
		return err
	}
	if q.After == "" {
		return nil
	}
	if !strings.HasPrefix(q.After, q.Prefix) {
		return fmt.Errorf("%w: After does not begin with Prefix", ErrInvalid)
	}
	return Key{q.PK, q.After}.Check()
}

// PageSize is Limit, or its default.
func (q Query) PageSize() int {
	if q.Limit <= 0 {
		return defaultLimit
	}
	return q.Limit
}

// PageOf makes the page of q from the items found, in order: up to one more
// than PageSize, which tells that there is a next page.
func (q Query) PageOf(found []Item) Page {
	if len(found) <= q.PageSize() {
		return Page{Items: found}
	}
	items := found[:q.PageSize()]
	return Page{Items: items, After: items[len(items)-1].SK}
}
