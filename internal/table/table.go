// Package table is the storage port: one table of versioned items with a
// partition key, a sort key, an expiry and bytes. It knows nothing of what the
// bytes mean (package store does) and holds no rules (package login does).
//
// Two engines implement it, table/embedded and table/dynamo; both pass
// tabletest.Run. Invariants of every engine:
//
//   - Every write is a compare-and-swap on the item's version.
//   - An item whose Expires has come is absent for every call, judged against
//     the engine's clock; a background sweep (DynamoDB's TTL) only frees space.
//   - Reads are strongly consistent unless Eventually is given.
//   - A call that fails with ErrUnavailable may or may not have been carried
//     out only if the engine could not find out; engines mark their writes so
//     that a write that did succeed before its answer was lost is recognized as
//     their own when it is retried.
package table

import (
	"context"
	"errors"
	"time"
)

// Errors that engines return, wrapped with what was being done.
var (
	ErrNotFound    = errors.New("item not found")
	ErrConflict    = errors.New("item changed meanwhile")
	ErrUnavailable = errors.New("storage unavailable") // throttled or failing after bounded retries
	ErrTooLarge    = errors.New("item too large")      // over MaxItem
	ErrDenied      = errors.New("storage denied")      // no permission, no valid credentials, no such table
	ErrCorrupt     = errors.New("stored item is damaged")
)

// Limits that hold for every engine (DynamoDB's, with room for our own attributes).
const (
	MaxItem     = 380 << 10 // bytes of Data
	MaxTransact = 100       // items in one Transact
	MaxGet      = 100       // keys in one GetAll
)

// Key addresses an item. Both parts are non-empty UTF-8, PK up to 2,048 and SK
// up to 1,024 bytes.
type Key struct{ PK, SK string }

// Item is a stored value.
type Item struct {
	Key
	Version int64     // as stored; 0 = not stored yet
	Expires time.Time // zero: never
	Data    []byte
}

// ReadOption changes a read.
type ReadOption int

// Eventually allows an eventually consistent (cheaper) read.
const Eventually ReadOption = 1

// Page is a query's result; After is empty when there is no more.
type Page struct {
	Items []Item
	After string // pass as Query.After to go on
}

// Query selects items of one partition in the order of their sort keys.
type Query struct {
	PK      string
	Prefix  string // of the sort key
	After   string // exclusive start: Page.After of the page before
	Limit   int    // at most this many; 0: 100
	Reverse bool   // descending
}

// Op is one write of a transaction.
type Op struct {
	Put    *Item // as Put
	Delete *Item // as Delete: Key and Version
	Check  *Item // only demands that Key has Version (0: absent)
}

// Table stores items.
type Table interface {
	// Get returns the item or ErrNotFound.
	Get(ctx context.Context, key Key, opts ...ReadOption) (Item, error)

	// GetAll returns the items found, in the order of the keys, one per key; an
	// absent one has Version 0. Up to MaxGet keys, no duplicates.
	GetAll(ctx context.Context, keys ...Key) ([]Item, error)

	// Put stores item if the stored version equals item.Version (0: absent) and
	// returns the new version, item.Version + 1; else ErrConflict.
	Put(ctx context.Context, item Item) (version int64, err error)

	// Delete removes the item if the stored version equals item.Version;
	// else ErrConflict. Deleting an absent item with Version 0 is no error.
	Delete(ctx context.Context, item Item) error

	// Transact carries out all of up to MaxTransact writes, on different keys,
	// or none: ErrConflict if any condition fails.
	Transact(ctx context.Context, ops ...Op) error

	// Query returns a page of items.
	Query(ctx context.Context, q Query) (Page, error)
}
