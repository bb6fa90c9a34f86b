package tabletest

import (
	"context"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// Hook decides whether a call fails: op is "get", "getall", "put", "delete",
// "transact" or "query", keys are those it concerns (of a query the partition
// and the prefix). nil lets it pass. It is called concurrently if the table is.
type Hook func(op string, keys []table.Key) error

// Faulty is a table with injected errors. An error of Before stops the call
// (table.ErrConflict: somebody else was faster; table.ErrUnavailable:
// throttled); one of After takes the place of the answer of a call that
// succeeded, as when a commit's answer is lost. Either may be nil.
type Faulty struct {
	Table         table.Table
	Before, After Hook
}

var _ table.Table = (*Faulty)(nil)

func (f *Faulty) call(op string, keys []table.Key, call func() error) error {
	if f.Before != nil {
		if err := f.Before(op, keys); err != nil {
			return err
		}
	}
	if err := call(); err != nil || f.After == nil {
		return err
	}
	return f.After(op, keys)
}

// Get implements table.Table.
func (f *Faulty) Get(ctx context.Context, key table.Key, opts ...table.ReadOption) (item table.Item, err error) {
	err = f.call("get", []table.Key{key}, func() error {
		item, err = f.Table.Get(ctx, key, opts...)
		return err
	})
	return item, err
}

// GetAll implements table.Table.
func (f *Faulty) GetAll(ctx context.Context, keys ...table.Key) (items []table.Item, err error) {
	err = f.call("getall", keys, func() error {
		items, err = f.Table.GetAll(ctx, keys...)
		return err
	})
	return items, err
}

// Put implements table.Table.
func (f *Faulty) Put(ctx context.Context, item table.Item) (version int64, err error) {
	err = f.call("put", []table.Key{item.Key}, func() error {
		version, err = f.Table.Put(ctx, item)
		return err
	})
	return version, err
}

// Delete implements table.Table.
func (f *Faulty) Delete(ctx context.Context, item table.Item) error {
	return f.call("delete", []table.Key{item.Key}, func() error {
		return f.Table.Delete(ctx, item)
	})
}

// Transact implements table.Table.
func (f *Faulty) Transact(ctx context.Context, ops ...table.Op) error {
	keys := make([]table.Key, 0, len(ops))
	for _, op := range ops {
		if item := op.Item(); item != nil {
			keys = append(keys, item.Key)
		}
	}
	return f.call("transact", keys, func() error {
		return f.Table.Transact(ctx, ops...)
	})
}

// Query implements table.Table.
func (f *Faulty) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	err = f.call("query", []table.Key{{PK: q.PK, SK: q.Prefix}}, func() error {
		page, err = f.Table.Query(ctx, q)
		return err
	})
	return page, err
}
