package store

import (
	"context"
	"errors"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// tries is how often a read, decide, compare-and-swap round is repeated when
// somebody else wrote in between (approval-protocol.md 4.2).
const tries = 4

// CreateLogin puts a login if there is none with its id. ErrExists with the
// stored login: the request was seen before (its id is derived from issuer and
// request ID, so the item is its own replay guard).
func (s *Store) CreateLogin(ctx context.Context, l *idp.Login) (*idp.Login, error) {
	v, err := put(ctx, s, loginKey(l.ID), 0, sweepAt(l.ExpiresAt), l)
	if err == nil {
		l.Version = v
		return l, nil
	}
	if !errors.Is(err, ErrConflict) {
		return nil, err
	}
	stored, err := s.Login(ctx, l.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, idp.E(idp.Busy, "login came and went")
	}
	if err != nil {
		return nil, err
	}
	return stored, ErrExists
}

// Login reads a login.
func (s *Store) Login(ctx context.Context, id string) (*idp.Login, error) {
	l, version, err := get[idp.Login](ctx, s, loginKey(id))
	if err != nil {
		return nil, err
	}
	l.Version = version
	return &l, nil
}

// UpdateLogin reads the login, lets decide change a copy, and writes it back
// by compare-and-swap, repeating on conflict. It writes nothing when decide
// changes nothing. decide's error ends it without a write.
func (s *Store) UpdateLogin(ctx context.Context, id string, decide func(*idp.Login) (changed bool, err error)) (*idp.Login, error) {
	for range tries {
		l, err := s.Login(ctx, id)
		if err != nil {
			return nil, err
		}
		changed, err := decide(l)
		if err != nil || !changed {
			return l, err
		}
		l.Version, err = put(ctx, s, loginKey(id), l.Version, sweepAt(l.ExpiresAt), l)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
	return nil, idp.E(idp.Busy, "login kept changing")
}

// PutLogin writes a login over the version it was read with; ErrConflict if it
// changed.
func (s *Store) PutLogin(ctx context.Context, l *idp.Login) error {
	v, err := put(ctx, s, loginKey(l.ID), l.Version, sweepAt(l.ExpiresAt), l)
	if err == nil {
		l.Version = v
	}
	return err
}

// CreateSession puts a QR session if there is none with its sid; ErrExists.
func (s *Store) CreateSession(ctx context.Context, q *idp.QRSession) error {
	v, err := put(ctx, s, sessionKey(q.SID), 0, sweepAt(q.LoginExpiresAt), q)
	if errors.Is(err, ErrConflict) {
		return ErrExists
	}
	if err == nil {
		q.Version = v
	}
	return err
}

// Session reads a QR session. A poll may read table.Eventually.
func (s *Store) Session(ctx context.Context, sid string, opts ...table.ReadOption) (idp.QRSession, error) {
	q, version, err := get[idp.QRSession](ctx, s, sessionKey(sid), opts...)
	q.Version = version
	return q, err
}

// PutSession writes a QR session over the version it was read with.
func (s *Store) PutSession(ctx context.Context, q *idp.QRSession) error {
	v, err := put(ctx, s, sessionKey(q.SID), q.Version, sweepAt(q.LoginExpiresAt), q)
	if err == nil {
		q.Version = v
	}
	return err
}

// Decision is what UpdateSession's decide says: the session after the event
// and the refusal to answer with, if any; a refusal may come with a changed
// session, which is written all the same. ErrConflict means that decide itself
// was overtaken, by a write to what it decided on, and has to start again.
type Decision func(s idp.QRSession) (next idp.QRSession, err error)

// UpdateSession is steps 1 to 5 of approval-protocol.md 4.2: read, decide,
// write on the version read if anything changed, start again on conflict.
func (s *Store) UpdateSession(ctx context.Context, sid string, same func(a, b idp.QRSession) bool, decide Decision) (before, after idp.QRSession, err error) {
	for range tries {
		before, err = s.Session(ctx, sid)
		if err != nil {
			return before, before, err
		}
		next, refusal := decide(before)
		if errors.Is(refusal, ErrConflict) {
			continue
		}
		if same(before, next) {
			return before, before, refusal
		}
		next.Version = before.Version
		err = s.PutSession(ctx, &next)
		if err == nil {
			return before, next, refusal
		}
		if !errors.Is(err, ErrConflict) {
			return before, before, err
		}
	}
	return before, before, idp.E(idp.Busy, "session %s kept changing", sid)
}

type codeItem struct {
	SID string `json:"sid"`
}

// PutCode names a session by the MAC of a user code; ErrExists if it is taken.
func (s *Store) PutCode(ctx context.Context, mac []byte, sid string, expires idp.Millis) error {
	_, err := put(ctx, s, codeKey(mac), 0, expires.Time(), codeItem{sid})
	if errors.Is(err, ErrConflict) {
		return ErrExists
	}
	return err
}

// SessionOfCode finds the sid that a user code's MAC names.
func (s *Store) SessionOfCode(ctx context.Context, mac []byte) (string, error) {
	c, _, err := get[codeItem](ctx, s, codeKey(mac))
	return c.SID, err
}

// SaveSSOSession writes the SSO session of a user and sid, replacing the one
// that an earlier try of the same finish wrote.
func (s *Store) SaveSSOSession(ctx context.Context, sess *idp.SSOSession) error {
	key := ssoKey(sess.UserID, sess.SID)
	version := int64(0)
	for range tries {
		v, err := put(ctx, s, key, version, sess.ExpiresAt.Time(), sess)
		if err == nil {
			sess.Version = v
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		_, version, err = get[idp.SSOSession](ctx, s, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return idp.E(idp.Busy, "SSO session kept changing")
}

// EndSSOSessions removes a user's SSO sessions, all or those that one
// credential approved, and returns how many.
func (s *Store) EndSSOSessions(ctx context.Context, uid, credential string) (int, error) {
	doomed, err := s.SSOSessions(ctx, uid)
	if err != nil {
		return 0, err
	}
	doomed = slices.DeleteFunc(doomed, func(v idp.SSOSession) bool { return credential != "" && v.CredentialID != credential })
	for i := range doomed { // one that is being used at this moment too
		if err := s.EndSSOSession(ctx, uid, doomed[i].SID); err != nil {
			return i, err
		}
	}
	return len(doomed), nil
}
