package store

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// KeySeen is what is known about a service provider and an announced key.
//
// FetchedAt is when somebody first fetched the service provider's own metadata
// with that key in it. The address is public, so it hints and proves nothing.
// ConfirmedAt is when an administrator said that the other side has the key.
type KeySeen struct {
	EntityID    string     `json:"entity_id"`
	FetchedAt   idp.Millis `json:"fetched_at,omitzero"`
	ConfirmedAt idp.Millis `json:"confirmed_at,omitzero"`
	ConfirmedBy string     `json:"confirmed_by,omitempty"`
}

// Both kinds are items of their own: the function that answers metadata and
// the administrator never write the same one.
const (
	keyFetched   = "fetched#"
	keyConfirmed = "confirmed#"
)

// KeyFetched records the first fetch; later ones cost a read and no write.
func (s *Store) KeyFetched(ctx context.Context, keyID, entityID string) error {
	key := keySeenKey(keyID, keyFetched, entityID)
	if _, _, err := get[KeySeen](ctx, s, key, table.Eventually); !errors.Is(err, ErrNotFound) {
		return err
	}
	_, err := put(ctx, s, key, 0, time.Time{}, KeySeen{EntityID: entityID, FetchedAt: s.clock.Now()})
	if errors.Is(err, ErrConflict) {
		return nil // another instance was first
	}
	return err
}

// ConfirmKey records an administrator's word, or takes it back.
func (s *Store) ConfirmKey(ctx context.Context, keyID, entityID, by string, confirmed bool) error {
	key := keySeenKey(keyID, keyConfirmed, entityID)
	_, version, err := get[KeySeen](ctx, s, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if !confirmed {
		return outside("remove confirmation", s.table.Delete(ctx, table.Item{Key: key, Version: version}))
	}
	_, err = put(ctx, s, key, version, time.Time{}, KeySeen{EntityID: entityID, ConfirmedAt: s.clock.Now(), ConfirmedBy: by})
	return err
}

// KeyProgress is what is known of a key, by the service providers' entityIDs.
func (s *Store) KeyProgress(ctx context.Context, keyID string) (map[string]KeySeen, error) {
	out := map[string]KeySeen{}
	_, err := list(ctx, s, table.Query{PK: keySeenKey(keyID, "", "").PK}, 0, func(seen *KeySeen, _ int64) {
		known := out[seen.EntityID]
		known.EntityID = seen.EntityID
		known.FetchedAt = max(known.FetchedAt, seen.FetchedAt)
		if seen.ConfirmedAt > 0 {
			known.ConfirmedAt, known.ConfirmedBy = seen.ConfirmedAt, seen.ConfirmedBy
		}
		out[seen.EntityID] = known
	})
	return out, err
}
