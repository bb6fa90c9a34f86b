package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

const (
	// format is what the files look like. A higher one may be written once the
	// release before reads it (docs/adr/0029-stored-items.md).
	format = pebble.FormatWALSyncChunks

	cacheSize   = 32 << 20 // bytes of blocks read, beside the system's own cache
	openFiles   = 200      // leaves room below the usual limit of 1,024
	filterBits  = 10       // of a key: one in a hundred absent keys is looked for
	lockTimeout = time.Second
	lockRetry   = 50 * time.Millisecond
)

// ErrInUse says that another process holds the directory.
var ErrInUse = errors.New("data directory is in use by another latchkey process")

// errClosed is what calls get after Close.
var errClosed = errors.New("table is closed")

// DB is a table.Table in a directory.
type DB struct {
	db     *pebble.DB
	lock   *pebble.Lock
	writes *pebble.WriteOptions
	clock  idp.Clock

	life   sync.RWMutex // held for reading by every call
	closed bool

	mu      sync.Mutex
	queue   []*call
	writing sync.Mutex // held by who makes a commit
}

var _ table.Table = (*DB)(nil)

// Option changes how Open works.
type Option func(*settings)

type settings struct {
	writes *pebble.WriteOptions
	log    *slog.Logger
}

// WithoutSync lets writes return before they are on the disk: a crash of the
// machine loses the last ones. It is for tests of volume.
func WithoutSync() Option { return func(s *settings) { s.writes = pebble.NoSync } }

// LogTo is where failures of background work are written; without it, they go to
// slog's default logger.
func LogTo(log *slog.Logger) Option { return func(s *settings) { s.log = log } }

// Open opens the table in the directory at path, or creates it for the owner
// only; the folder around it must exist. It fails with ErrInUse if another process
// has it open.
func Open(path string, clock idp.Clock, options ...Option) (*DB, error) {
	set := settings{writes: pebble.Sync, log: slog.Default()}
	for _, o := range options {
		o(&set)
	}
	if err := makeDir(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	lock, err := lockDir(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db, err := pebble.Open(path, engineOptions(lock, set.log))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", damaged(err)), lock.Close())
	}
	return &DB{db: db, lock: lock, writes: set.writes, clock: clock}, nil
}

func makeDir(path string) error {
	err := os.Mkdir(path, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file, not a directory that this version made", path)
	}
	return err
}

// lockDir waits a little for a process that is about to end.
func lockDir(path string) (*pebble.Lock, error) {
	for waited := time.Duration(0); ; waited += lockRetry {
		lock, err := pebble.LockDirectory(path, vfs.Default)
		var failed *fs.PathError // the file could not be made at all
		switch {
		case err == nil, errors.As(err, &failed):
			return lock, err
		case waited >= lockTimeout:
			return nil, ErrInUse
		}
		time.Sleep(lockRetry)
	}
}

func engineOptions(lock *pebble.Lock, log *slog.Logger) *pebble.Options {
	o := &pebble.Options{
		FormatMajorVersion: format,
		Lock:               lock,
		CacheSize:          cacheSize,
		MaxOpenFiles:       openFiles,
		Logger:             logger{log},
		EventListener: &pebble.EventListener{
			DataCorruption: func(i pebble.DataCorruptionInfo) { // who reads it is told by the call
				log.Error("a file of the table is damaged", "event", "store.damaged", "error", i.Details.Error())
			},
		},
	}
	o.Levels[0].FilterPolicy = bloom.FilterPolicy(filterBits) // the further levels take it over
	return o
}

// Close waits for calls under way and closes the directory; it may be called again.
func (d *DB) Close() error {
	d.life.Lock()
	defer d.life.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	if err := errors.Join(d.db.Close(), d.lock.Close()); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// enter begins a call; leave ends it, if there was no error.
func (d *DB) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.life.RLock()
	if d.closed {
		d.life.RUnlock()
		return errClosed
	}
	return nil
}

func (d *DB) leave() { d.life.RUnlock() }

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
	if err := table.CheckKeys(keys); err != nil {
		return nil, fmt.Errorf("get items: %w", err)
	}
	if err := d.enter(ctx); err != nil {
		return nil, fmt.Errorf("get items: %w", err)
	}
	defer d.leave()
	snapshot := d.db.NewSnapshot()
	items, now := make([]table.Item, len(keys)), d.clock.Now()
	var err error
	for i, key := range keys {
		if err = lookup(snapshot, encodeKey(key), func(v value) { items[i] = v.item(key, now) }); err != nil {
			break
		}
	}
	if err := errors.Join(err, snapshot.Close()); err != nil {
		return nil, fmt.Errorf("get items: %w", err)
	}
	return items, nil
}

// lookup hands use the value at key, nil if there is none; it is valid during the
// call only.
func lookup(from pebble.Reader, key []byte, use func(value)) error {
	b, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		use(nil)
		return nil
	}
	if err != nil {
		return damaged(err)
	}
	if err = value(b).check(); err == nil {
		use(b)
	}
	return errors.Join(err, closer.Close())
}

// walk makes an iterator of one point in time for do.
func (d *DB) walk(o *pebble.IterOptions, do func(*pebble.Iterator) error) error {
	i, err := d.db.NewIter(o)
	if err != nil {
		return damaged(err)
	}
	err = do(i)
	return errors.Join(err, damaged(i.Close())) // Close says what ended it early, too
}

// stored is the value where i stands; it is valid until i moves.
func stored(i *pebble.Iterator) (value, error) {
	b, err := i.ValueAndErr()
	if err != nil {
		return nil, damaged(err)
	}
	return b, value(b).check()
}

// damaged makes a file that cannot be read ErrCorrupt.
func damaged(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", table.ErrCorrupt, err)
	}
	return err
}
