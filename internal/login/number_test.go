package login_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

func numbered(t *testing.T) idp.QRSession {
	t.Helper()
	s := must(t, idp.QRSession{}, numberedCreate(), t0)
	return must(t, s, claimEvent(0), t0)
}

func typed(number string) login.Approve {
	e := approveEvent()
	e.Number = number
	return e
}

func TestNumber(t *testing.T) {
	t.Run("T11 the third wrong number denies", func(t *testing.T) {
		s := numbered(t)
		for try, left := range []string{"2", "1", "0"} {
			next, err := login.Apply(s, typed("000000"), t0)
			if idp.CodeOf(err) != idp.NumberMismatch || idp.AsError(err).Args["n"] != left || next.NumTries != try+1 {
				t.Fatalf("try %d: %v, %+v", try+1, err, next)
			}
			s = next
		}
		if s.State != idp.StateDenied || s.Why != idp.WhyNumberMismatch || login.Hint(s) != "number_mismatch" {
			t.Errorf("%s %s %s", s.State, s.Why, login.Hint(s))
		}
		if _, err := login.Apply(s, typed(theNumber), t0); idp.CodeOf(err) != idp.WrongState {
			t.Errorf("the right number after a denial: %v", err)
		}
	})
	t.Run("T9 the right number, also after two wrong ones", func(t *testing.T) {
		s := numbered(t)
		for range 2 {
			s, _ = login.Apply(s, typed(""), t0)
		}
		if s = must(t, s, typed(theNumber), t0); s.State != idp.StateApproved {
			t.Errorf("%s", s.State)
		}
	})
	t.Run("other checks come first and count no try", func(t *testing.T) {
		e := typed("000000")
		e.Refused = idp.E(idp.UserInactive, "test")
		if next, err := login.Apply(numbered(t), e, t0); idp.CodeOf(err) != idp.UserInactive || next.NumTries != 0 {
			t.Errorf("%v, %d tries", err, next.NumTries)
		}
	})
	t.Run("a session for a passkey has none", func(t *testing.T) {
		e := numberedCreate()
		e.Mode = login.ModePasskey
		if s := must(t, idp.QRSession{}, e, t0); s.Number != "" {
			t.Errorf("number %q", s.Number)
		}
	})
	t.Run("numbers have all their digits", func(t *testing.T) {
		n, err := login.NewNumber(bytes.NewReader(make([]byte, 32)), 6)
		if err != nil || n != "000000" {
			t.Errorf("%q, %v", n, err)
		}
		seen := map[string]bool{}
		for range 100 {
			n, err := login.NewNumber(rand.Reader, 3)
			if _, ok := login.ParseNumber(n); err != nil || len(n) != 3 || !ok {
				t.Fatalf("%q, %v", n, err)
			}
			seen[n] = true
		}
		if len(seen) < 50 {
			t.Errorf("%d different numbers of 100", len(seen))
		}
		for _, bad := range []string{"", "48 29", "١٢٣", "-1", "123456789", "12a", strings.Repeat("0", 9)} {
			if _, ok := login.ParseNumber(bad); ok {
				t.Errorf("%q is taken for a number", bad)
			}
		}
	})
}
