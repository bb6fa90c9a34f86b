package bolt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

const lockTimeout = time.Second

// ErrInUse says that another process holds the file.
var ErrInUse = errors.New("data directory is in use by another latchkey process")

// DB is a table.Table in a file.
type DB struct {
	db    *bbolt.DB
	clock idp.Clock

	mu      sync.Mutex
	queue   []*call
	writing sync.Mutex // held by who makes a commit
}

// call is a write that waits for its commit.
type call struct {
	ops  []table.Op
	done chan error // has room for the result
}

var _ table.Table = (*DB)(nil)

// bucketName returns the name of the bucket that holds all items. Its number is
// that of the encoding described in doc.go.
func bucketName() []byte { return []byte("items.1") }

// Option changes how Open works.
type Option func(*bbolt.Options)

// WithoutSync lets writes return before they are on the disk: a crash of the
// machine can destroy the file. It is for tests of volume.
func WithoutSync() Option {
	return func(o *bbolt.Options) { o.NoSync, o.NoGrowSync = true, true }
}

// Open opens the table in the file at path, or creates it readable by the owner
// only; its folder must exist. It fails with ErrInUse if another process has it
// open.
func Open(path string, clock idp.Clock, options ...Option) (*DB, error) {
	o := &bbolt.Options{
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType, // fast however much Sweep frees
		// Each commit would write the list of free pages, sorted: after a large Sweep
		// that is most of its work. It is made anew by Open, which reads the file.
		NoFreelistSync: true,
	}
	for _, set := range options {
		set(o)
	}
	db, err := bbolt.Open(path, 0o600, o)
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("open database: %w", ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucketName())
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create bucket: %w", err), db.Close())
	}
	return &DB{db: db, clock: clock}, nil
}

// Close waits for calls under way and closes the file.
func (d *DB) Close() error {
	if err := d.db.Close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Get implements table.Table; every read is consistent.
func (d *DB) Get(ctx context.Context, key table.Key, _ ...table.ReadOption) (table.Item, error) {
	items, err := d.GetAll(ctx, key)
	if err != nil {
		return table.Item{}, err
	}
	if items[0].Version == 0 {
		return table.Item{}, fmt.Errorf("get item: %w", table.ErrNotFound)
	}
	return items[0], nil
}

// GetAll implements table.Table; the items are of one point in time.
func (d *DB) GetAll(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	if err := errors.Join(ctx.Err(), table.CheckKeys(keys)); err != nil {
		return nil, fmt.Errorf("get items: %w", err)
	}
	items := make([]table.Item, len(keys))
	err := d.db.View(func(tx *bbolt.Tx) error {
		bucket, now := tx.Bucket(bucketName()), d.clock.Now()
		for i, key := range keys {
			v, err := lookup(bucket, key)
			if err != nil {
				return err
			}
			items[i] = v.item(key, now)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("get items: %w", err)
	}
	return items, nil
}

func lookup(bucket *bbolt.Bucket, key table.Key) (value, error) {
	v := value(bucket.Get(encodeKey(key)))
	return v, v.check()
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
// during the commit before. (bbolt's own Batch waits for some time instead, and
// then queues one small commit after the other.)
func (d *DB) write(ctx context.Context, ops ...table.Op) error {
	if err := errors.Join(ctx.Err(), table.CheckOps(ops)); err != nil {
		return err
	}
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
// failure of the transaction, which would roll back the others.
func (d *DB) commit() {
	d.mu.Lock()
	calls := d.queue
	d.queue = nil
	d.mu.Unlock()
	refusals := make([]error, len(calls))
	err := d.db.Update(func(tx *bbolt.Tx) error {
		bucket, now := tx.Bucket(bucketName()), d.clock.Now()
		for i, c := range calls {
			if refusals[i] = verify(bucket, c.ops, now); refusals[i] != nil {
				continue
			}
			if err := apply(bucket, c.ops); err != nil {
				return err
			}
		}
		return nil
	})
	for i, c := range calls {
		c.done <- errors.Join(err, refusals[i])
	}
}

// verify checks that each op finds the version it expects.
func verify(bucket *bbolt.Bucket, ops []table.Op, now idp.Millis) error {
	for _, op := range ops {
		v, err := lookup(bucket, op.Item().Key)
		if err != nil {
			return err
		}
		if v.version(now) != op.Item().Version {
			return table.ErrConflict
		}
	}
	return nil
}

func apply(bucket *bbolt.Bucket, ops []table.Op) error {
	for _, op := range ops {
		var err error
		switch {
		case op.Put != nil:
			err = bucket.Put(encodeKey(op.Put.Key), encodeValue(op.Put.Version+1, *op.Put))
		case op.Delete != nil:
			err = bucket.Delete(encodeKey(op.Delete.Key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
