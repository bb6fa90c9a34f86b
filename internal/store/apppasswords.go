package store

import (
	"context"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// appPasswordIndex finds an app password by its hash. The password itself lies
// with its person, so that it is revoked where it is listed.
type appPasswordIndex struct {
	UserID string `json:"uid"`
	ID     string `json:"id"`
}

// CreateAppPassword stores a new one.
func (s *Store) CreateAppPassword(ctx context.Context, p *idp.AppPassword) error {
	item, err := itemOf(appPasswordKey(p.UserID, p.ID), 0, sweepAt(p.ExpiresAt), p)
	if err != nil {
		return err
	}
	index, err := itemOf(appPasswordIndexKey(p.Hash), 0, sweepAt(p.ExpiresAt), appPasswordIndex{p.UserID, p.ID})
	if err != nil {
		return err
	}
	if err := s.table.Transact(ctx, table.Op{Put: &item}, table.Op{Put: &index}); err != nil {
		return outside("create app password", err)
	}
	p.Version = 1
	return nil
}

// FindAppPassword finds the app password of a hash, strongly consistent;
// ErrNotFound if there is none, or it was revoked. Whether it has expired is for
// the caller. One read where there is none, whoever it is said to be of.
func (s *Store) FindAppPassword(ctx context.Context, hash []byte) (*idp.AppPassword, error) {
	index, _, err := get[appPasswordIndex](ctx, s, appPasswordIndexKey(hash))
	if err != nil {
		return nil, err
	}
	p, err := s.AppPassword(ctx, index.UserID, index.ID)
	if err == nil && !idp.Equal(p.Hash, hash) {
		return nil, ErrNotFound
	}
	return p, err
}

// AppPassword reads one of a person.
func (s *Store) AppPassword(ctx context.Context, uid, id string) (*idp.AppPassword, error) {
	p, version, err := get[idp.AppPassword](ctx, s, appPasswordKey(uid, id))
	if err != nil {
		return nil, err
	}
	p.Version = version
	return &p, nil
}

// AppPasswords lists those of a person that have not expired.
func (s *Store) AppPasswords(ctx context.Context, uid string) ([]idp.AppPassword, error) {
	all, err := s.appPasswords(ctx, uid)
	live := []idp.AppPassword{}
	for _, p := range all {
		if !p.ExpiresAt.Over(s.clock.Now()) {
			live = append(live, p)
		}
	}
	return live, err
}

func (s *Store) appPasswords(ctx context.Context, uid string) (all []idp.AppPassword, err error) {
	_, err = list(ctx, s, table.Query{PK: "USER#" + uid, Prefix: "apppw#"}, 0, func(p *idp.AppPassword, version int64) {
		p.Version = version
		all = append(all, *p)
	})
	return all, err
}

// SaveAppPassword replaces one as it was read; ErrConflict if it changed, above
// all if it was revoked meanwhile.
func (s *Store) SaveAppPassword(ctx context.Context, p *idp.AppPassword) error {
	v, err := put(ctx, s, appPasswordKey(p.UserID, p.ID), p.Version, sweepAt(p.ExpiresAt), p)
	if err == nil {
		p.Version = v
	}
	return err
}

// RevokeAppPassword removes one of a person; ErrNotFound if there is none.
func (s *Store) RevokeAppPassword(ctx context.Context, uid, id string) (*idp.AppPassword, error) {
	for range tries {
		p, err := s.AppPassword(ctx, uid, id)
		if err != nil {
			return nil, err
		}
		err = s.removeAppPassword(ctx, p)
		if !errors.Is(err, ErrConflict) { // else it is used at the same moment
			return p, err
		}
	}
	return nil, idp.E(idp.Busy, "app password kept changing")
}

func (s *Store) removeAppPassword(ctx context.Context, p *idp.AppPassword) error {
	ops, err := s.indexDelete(ctx, appPasswordIndexKey(p.Hash))
	if err != nil {
		return err
	}
	ops = append(ops, table.Op{Delete: &table.Item{Key: appPasswordKey(p.UserID, p.ID), Version: p.Version}})
	return outside("remove app password", s.table.Transact(ctx, ops...))
}

// forgetAppPasswords removes all of a person, expired ones too.
func (s *Store) forgetAppPasswords(ctx context.Context, uid string) error {
	all, err := s.appPasswords(ctx, uid)
	if err != nil {
		return err
	}
	for i := range all {
		if _, err := s.RevokeAppPassword(ctx, uid, all[i].ID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}
