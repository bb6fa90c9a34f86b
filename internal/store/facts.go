package store

import (
	"context"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// Facts is what a decision about a sign-in rests on, read strongly consistent
// in one request. What is absent, or was not asked for, is nil.
type Facts struct {
	Login  *idp.Login
	SP     *idp.ServiceProvider
	Device *idp.Device
}

// Facts reads a service provider, a credential and, unless loginID is empty, a
// login.
func (s *Store) Facts(ctx context.Context, entityID, credential, loginID string) (Facts, error) {
	wanted := []table.Key{spKey(entityID), credKey(credential)}
	if loginID != "" {
		wanted = append(wanted, loginKey(loginID))
	}
	items, err := s.table.GetAll(ctx, wanted...)
	if err != nil {
		return Facts{}, outside("read facts", err)
	}
	var f Facts
	if f.SP, err = fact(items[0], func(v *idp.ServiceProvider, n int64) { v.Version = n }); err != nil {
		return f, err
	}
	if f.SP != nil && f.SP.EntityID != entityID {
		f.SP = nil
	}
	if f.Device, err = fact(items[1], func(v *idp.Device, n int64) { v.Version = n }); err != nil {
		return f, err
	}
	if f.Device != nil && f.Device.ID != credential {
		f.Device = nil
	}
	if loginID != "" {
		f.Login, err = fact(items[2], func(v *idp.Login, n int64) { v.Version = n })
	}
	if f.SP != nil {
		s.recent.keep(f.SP, s.clock())
	}
	return f, err
}

func fact[T any](item table.Item, version func(*T, int64)) (*T, error) {
	if item.Version == 0 {
		return nil, nil //nolint:nilnil // absent is no error here
	}
	v := new(T)
	if err := decode(item.Data, v); err != nil {
		return nil, err
	}
	version(v, item.Version)
	return v, nil
}

// recentFor is how old a service provider's settings may be where only its
// name or a first look at its state matters.
const recentFor = 10 * time.Second

// RecentServiceProvider is ServiceProvider, or what this process read within
// the last ten seconds. Nothing is granted on its word.
func (s *Store) RecentServiceProvider(ctx context.Context, entityID string) (*idp.ServiceProvider, error) {
	if sp := s.recent.get(entityID, s.clock()); sp != nil {
		return sp, nil
	}
	return s.ServiceProvider(ctx, entityID)
}
