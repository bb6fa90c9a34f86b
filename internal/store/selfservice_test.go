package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// enrolled stores an active device.
func (f *fixture) enrolled(t *testing.T, uid, id string) *idp.Device {
	t.Helper()
	inv := &idp.Invite{ID: "I" + id, TokenHash: []byte(id), UserID: uid, ExpiresAt: f.at().Add(time.Hour)}
	ok(t, f.CreateInvite(t.Context(), inv))
	count, err := f.Enrolled(t.Context(), uid)
	ok(t, err)
	d := &idp.Device{ID: id, UserID: uid, State: idp.DeviceActive}
	ok(t, f.Enroll(t.Context(), store.Enrolling{Device: d, Invite: inv, Count: count}))
	return d
}

func TestRemoveDevice(t *testing.T) {
	f := newStore(t)
	one, two := f.enrolled(t, "U", "one"), f.enrolled(t, "U", "two")
	count, err := f.Enrolled(t.Context(), "U")
	ok(t, err)
	ok(t, f.RemoveDevice(t.Context(), one, count))
	if one.State != idp.DeviceRevoked {
		t.Errorf("%+v", one)
	}
	is(t, f.RemoveDevice(t.Context(), two, count), store.ErrConflict) // decided before the first one went
	if two.State != idp.DeviceActive {
		t.Errorf("%+v after a removal that did not happen", two)
	}
	stored, err := f.Device(t.Context(), "two")
	ok(t, err)
	if stored.State != idp.DeviceActive {
		t.Errorf("%+v", stored)
	}
	t.Run("a device that came meanwhile counts too", func(t *testing.T) {
		count, err := f.Enrolled(t.Context(), "U")
		ok(t, err)
		f.enrolled(t, "U", "three")
		is(t, f.RemoveDevice(t.Context(), two, count), store.ErrConflict)
	})
}

func TestSpendRecoveryCode(t *testing.T) {
	f := newStore(t)
	ok(t, f.SaveRecoveryCodes(t.Context(), "U", &idp.RecoveryCodes{Codes: []idp.RecoveryCode{{Hash: []byte("a")}, {Hash: []byte("b")}}}))
	spend := func(cookie string) error {
		codes, err := f.RecoveryCodes(t.Context(), "U")
		ok(t, err)
		codes.Codes[0].UsedAt = f.at()
		return f.SpendRecoveryCode(t.Context(), codes, &idp.Enrollment{CookieHash: []byte(cookie), UserID: "U", ExpiresAt: f.at().Add(time.Minute)})
	}
	t.Run("Q18 a failure spends nothing", func(t *testing.T) {
		f.faulty.Before = func(op string, _ []table.Key) error {
			if op == "transact" {
				return table.ErrUnavailable
			}
			return nil
		}
		if err := spend("first"); idp.CodeOf(err) != idp.Busy {
			t.Errorf("%v", err)
		}
		f.faulty.Before = nil
		codes, err := f.RecoveryCodes(t.Context(), "U")
		ok(t, err)
		_, none := f.Enrollment(t.Context(), []byte("first"))
		if is(t, none, store.ErrNotFound); codes.Left() != 2 {
			t.Errorf("%d left", codes.Left())
		}
	})
	stale, err := f.RecoveryCodes(t.Context(), "U")
	ok(t, err)
	ok(t, spend("second"))
	_, err = f.Enrollment(t.Context(), []byte("second"))
	ok(t, err)
	t.Run("Q18 the same code at the same moment", func(t *testing.T) {
		stale.Codes[0].UsedAt = f.at()
		is(t, f.SpendRecoveryCode(t.Context(), stale, &idp.Enrollment{CookieHash: []byte("third"), UserID: "U", ExpiresAt: f.at()}), store.ErrConflict)
		_, none := f.Enrollment(t.Context(), []byte("third"))
		is(t, none, store.ErrNotFound)
	})
}

func TestActivateDevice(t *testing.T) {
	f := newStore(t)
	old := f.enrolled(t, "U", "old")
	fresh := f.enrolled(t, "U", "fresh")
	add := &idp.DeviceAdd{ID: "A", UserID: "U", ExpiresAt: f.at().Add(time.Minute)}
	ok(t, f.CreateDeviceAdd(t.Context(), add, &idp.Invite{ID: "A", TokenHash: []byte("add"), ExpiresAt: add.ExpiresAt}))
	t.Run("Q17 not by a device that was revoked meanwhile", func(t *testing.T) {
		stale := *old
		if _, err := f.RevokeDevice(t.Context(), "U", "old"); err != nil {
			t.Fatal(err)
		}
		is(t, f.ActivateDevice(t.Context(), add, fresh, &stale), store.ErrConflict)
	})
}

// TestEndedSessionsStayEnded: a session that is being used at the moment at
// which all are ended does not survive.
func TestEndedSessionsStayEnded(t *testing.T) {
	f := newStore(t)
	sess := &idp.SSOSession{SID: "S", UserID: "U", CredentialID: "C", ExpiresAt: f.at().Add(time.Hour)}
	ok(t, f.SaveSSOSession(t.Context(), sess))
	var once sync.Once
	f.faulty.Before = func(op string, keys []table.Key) error {
		if op == "delete" && slices.ContainsFunc(keys, func(k table.Key) bool { return k.SK == "session#S" }) {
			once.Do(func() { ok(t, f.TouchSSOSession(t.Context(), sess)) })
		}
		return nil
	}
	n, err := f.EndSSOSessions(t.Context(), "U", "C")
	if err != nil || n != 1 {
		t.Errorf("%d ended, %v", n, err)
	}
	_, err = f.SSOSession(t.Context(), "U", "S")
	is(t, err, store.ErrNotFound)
	is(t, f.TouchSSOSession(t.Context(), sess), store.ErrNotFound)
}

// TestStepUpThatIsOvertaken: a collision says nothing of whether the challenge
// was taken; another try does.
func TestStepUpThatIsOvertaken(t *testing.T) {
	f := newStore(t)
	ok(t, f.CreateStepUp(t.Context(), []byte("hash"), []byte("challenge"), f.at().Add(time.Minute)))
	f.faulty.Before = func(op string, _ []table.Key) error {
		if op == "delete" {
			return table.ErrConflict
		}
		return nil
	}
	_, err := f.TakeStepUp(t.Context(), []byte("hash"))
	is(t, err, store.ErrConflict)
	f.faulty.Before = nil
	challenge, err := f.TakeStepUp(t.Context(), []byte("hash"))
	ok(t, err)
	if string(challenge) != "challenge" {
		t.Errorf("challenge %q", challenge)
	}
	_, err = f.TakeStepUp(t.Context(), []byte("hash"))
	is(t, err, store.ErrNotFound)
}
