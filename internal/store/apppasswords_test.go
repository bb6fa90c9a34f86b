package store_test

import (
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

func TestAppPasswords(t *testing.T) {
	f := newStore(t)
	p := &idp.AppPassword{ID: "P", UserID: "U", SP: "sp", Hash: []byte("hash"), ExpiresAt: f.at().Add(time.Hour)}
	ok(t, f.CreateAppPassword(t.Context(), p))
	is(t, f.CreateAppPassword(t.Context(), &idp.AppPassword{ID: "Q", UserID: "U", Hash: []byte("hash"), ExpiresAt: p.ExpiresAt}), store.ErrConflict)
	found, err := f.FindAppPassword(t.Context(), []byte("hash"))
	ok(t, err)
	if found.ID != "P" || found.UserID != "U" || found.Version != 1 {
		t.Errorf("%+v", found)
	}
	_, err = f.FindAppPassword(t.Context(), []byte("other"))
	is(t, err, store.ErrNotFound)
	found.LastUsedAt = f.at()
	ok(t, f.SaveAppPassword(t.Context(), found))
	is(t, f.SaveAppPassword(t.Context(), p), store.ErrConflict)

	t.Run("expired ones are not listed", func(t *testing.T) {
		over := &idp.AppPassword{ID: "O", UserID: "U", Hash: []byte("over"), ExpiresAt: f.at()}
		ok(t, f.CreateAppPassword(t.Context(), over))
		list, err := f.AppPasswords(t.Context(), "U")
		ok(t, err)
		if len(list) != 1 || list[0].ID != "P" {
			t.Errorf("%+v", list)
		}
	})
	t.Run("a revoked one cannot be used any more", func(t *testing.T) {
		_, err := f.RevokeAppPassword(t.Context(), "another", "P")
		is(t, err, store.ErrNotFound)
		gone, err := f.RevokeAppPassword(t.Context(), "U", "P")
		ok(t, err)
		if gone.SP != "sp" {
			t.Errorf("%+v", gone)
		}
		is(t, f.SaveAppPassword(t.Context(), found), store.ErrConflict) // found before it was revoked
		_, err = f.FindAppPassword(t.Context(), []byte("hash"))
		is(t, err, store.ErrNotFound)
	})
}
