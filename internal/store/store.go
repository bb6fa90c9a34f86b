// Package store holds the typed repositories over a table: service providers,
// users, devices, invites, logins, QR sessions, SSO sessions, user codes,
// counters, signing-key records and the audit trail.
//
// It owns the layout of keys (keys.go) and the encoding of values: JSON in an
// envelope with a schema version; a version that this program does not know is
// refused (security-requirements.md L17). It holds no rules: what may happen to
// a QR session is decided by login.Apply, which Sessions.Update calls between
// a read and a compare-and-swap.
//
// Errors: idp.Busy when the table is unavailable or a conflict persists;
// ErrNotFound; ErrConflict for an administrator's lost update.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// Errors of the repositories.
var (
	ErrNotFound = table.ErrNotFound
	ErrConflict = table.ErrConflict
	ErrExists   = errors.New("exists already")
)

// schema is the version of the stored envelopes. It is raised over two releases
// (docs/adr/0029-stored-items.md): one that reads the next version, too, and one
// that writes it.
const schema = 1

// sweepAfter is how long an item stays readable after its own time is over, so
// that a late caller hears "this took too long" instead of "unknown".
const sweepAfter = time.Hour

// Store is the set of repositories.
type Store struct {
	table  table.Table
	clock  idp.Clock
	recent recent
}

// New makes the repositories over t.
func New(t table.Table, clock idp.Clock) *Store { return &Store{table: t, clock: clock} }

type envelope struct {
	Schema int             `json:"s"`
	Value  json.RawMessage `json:"v"`
}

func encode(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return json.Marshal(envelope{schema, raw})
}

func decode(data []byte, v any) error {
	e, err := open(data)
	if err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	if err := json.Unmarshal(e.Value, v); err != nil {
		return corrupt(v, err)
	}
	return nil
}

// open reads an envelope of the schema that this program knows.
func open(data []byte) (envelope, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return e, corrupt(e, err)
	}
	if e.Schema != schema {
		return e, &idp.Error{Code: idp.Busy, Reason: idp.SchemaVersion,
			Detail: fmt.Sprintf("the item has schema %d, this program knows %d", e.Schema, schema)}
	}
	return e, nil
}

// known refuses an item that is about to be removed or written over, and that
// this program could not read.
func known(item table.Item) error {
	if _, err := open(item.Data); err != nil {
		return fmt.Errorf("look at the item: %w", err)
	}
	return nil
}

func corrupt(v any, err error) error {
	return &idp.Error{Code: idp.Busy, Reason: idp.StoreCorrupt, Detail: fmt.Sprintf("decode %T", v), Err: err}
}

// outside turns a table that does not serve us into idp.Busy, with the reason
// for the log, and leaves everything else.
func outside(doing string, err error) error {
	if err == nil {
		return nil
	}
	for _, why := range []struct {
		is     error
		reason idp.Reason
	}{
		{table.ErrUnavailable, idp.StoreUnavailable}, {context.DeadlineExceeded, idp.StoreUnavailable},
		{table.ErrDenied, idp.StoreDenied}, {table.ErrCorrupt, idp.StoreCorrupt}, {context.Canceled, idp.ClientGone},
	} {
		if errors.Is(err, why.is) {
			return &idp.Error{Code: idp.Busy, Reason: why.reason, Detail: doing, Err: err}
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// get reads and decodes one item.
func get[T any](ctx context.Context, s *Store, key table.Key, opts ...table.ReadOption) (T, int64, error) {
	var v T
	item, err := s.table.Get(ctx, key, opts...)
	if err != nil {
		return v, 0, outside(fmt.Sprintf("read %T", v), err)
	}
	if err := decode(item.Data, &v); err != nil {
		return v, 0, err
	}
	return v, item.Version, nil
}

// put encodes and stores v over version (0: must not exist).
func put(ctx context.Context, s *Store, key table.Key, version int64, expires time.Time, v any) (int64, error) {
	item, err := itemOf(key, version, expires, v)
	if err != nil {
		return 0, err
	}
	n, err := s.table.Put(ctx, item)
	return n, outside(fmt.Sprintf("write %T", v), err)
}

func itemOf(key table.Key, version int64, expires time.Time, v any) (table.Item, error) {
	data, err := encode(v)
	if err != nil {
		return table.Item{}, err
	}
	return table.Item{Key: key, Version: version, Expires: expires, Data: data}, nil
}

func sweepAt(m idp.Millis) time.Time { return m.Time().Add(sweepAfter) }

// wholePage is how many items are asked for at once where all are wanted.
const wholePage = 1000

// list reads and decodes every item of a partition with a prefix, page by page,
// in order, up to limit (0: all) and after a sort key.
func list[T any](ctx context.Context, s *Store, q table.Query, limit int, keep func(v *T, version int64)) (after string, err error) {
	return listItems(ctx, s, q, limit, func(item table.Item) error {
		var v T
		if err := decode(item.Data, &v); err != nil {
			return err
		}
		keep(&v, item.Version)
		return nil
	})
}

// listItems is list of the items as they are stored.
func listItems(ctx context.Context, s *Store, q table.Query, limit int, keep func(table.Item) error) (after string, err error) {
	count := 0
	for {
		q.Limit = wholePage
		if limit > 0 {
			q.Limit = limit - count
		}
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return "", outside("list "+q.PK, err)
		}
		for _, item := range page.Items {
			if err := keep(item); err != nil {
				return "", err
			}
			count++
		}
		if page.After == "" || limit > 0 && count >= limit {
			return page.After, nil
		}
		q.After = page.After
	}
}
