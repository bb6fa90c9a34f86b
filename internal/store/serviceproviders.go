package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// SPSummary is one line of the list of service providers.
type SPSummary struct {
	EntityID string `json:"entity_id"`
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Preset   string `json:"preset"`
	Disabled bool   `json:"disabled"`
	Draft    bool   `json:"draft"`
	ECP      bool   `json:"ecp,omitempty"`   // lets programs sign in
	Opens    bool   `json:"opens,omitempty"` // can be opened from the launchpad
}

func summaryOf(sp *idp.ServiceProvider) SPSummary {
	return SPSummary{sp.EntityID, sp.Slug, sp.Name, sp.Preset, sp.Disabled, sp.Draft, sp.ECP, sp.IdPInitiated || sp.StartURL != ""}
}

// ServiceProvider reads one by its entityID, strongly consistent.
func (s *Store) ServiceProvider(ctx context.Context, entityID string) (*idp.ServiceProvider, error) {
	sp, version, err := get[idp.ServiceProvider](ctx, s, spKey(entityID))
	if err != nil {
		return nil, err
	}
	if sp.EntityID != entityID { // pkSafe hashes long ids; never trust a key alone
		return nil, ErrNotFound
	}
	sp.Version = version
	s.recent.keep(&sp, s.clock())
	return &sp, nil
}

// ServiceProviderBySlug finds one by its short name.
func (s *Store) ServiceProviderBySlug(ctx context.Context, slug string) (*idp.ServiceProvider, error) {
	if slug == "" {
		return nil, ErrNotFound
	}
	index, _, err := get[SPSummary](ctx, s, spIndexKey(slug))
	if err != nil {
		return nil, err
	}
	return s.ServiceProvider(ctx, index.EntityID)
}

// ServiceProviders lists them in the order of their slugs.
func (s *Store) ServiceProviders(ctx context.Context) ([]SPSummary, error) {
	out := []SPSummary{}
	_, err := list(ctx, s, table.Query{PK: "INDEX#SP"}, 0, func(v *SPSummary, _ int64) { out = append(out, *v) })
	return out, err
}

// ServiceProvidersOf reads those of a list, in its order, a hundred in a request,
// leaving out what has been removed meanwhile.
func (s *Store) ServiceProvidersOf(ctx context.Context, summaries []SPSummary) ([]idp.ServiceProvider, error) {
	ids := make([]string, len(summaries))
	for i, v := range summaries {
		ids[i] = v.EntityID
	}
	return getAll(ctx, s, ids, spKey, func(sp *idp.ServiceProvider, v int64) { sp.Version = v })
}

// SaveServiceProvider creates (Version 0) or replaces one. ErrExists: the
// entityID or the slug is taken; ErrConflict: it changed since it was read.
func (s *Store) SaveServiceProvider(ctx context.Context, sp *idp.ServiceProvider) error {
	return s.saveServiceProvider(ctx, sp)
}

func (s *Store) saveServiceProvider(ctx context.Context, sp *idp.ServiceProvider, also ...table.Op) error {
	now := s.clock.Now()
	var before *idp.ServiceProvider
	if sp.Version != 0 {
		var err error
		if before, err = s.ServiceProvider(ctx, sp.EntityID); err != nil {
			return err
		}
		if before.Version != sp.Version {
			return ErrConflict
		}
	}
	next := *sp
	next.UpdatedAt = now
	if before == nil {
		next.CreatedAt = now
	}
	ops, err := s.spWrites(ctx, before, &next)
	if err != nil {
		return err
	}
	if err := s.table.Transact(ctx, append(ops, also...)...); err != nil {
		if before == nil && errors.Is(err, table.ErrConflict) {
			return fmt.Errorf("service provider %q or short name %q: %w", sp.EntityID, sp.Slug, ErrExists)
		}
		return outside("save service provider", err)
	}
	next.Version = sp.Version + 1
	*sp = next
	s.recent.drop(sp.EntityID)
	return nil
}

func (s *Store) spWrites(ctx context.Context, before, next *idp.ServiceProvider) ([]table.Op, error) {
	item, err := itemOf(spKey(next.EntityID), next.Version, time.Time{}, next)
	if err != nil {
		return nil, err
	}
	ops := []table.Op{{Put: &item}}
	indexVersion := int64(0)
	if before != nil && before.Slug == next.Slug {
		_, v, err := get[SPSummary](ctx, s, spIndexKey(next.Slug))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		indexVersion = v
	} else if before != nil {
		old, err := s.indexDelete(ctx, spIndexKey(before.Slug))
		if err != nil {
			return nil, err
		}
		ops = append(ops, old...)
	}
	index, err := itemOf(spIndexKey(next.Slug), indexVersion, time.Time{}, summaryOf(next))
	if err != nil {
		return nil, err
	}
	return append(ops, table.Op{Put: &index}), nil
}

// indexDelete makes the writes that remove an item of which only the key is
// known, none if it is gone.
func (s *Store) indexDelete(ctx context.Context, key table.Key) ([]table.Op, error) {
	item, err := s.table.Get(ctx, key)
	if errors.Is(err, table.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, outside("read index", err)
	}
	if err := known(item); err != nil {
		return nil, err
	}
	return []table.Op{{Delete: &table.Item{Key: key, Version: item.Version}}}, nil
}

// DeleteServiceProvider removes one with its index.
func (s *Store) DeleteServiceProvider(ctx context.Context, entityID string) error {
	sp, err := s.ServiceProvider(ctx, entityID)
	if err != nil {
		return err
	}
	ops, err := s.indexDelete(ctx, spIndexKey(sp.Slug))
	if err != nil {
		return err
	}
	source, err := s.indexDelete(ctx, metadataKey(entityID))
	if err != nil {
		return err
	}
	ops = append(ops, source...)
	ops = append(ops, table.Op{Delete: &table.Item{Key: spKey(entityID), Version: sp.Version}})
	s.recent.drop(entityID)
	return outside("delete service provider", s.table.Transact(ctx, ops...))
}
