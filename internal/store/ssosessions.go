package store

import (
	"context"
	"errors"
	"time"

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

// PutContinued stores, all or nothing, that an SSO session answered a login:
// both, over the versions that they were read with, and the line in the
// person's own list; nil for a repeat, which has its line. ErrConflict: one of
// them changed meanwhile, or the session was ended.
func (s *Store) PutContinued(ctx context.Context, l *idp.Login, sess *idp.SSOSession, line *idp.SignIn) error {
	stored, err := itemOf(loginKey(l.ID), l.Version, sweepAt(l.ExpiresAt), l)
	if err != nil {
		return err
	}
	session, err := itemOf(ssoKey(sess.UserID, sess.SID), sess.Version, sess.ExpiresAt.Time(), sess)
	if err != nil {
		return err
	}
	ops := []table.Op{{Put: &stored}, {Put: &session}}
	if line != nil {
		// By the login: one session may answer two at the same moment.
		if line.ID, err = signInID(line.At, l.ID); err != nil {
			return err
		}
		item, err := itemOf(signInKey(sess.UserID, line.ID), 0, line.At.Time().Add(signInKeep), line)
		if err != nil {
			return err
		}
		ops = append(ops, table.Op{Put: &item})
	}
	if err := s.table.Transact(ctx, ops...); err != nil {
		return outside("write what a session answered", err)
	}
	l.Version++
	sess.Version++
	return nil
}

// SignedInBefore reports whether a finished sign-in left its line in the
// person's list while its SSO session is gone: somebody ended it.
func (s *Store) SignedInBefore(ctx context.Context, uid string, at idp.Millis, sid string) (bool, error) {
	id, err := signInID(at, sid)
	if err != nil {
		return false, err
	}
	items, err := s.table.GetAll(ctx, ssoKey(uid, sid), signInKey(uid, id))
	if err != nil {
		return false, outside("read session and sign-in", err)
	}
	return items[0].Version == 0 && items[1].Version > 0, nil
}

// nameItem stands for the person whom a service provider knows by a NameID.
type nameItem struct {
	UserID string `json:"uid"`
}

// IndexName keeps, until a time, who stands behind a NameID that a service
// provider was given. The same again costs one refused write as long as what is
// there lasts long enough.
func (s *Store) IndexName(ctx context.Context, entityID, nameID, uid string, until idp.Millis) error {
	key := nameKey(entityID, nameID, uid)
	// Kept longer than it is needed, so that it is seldom written.
	item, err := itemOf(key, 0, until.Time().Add(nameKeep), nameItem{uid})
	if err != nil {
		return err
	}
	for range tries {
		_, err = s.table.Put(ctx, item)
		if !errors.Is(err, table.ErrConflict) {
			return outside("index NameID", err)
		}
		found, err := s.table.Get(ctx, key)
		if errors.Is(err, table.ErrNotFound) {
			item.Version = 0
			continue
		}
		if err != nil {
			return outside("read index of NameID", err)
		}
		if err := known(found); err != nil {
			return err
		}
		if found.Expires.After(until.Time()) {
			return nil
		}
		item.Version = found.Version
	}
	return idp.E(idp.Busy, "index of NameID kept changing")
}

// nameKeep is how much longer than its session a name stays in the index.
const nameKeep = 30 * 24 * time.Hour

// PeopleNamed lists the users whom a service provider was given a NameID for:
// one, unless a directory gives two people the same identifier.
func (s *Store) PeopleNamed(ctx context.Context, entityID, nameID string) (uids []string, err error) {
	_, err = list(ctx, s, table.Query{PK: nameKey(entityID, nameID, "").PK}, 0, func(v *nameItem, _ int64) {
		uids = append(uids, v.UserID)
	})
	return uids, err
}
