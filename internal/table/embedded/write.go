package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// call is a write that waits for its commit.
type call struct {
	ops  []table.Op
	done chan error // has room for the result
}

// Put implements table.Table.
func (d *DB) Put(ctx context.Context, item table.Item) (int64, error) {
	if err := d.write(ctx, table.Op{Put: &item}); err != nil {
		return 0, fmt.Errorf("put item: %w", err)
	}
	return item.Version + 1, nil
}

// Delete implements table.Table.
func (d *DB) Delete(ctx context.Context, item table.Item) error {
	if err := d.write(ctx, table.Op{Delete: &item}); err != nil {
		return fmt.Errorf("delete item: %w", err)
	}
	return nil
}

// Transact implements table.Table.
func (d *DB) Transact(ctx context.Context, ops ...table.Op) error {
	if err := d.write(ctx, ops...); err != nil {
		return fmt.Errorf("write %d items: %w", len(ops), err)
	}
	return nil
}

// write carries out ops in a commit that it shares with all calls that came
// during the commit before.
func (d *DB) write(ctx context.Context, ops ...table.Op) error {
	if err := table.CheckOps(ops); err != nil {
		return err
	}
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.leave()
	if len(ops) == 0 {
		return nil
	}
	own := &call{ops: ops, done: make(chan error, 1)}
	d.mu.Lock()
	d.queue = append(d.queue, own)
	d.mu.Unlock()
	d.writing.Lock()
	defer d.writing.Unlock()
	if len(own.done) == 0 { // else another call has taken it along
		d.commit()
	}
	return <-own.done
}

// commit carries out the calls that wait. A refusal of ours is kept apart from a
// failure, which is that of all.
func (d *DB) commit() {
	d.mu.Lock()
	calls := d.queue
	d.queue = nil
	d.mu.Unlock()
	refusals := make([]error, len(calls))
	err := d.update(func(batch *pebble.Batch) error {
		now := d.clock.Now()
		for i, c := range calls {
			if refusals[i] = verify(batch, c.ops, now); refusals[i] != nil {
				continue
			}
			if err := apply(batch, c.ops); err != nil {
				return err
			}
		}
		return nil
	})
	for i, c := range calls {
		c.done <- errors.Join(err, refusals[i])
	}
}

// update commits what do puts into the batch, through which it sees the table and
// its own changes. The caller holds d.writing.
func (d *DB) update(do func(*pebble.Batch) error) error {
	batch := d.db.NewIndexedBatch()
	err := do(batch)
	if err == nil && !batch.Empty() {
		err = batch.Commit(d.writes)
	}
	return errors.Join(err, batch.Close())
}

// verify checks that each op finds the version it expects.
func verify(batch *pebble.Batch, ops []table.Op, now idp.Millis) error {
	for _, op := range ops {
		var version int64
		if err := lookup(batch, encodeKey(op.Item().Key), func(v value) { version = v.version(now) }); err != nil {
			return err
		}
		if version != op.Item().Version {
			return table.ErrConflict
		}
	}
	return nil
}

func apply(batch *pebble.Batch, ops []table.Op) error {
	for _, op := range ops {
		var err error
		switch {
		case op.Put != nil:
			err = batch.Set(encodeKey(op.Put.Key), encodeValue(op.Put.Version+1, *op.Put), nil)
		case op.Delete != nil:
			err = batch.Delete(encodeKey(op.Delete.Key), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
