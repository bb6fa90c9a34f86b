package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

type userIndex struct {
	ID string `json:"id"`
}

// User reads one by id, strongly consistent.
func (s *Store) User(ctx context.Context, id string) (*idp.User, error) {
	u, version, err := get[idp.User](ctx, s, userKey(id))
	if err != nil {
		return nil, err
	}
	u.Version = version
	return &u, nil
}

// UserByEmail finds one by e-mail address, ignoring case.
func (s *Store) UserByEmail(ctx context.Context, email string) (*idp.User, error) {
	if foldEmail(email) == "" {
		return nil, ErrNotFound
	}
	index, _, err := get[userIndex](ctx, s, userIndexKey(email))
	if err != nil {
		return nil, err
	}
	return s.User(ctx, index.ID)
}

// Users lists up to limit users in the order of their e-mail addresses, after
// the cursor of the page before.
func (s *Store) Users(ctx context.Context, after string, limit int) (users []idp.User, next string, err error) {
	var ids []string
	next, err = list(ctx, s, table.Query{PK: "INDEX#USER", After: after}, limit,
		func(v *userIndex, _ int64) { ids = append(ids, v.ID) })
	if err != nil {
		return nil, "", err
	}
	users, err = getAll[idp.User](ctx, s, ids, userKey, func(u *idp.User, v int64) { u.Version = v })
	return users, next, err
}

// getAll reads many items by id, in order, leaving out those that are gone.
func getAll[T any](ctx context.Context, s *Store, ids []string, key func(string) table.Key, version func(*T, int64)) ([]T, error) {
	out := make([]T, 0, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), table.MaxGet)
		keys := make([]table.Key, n)
		for i, id := range ids[:n] {
			keys[i] = key(id)
		}
		items, err := s.table.GetAll(ctx, keys...)
		if err != nil {
			return nil, outside("read items", err)
		}
		for _, item := range items {
			if item.Version == 0 {
				continue
			}
			var v T
			if err := decode(item.Data, &v); err != nil {
				return nil, err
			}
			version(&v, item.Version)
			out = append(out, v)
		}
		ids = ids[n:]
	}
	return out, nil
}

// SaveUser creates (Version 0) or replaces a user. ErrExists: the e-mail
// address is taken; ErrConflict: the user changed since it was read.
func (s *Store) SaveUser(ctx context.Context, u *idp.User) error {
	now := s.clock.Now()
	next := *u
	next.UpdatedAt = now
	var ops []table.Op
	if u.Version == 0 {
		next.CreatedAt = now
	} else {
		before, err := s.User(ctx, u.ID)
		if err != nil {
			return err
		}
		if before.Version != u.Version {
			return ErrConflict
		}
		if foldEmail(before.Email) != foldEmail(u.Email) {
			if ops, err = s.indexDelete(ctx, userIndexKey(before.Email)); err != nil {
				return err
			}
		}
	}
	if u.Version == 0 || len(ops) > 0 {
		index, err := itemOf(userIndexKey(next.Email), 0, time.Time{}, userIndex{u.ID})
		if err != nil {
			return err
		}
		ops = append(ops, table.Op{Put: &index})
	}
	item, err := itemOf(userKey(u.ID), u.Version, time.Time{}, &next)
	if err != nil {
		return err
	}
	if err := s.table.Transact(ctx, append(ops, table.Op{Put: &item})...); err != nil {
		if len(ops) > 0 && errors.Is(err, table.ErrConflict) {
			return fmt.Errorf("user %s: %w", u.Email, ErrExists)
		}
		return outside("save user", err)
	}
	next.Version = u.Version + 1
	*u = next
	return nil
}

// DeleteUser removes the user, the devices, the app passwords, the SSO sessions,
// the list of sign-ins, the consents and the recovery codes.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	u, err := s.User(ctx, id)
	if err != nil {
		return err
	}
	devices, err := s.Devices(ctx, id)
	if err != nil {
		return err
	}
	// Devices first: a crash in between leaves a user without devices, never
	// a credential without its user.
	for i := range devices {
		ops, err := s.indexDelete(ctx, deviceIndexKey(id, devices[i].ID))
		if err != nil {
			return err
		}
		pop, err := s.indexDelete(ctx, popKey(devices[i].PopKeyID))
		if err != nil {
			return err
		}
		ops = append(ops, pop...)
		ops = append(ops, table.Op{Delete: &table.Item{Key: credKey(devices[i].ID), Version: devices[i].Version}})
		if err := s.table.Transact(ctx, ops...); err != nil {
			return outside("delete device", err)
		}
	}
	if err := s.forgetAppPasswords(ctx, id); err != nil {
		return err
	}
	if _, err := s.EndSSOSessions(ctx, id, ""); err != nil {
		return err
	}
	if err := s.forgetSignIns(ctx, id); err != nil {
		return err
	}
	if err := s.forgetConsents(ctx, id); err != nil {
		return err
	}
	ops, err := s.indexDelete(ctx, userIndexKey(u.Email))
	if err != nil {
		return err
	}
	for _, key := range []table.Key{recoveryKey(id), enrolledKey(id)} {
		more, err := s.indexDelete(ctx, key)
		if err != nil {
			return err
		}
		ops = append(ops, more...)
	}
	ops = append(ops, table.Op{Delete: &table.Item{Key: userKey(id), Version: u.Version}})
	return outside("delete user", s.table.Transact(ctx, ops...))
}
