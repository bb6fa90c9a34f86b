package store_test

import (
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// TestPutContinued: login, session and line are stored together or not at all.
func TestPutContinued(t *testing.T) {
	const sid, id = "AAAAAAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBBBBBA"
	setup := func(t *testing.T) (f *fixture, l *idp.Login, session *idp.SSOSession, line *idp.SignIn) {
		f = newStore(t)
		l, err := f.CreateLogin(t.Context(), &idp.Login{ID: id, ExpiresAt: f.at().Add(time.Minute)})
		ok(t, err)
		session = &idp.SSOSession{SID: sid, UserID: "U", ExpiresAt: f.at().Add(time.Hour)}
		ok(t, f.PutSSOSession(t.Context(), session))
		l.Done, session.LastUsedAt = "sso."+sid, f.at()
		return f, l, session, &idp.SignIn{At: f.at(), SID: sid}
	}
	stored := func(t *testing.T, f *fixture) (done string, used idp.Millis, lines int) {
		l, err := f.Login(t.Context(), id)
		ok(t, err)
		if session, err := f.SSOSession(t.Context(), "U", sid); err == nil {
			used = session.LastUsedAt
		}
		list, _, err := f.SignIns(t.Context(), "U", "", 0)
		ok(t, err)
		return l.Done, used, len(list)
	}
	t.Run("all, and a repeat", func(t *testing.T) {
		f, l, session, line := setup(t)
		ok(t, f.PutContinued(t.Context(), l, session, line))
		ok(t, f.PutContinued(t.Context(), l, session, nil)) // on the versions that the first left
		if done, used, lines := stored(t, f); done != l.Done || used != session.LastUsedAt || lines != 1 {
			t.Errorf("done %q, used %d, %d lines", done, used, lines)
		}
	})
	for name, meanwhile := range map[string]func(*fixture) error{
		"the session is ended": func(f *fixture) error { return f.EndSSOSession(t.Context(), "U", sid) },
		"the login is taken": func(f *fixture) error {
			_, err := f.UpdateLogin(t.Context(), id, func(*idp.Login) (bool, error) { return true, nil })
			return err
		},
	} {
		t.Run("nothing where "+name, func(t *testing.T) {
			f, l, session, line := setup(t)
			ok(t, meanwhile(f))
			is(t, f.PutContinued(t.Context(), l, session, line), store.ErrConflict)
			if done, used, lines := stored(t, f); done != "" || used != 0 || lines != 0 {
				t.Errorf("done %q, used %d, %d lines", done, used, lines)
			}
		})
	}
}
