package store

import (
	"context"
	"time"

	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// SigningKeys is the keys.Records of a store.
type SigningKeys struct{ Store *Store }

// List implements keys.Records.
func (k SigningKeys) List(ctx context.Context) ([]keys.Record, error) {
	var out []keys.Record
	_, err := list(ctx, k.Store, table.Query{PK: signingKeyKey("").PK}, 0, func(r *keys.Record, version int64) {
		r.Version = version
		out = append(out, *r)
	})
	return out, err
}

// Save implements keys.Records.
func (k SigningKeys) Save(ctx context.Context, records ...keys.Record) error {
	var ops []table.Op
	for _, r := range records {
		item, err := itemOf(signingKeyKey(r.ID), r.Version, time.Time{}, r)
		if err != nil {
			return err
		}
		ops = append(ops, table.Op{Put: &item})
	}
	return outside("write signing keys", k.Store.table.Transact(ctx, ops...))
}
