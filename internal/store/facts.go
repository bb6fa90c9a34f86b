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
	Login   *idp.Login
	SP      *idp.ServiceProvider
	Device  *idp.Device
	User    *idp.User // as stored; see directory.Directory
	Session *idp.SSOSession
}

// Wanted names the facts to read, at least one; an empty name asks for none.
type Wanted struct {
	Login      string // id
	SP         string // entityID
	Credential string // id of a device
	User       string // id
	Session    string // sid of one of User's SSO sessions
}

// Facts reads all that is wanted.
func (s *Store) Facts(ctx context.Context, w Wanted) (f Facts, err error) {
	var all facts
	if w.Login != "" {
		add(&all, loginKey(w.Login), &f.Login, func(v *idp.Login, n int64) { v.Version = n })
	}
	if w.SP != "" {
		add(&all, spKey(w.SP), &f.SP, func(v *idp.ServiceProvider, n int64) { v.Version = n })
	}
	if w.Credential != "" {
		add(&all, credKey(w.Credential), &f.Device, func(v *idp.Device, n int64) { v.Version = n })
	}
	if w.User != "" {
		add(&all, userKey(w.User), &f.User, func(v *idp.User, n int64) { v.Version = n })
	}
	if w.Session != "" {
		add(&all, ssoKey(w.User, w.Session), &f.Session, func(v *idp.SSOSession, n int64) { v.Version = n })
	}
	if err := all.read(ctx, s.table); err != nil {
		return Facts{}, err
	}
	// Keys hold hashes of long names; never trust a key alone.
	if f.SP != nil && f.SP.EntityID != w.SP {
		f.SP = nil
	}
	if f.Device != nil && f.Device.ID != w.Credential {
		f.Device = nil
	}
	if f.SP != nil {
		s.recent.keep(f.SP, s.clock())
	}
	return f, nil
}

// facts are items to read in one request, and what to do with each.
type facts struct {
	keys   []table.Key
	decode []func(table.Item) error
}

// add has an item read into a pointer, which stays as it is if there is none.
func add[T any](all *facts, key table.Key, into **T, version func(*T, int64)) {
	all.keys = append(all.keys, key)
	all.decode = append(all.decode, func(item table.Item) error {
		if item.Version == 0 {
			return nil
		}
		v := new(T)
		if err := decode(item.Data, v); err != nil {
			return err
		}
		version(v, item.Version)
		*into = v
		return nil
	})
}

func (all *facts) read(ctx context.Context, t table.Table) error {
	items, err := t.GetAll(ctx, all.keys...)
	if err != nil {
		return outside("read facts", err)
	}
	for i, item := range items {
		if err := all.decode[i](item); err != nil {
			return err
		}
	}
	return nil
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
