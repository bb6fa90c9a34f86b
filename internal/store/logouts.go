package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// maxEnded is the most sessions that end together with the writing of a logout.
const maxEnded = table.MaxTransact - 1

// StartLogout writes a logout and ends sessions of the versions that were read,
// all or nothing: a session never ends without the list of whom to tell.
// ErrExists: there is a logout of this id; ErrConflict: a session changed.
func (s *Store) StartLogout(ctx context.Context, l *idp.Logout, sessions []idp.SSOSession) error {
	item, err := itemOf(logoutKey(l.ID), l.Version, sweepAt(l.ExpiresAt), l)
	if err != nil {
		return err
	}
	if len(sessions) > maxEnded {
		return fmt.Errorf("end %d sessions at once, at most %d", len(sessions), maxEnded)
	}
	ops := []table.Op{{Put: &item}}
	for i := range sessions {
		v := &sessions[i]
		ops = append(ops, table.Op{Delete: &table.Item{Key: ssoKey(v.UserID, v.SID), Version: v.Version}})
	}
	err = s.table.Transact(ctx, ops...)
	if errors.Is(err, ErrConflict) && l.Version == 0 {
		if _, err := s.Logout(ctx, l.ID); err == nil {
			return ErrExists
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	if err == nil {
		l.Version++
	}
	return outside("start logout", err)
}

// Logout reads a logout.
func (s *Store) Logout(ctx context.Context, id string) (*idp.Logout, error) {
	l, version, err := get[idp.Logout](ctx, s, logoutKey(id))
	if err != nil {
		return nil, err
	}
	l.Version = version
	return &l, nil
}

// LogoutResults lists what has become of a logout's targets so far.
func (s *Store) LogoutResults(ctx context.Context, id string) (out []idp.LogoutResult, err error) {
	_, err = list(ctx, s, table.Query{PK: logoutKey(id).PK, Prefix: "told#"}, 0, func(v *idp.LogoutResult, _ int64) {
		out = append(out, *v)
	})
	return out, err
}

// PutLogoutResult writes the outcome of a target, once: ErrConflict if there is
// one.
func (s *Store) PutLogoutResult(ctx context.Context, l *idp.Logout, r idp.LogoutResult) error {
	_, err := put(ctx, s, toldKey(l.ID, r.Target), 0, sweepAt(l.ExpiresAt), r)
	return err
}
