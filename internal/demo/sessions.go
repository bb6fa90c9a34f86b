package demo

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

const (
	sessionCookie = "orchard"
	maxSessions   = 1000
)

// sessions keeps the application's sessions in memory, with their assertions,
// which samlsp's own would reduce to a few values in a cookie.
type sessions struct {
	random io.Reader

	mu         sync.Mutex
	assertions map[[32]byte]*saml.Assertion // by the cookie's hash
}

var _ samlsp.SessionProvider = (*sessions)(nil)

func newSessions(random io.Reader) *sessions {
	return &sessions{random: random, assertions: map[[32]byte]*saml.Assertion{}}
}

// of is the assertion of the request's session, or nil.
func (s *sessions) of(r *http.Request) *saml.Assertion {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	secret, err := idp.DecodeBase64(c.Value, 32)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.assertions[idp.Secret(secret).Hash()]
}

// CreateSession implements samlsp.SessionProvider.
func (s *sessions) CreateSession(w http.ResponseWriter, _ *http.Request, assertion *saml.Assertion) error {
	secret, err := idp.NewSecret(s.random, 32)
	if err != nil {
		return fmt.Errorf("make session: %w", err)
	}
	s.mu.Lock()
	if len(s.assertions) >= maxSessions {
		clear(s.assertions)
	}
	s.assertions[secret.Hash()] = assertion
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: secret.Reveal(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// DeleteSession implements samlsp.SessionProvider.
func (s *sessions) DeleteSession(w http.ResponseWriter, r *http.Request) error {
	if c, err := r.Cookie(sessionCookie); err == nil {
		if secret, err := idp.DecodeBase64(c.Value, 32); err == nil {
			s.mu.Lock()
			delete(s.assertions, idp.Secret(secret).Hash())
			s.mu.Unlock()
		}
	}
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return nil
}

// end ends the sessions of a person, those with one of the indexes, or all.
func (s *sessions) end(nameID string, indexes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, a := range s.assertions {
		if a.Subject == nil || a.Subject.NameID == nil || a.Subject.NameID.Value != nameID {
			continue
		}
		if len(indexes) == 0 || slices.ContainsFunc(a.AuthnStatements, func(st saml.AuthnStatement) bool {
			return slices.Contains(indexes, st.SessionIndex)
		}) {
			delete(s.assertions, key)
		}
	}
}

// GetSession implements samlsp.SessionProvider.
func (s *sessions) GetSession(r *http.Request) (samlsp.Session, error) {
	if a := s.of(r); a != nil {
		return a, nil
	}
	return nil, samlsp.ErrNoSession
}
