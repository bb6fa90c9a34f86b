package store

import (
	"context"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// SSOSession reads one of a person's SSO sessions, strongly consistent.
func (s *Store) SSOSession(ctx context.Context, uid, sid string) (*idp.SSOSession, error) {
	v, version, err := get[idp.SSOSession](ctx, s, ssoKey(uid, sid))
	if err != nil {
		return nil, err
	}
	v.Version = version
	return &v, nil
}

// SSOSessions lists a person's SSO sessions, those that are over too.
func (s *Store) SSOSessions(ctx context.Context, uid string) (out []idp.SSOSession, err error) {
	_, err = list(ctx, s, table.Query{PK: "USER#" + uid, Prefix: "session#"}, 0, func(v *idp.SSOSession, version int64) {
		v.Version = version
		out = append(out, *v)
	})
	return out, err
}

// TouchSSOSession writes that a session was used. One that was ended meanwhile
// stays ended: ErrNotFound.
func (s *Store) TouchSSOSession(ctx context.Context, sess *idp.SSOSession) error {
	v, err := put(ctx, s, ssoKey(sess.UserID, sess.SID), sess.Version, sess.ExpiresAt.Time(), sess)
	switch {
	case err == nil:
		sess.Version = v
	case errors.Is(err, ErrConflict): // used in two tabs at once, or ended
		_, err = s.SSOSession(ctx, sess.UserID, sess.SID)
	}
	return err
}

// PutSSOSession creates (Version 0) or replaces a session that was read before.
func (s *Store) PutSSOSession(ctx context.Context, sess *idp.SSOSession) error {
	v, err := put(ctx, s, ssoKey(sess.UserID, sess.SID), sess.Version, sess.ExpiresAt.Time(), sess)
	if err == nil {
		sess.Version = v
	}
	return err
}

// EndSSOSession removes one; it is no error if there is none.
func (s *Store) EndSSOSession(ctx context.Context, uid, sid string) error {
	for range tries {
		sess, err := s.SSOSession(ctx, uid, sid)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		err = s.table.Delete(ctx, table.Item{Key: ssoKey(uid, sid), Version: sess.Version})
		if !errors.Is(err, ErrConflict) {
			return outside("end SSO session", err)
		}
	}
	return idp.E(idp.Busy, "SSO session kept changing")
}
