package store_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

func TestReleaseRules(t *testing.T) {
	f := newStore(t)
	one, err := f.ReleaseRules(t.Context())
	ok(t, err)
	two, err := f.ReleaseRules(t.Context())
	ok(t, err)
	one.Rules = []idp.ReleaseRule{{ID: "a"}}
	ok(t, f.SaveReleaseRules(t.Context(), one))
	is(t, f.SaveReleaseRules(t.Context(), two), store.ErrConflict) // two administrators at once
	one.Rules = nil
	ok(t, f.SaveReleaseRules(t.Context(), one))
}

func TestConsents(t *testing.T) {
	f := newStore(t)
	ctx := t.Context()
	u := &idp.User{ID: "U", Email: "a@b"}
	ok(t, f.SaveUser(ctx, u))
	for _, sp := range []string{"https://a.test", "https://b.test"} {
		c := &idp.Consent{SP: sp, Set: []byte("x")}
		ok(t, f.SaveConsent(ctx, u.ID, c))
		is(t, f.SaveConsent(ctx, u.ID, &idp.Consent{SP: sp}), store.ErrConflict)
		c.Set = []byte("y")
		ok(t, f.SaveConsent(ctx, u.ID, c))
	}
	is(t, second(f.Consent(ctx, "V", "https://a.test")), store.ErrNotFound)
	is(t, second(f.DeleteConsent(ctx, "V", idp.ConsentID("https://a.test"))), store.ErrNotFound)
	gone, err := f.DeleteConsent(ctx, u.ID, idp.ConsentID("https://a.test"))
	ok(t, err)
	left, err := f.Consents(ctx, u.ID)
	ok(t, err)
	if gone.SP != "https://a.test" || len(left) != 1 || left[0].SP != "https://b.test" || string(left[0].Set) != "y" {
		t.Errorf("gone %+v, left %+v", gone, left)
	}
	ok(t, f.DeleteUser(ctx, u.ID))
	if left, err = f.Consents(ctx, u.ID); err != nil || len(left) > 0 {
		t.Errorf("%+v, %v", left, err)
	}
}
