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
func (k SigningKeys) Save(ctx context.Context, r keys.Record) (keys.Record, error) {
	version, err := put(ctx, k.Store, signingKeyKey(r.ID), r.Version, time.Time{}, r)
	if err == nil {
		r.Version = version
	}
	return r, err
}
