package web

import (
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
	none := func(detail string) error { return idp.E(idp.StepupRequired, "%s", detail) }
	c, err := r.Cookie(s.cookieName(CookieSSO))
	if err != nil {
		return nil, none("no session cookie")
	}
	uid, rest, _ := strings.Cut(c.Value, ".")
	sid, value, _ := strings.Cut(rest, ".")
	secret, err := idp.DecodeBase64(value, 32)
	if err != nil {
		return nil, none("session cookie is malformed")
	}
	for _, id := range []string{uid, sid} {
		if _, err := idp.DecodeBase32(id, 16); err != nil {
			return nil, none("session cookie is malformed")
		}
	}
	found, err := s.Store.SSOSession(r.Context(), uid, sid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, none("no such session")
	}
	if err != nil {
		return nil, err
	}
	hash, now := idp.Secret(secret).Hash(), s.Now()
	switch {
	case !idp.Equal(found.SecretHash, hash[:]):
		return nil, none("another secret")
	case !s.Holds(found):
		return nil, none("session is over, or was not used for too long")
	}
	device, err := s.Store.Device(r.Context(), found.CredentialID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, none("the session's device is gone")
	case err != nil:
		return nil, err
	case !device.Usable() || device.UserID != uid:
		return nil, none("the session's device was revoked")
	}
	RecordFrom(r.Context()).User = uid
	if found.LastUsedAt.Add(touchAfter).Over(now) {
		found.LastUsedAt = now
		err = s.Store.TouchSSOSession(r.Context(), found)
		if errors.Is(err, store.ErrNotFound) {
			return nil, none("session was ended meanwhile")
		}
	}
	if err != nil {
		return nil, err
	}
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
