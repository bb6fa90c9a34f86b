package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

const (
	// touchAfter is how old LastUsedAt may get: a page that calls often must
	// not write each time.
	touchAfter = 10 * time.Minute
	// VerifiedFor is how long a user check in this browser is fresh
	// (approval-protocol.md 15: uv).
	VerifiedFor = 5 * time.Minute
)

// SetSession gives the browser an SSO session: user, sid and secret, of which
// only the secret's hash is kept.
func (s *Site) SetSession(w http.ResponseWriter, uid, sid string, secret idp.Secret, expires idp.Millis) {
	s.SetCookie(w, CookieSSO, uid+"."+sid+"."+secret.Reveal(), expires.Sub(s.Now()))
}

// SignedIn is a session that holds, with the device that it rests on.
type SignedIn struct {
	*idp.SSOSession
	Device *idp.Device
}

// Session reads and judges the SSO session of a request's cookie: right secret,
// neither too old nor unused for too long, and resting on a device that was not
// revoked. So a revocation holds even where the session could not be removed, or
// was written at the same moment. Errors: stepup_required where there is none
// that holds. Whether the person is active is for the caller.
func (s *Site) Session(r *http.Request) (*SignedIn, error) {
	ctx := r.Context()
	c, err := s.SessionCookie(r)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.SSOSession(ctx, c.UserID, c.SID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err := s.Opens(c, found); err != nil {
		return nil, err
	}
	device, err := s.Store.Device(ctx, found.CredentialID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	session, err := s.Rests(ctx, found, device)
	if err != nil {
		return nil, err
	}
	if now := s.Now(); found.LastUsedAt.Add(touchAfter).Over(now) {
		found.LastUsedAt = now
		err = s.Store.TouchSSOSession(ctx, found)
		if errors.Is(err, store.ErrNotFound) {
			return nil, noSession("session was ended meanwhile")
		}
	}
	return session, err
}

func noSession(detail string) error { return idp.E(idp.StepupRequired, "%s", detail) }

// SessionCookie names an SSO session; the secret shows that it is this browser's.
type SessionCookie struct {
	UserID, SID string
	secret      idp.Secret
}

// SessionCookie reads the cookie and nothing else. Errors: stepup_required
// where there is none of the right form.
func (s *Site) SessionCookie(r *http.Request) (SessionCookie, error) {
	c, err := r.Cookie(s.cookieName(CookieSSO))
	if err != nil {
		return SessionCookie{}, noSession("no session cookie")
	}
	uid, rest, _ := strings.Cut(c.Value, ".")
	sid, value, _ := strings.Cut(rest, ".")
	secret, err := idp.DecodeBase64(value, 32)
	if err != nil {
		return SessionCookie{}, noSession("session cookie is malformed")
	}
	for _, id := range []string{uid, sid} {
		if _, err := idp.DecodeBase32(id, 16); err != nil {
			return SessionCookie{}, noSession("session cookie is malformed")
		}
	}
	return SessionCookie{uid, sid, secret}, nil
}

// Opens is the first half of Session's judgment, for who reads by itself: the
// session that the cookie names, nil if it is not there, against the cookie and
// the clock.
func (s *Site) Opens(c SessionCookie, found *idp.SSOSession) error {
	hash := c.secret.Hash()
	switch {
	case found == nil:
		return noSession("no such session")
	case !idp.Equal(found.SecretHash, hash[:]):
		return noSession("another secret")
	case !s.Holds(found):
		return noSession("session is over, or was not used for too long")
	}
	return nil
}

// Rests is the second half: the device that the session names, nil if it is not
// there.
func (s *Site) Rests(ctx context.Context, found *idp.SSOSession, device *idp.Device) (*SignedIn, error) {
	switch {
	case device == nil:
		return nil, noSession("the session's device is gone")
	case !device.Usable() || device.UserID != found.UserID:
		return nil, noSession("the session's device was revoked")
	}
	RecordFrom(ctx).User = found.UserID
	return &SignedIn{found, device}, nil
}

// Holds reports whether a session is neither over nor unused for too long.
func (s *Site) Holds(session *idp.SSOSession) bool {
	now := s.Now()
	return !session.ExpiresAt.Over(now) && !session.LastUsedAt.Add(s.Config.SessionIdle).Over(now)
}

// Verified refuses a session in whose browser the person was not checked within
// a time: stepup_required.
func (s *Site) Verified(session *SignedIn, within time.Duration) error {
	if session.VerifiedAt == 0 || session.VerifiedAt.Add(within).Over(s.Now()) {
		return idp.E(idp.StepupRequired, "no user check within %s", within)
	}
	return nil
}
