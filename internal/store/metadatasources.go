package store

import (
	"context"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// MetadataSource reads where a service provider's metadata comes from;
// ErrNotFound if it was not imported from an address.
func (s *Store) MetadataSource(ctx context.Context, entityID string) (*idp.MetadataSource, error) {
	src, version, err := get[idp.MetadataSource](ctx, s, metadataKey(entityID))
	if err != nil {
		return nil, err
	}
	if src.EntityID != entityID { // as for service providers
		return nil, ErrNotFound
	}
	src.Version = version
	return &src, nil
}

// MetadataSources lists all of them.
func (s *Store) MetadataSources(ctx context.Context) ([]*idp.MetadataSource, error) {
	var out []*idp.MetadataSource
	_, err := list(ctx, s, table.Query{PK: metadataKey("").PK}, 0, func(v *idp.MetadataSource, version int64) {
		v.Version = version
		out = append(out, v)
	})
	return out, err
}

// SaveMetadataSource creates (Version 0) or replaces one; ErrConflict.
func (s *Store) SaveMetadataSource(ctx context.Context, src *idp.MetadataSource) error {
	version, err := put(ctx, s, metadataKey(src.EntityID), src.Version, time.Time{}, src)
	if err == nil {
		src.Version = version
	}
	return err
}

// DeleteMetadataSource forgets one; the service provider stays.
func (s *Store) DeleteMetadataSource(ctx context.Context, entityID string) error {
	ops, err := s.indexDelete(ctx, metadataKey(entityID))
	if err != nil || len(ops) == 0 {
		return err
	}
	return outside("delete metadata source", s.table.Transact(ctx, ops...))
}

// AddImported is SaveServiceProvider of a new one, with its source.
func (s *Store) AddImported(ctx context.Context, sp *idp.ServiceProvider, src *idp.MetadataSource) error {
	item, err := itemOf(metadataKey(src.EntityID), 0, time.Time{}, src)
	if err != nil {
		return err
	}
	if err := s.saveServiceProvider(ctx, sp, table.Op{Put: &item}); err != nil {
		return err
	}
	src.Version = 1
	return nil
}

// SaveRefreshed stores a service provider and its source at once: both or
// none. What the index of service providers holds must not have changed.
func (s *Store) SaveRefreshed(ctx context.Context, sp *idp.ServiceProvider, src *idp.MetadataSource) error {
	next := *sp
	next.UpdatedAt = s.clock.Now()
	item, err := itemOf(spKey(next.EntityID), next.Version, time.Time{}, next)
	if err != nil {
		return err
	}
	source, err := itemOf(metadataKey(src.EntityID), src.Version, time.Time{}, src)
	if err != nil {
		return err
	}
	if err := s.table.Transact(ctx, table.Op{Put: &item}, table.Op{Put: &source}); err != nil {
		return outside("save refreshed service provider", err)
	}
	next.Version++
	src.Version++
	*sp = next
	s.recent.drop(sp.EntityID)
	return nil
}
