package login_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

// limits of each open state for a session that reached it at t0.
var limits = map[idp.State]idp.Millis{
	idp.StateCreated:  t0.Add(login.QRLife),
	idp.StateScanned:  t0.Add(login.ClaimLife),
	idp.StateApproved: t0.Add(login.DoneLife),
}

// change is what an event does to the session, as the table's To column says.
type change func(s *idp.QRSession, now idp.Millis)

func nothing(*idp.QRSession, idp.Millis) {}

// TestTransitions runs every row of 4.3 a millisecond before the limit of its
// state, at the limit and a millisecond after.
func TestTransitions(t *testing.T) {
	lexp := t0.Add(login.LoginLife)
	badSignature := idp.E(idp.BadSignature, "test")
	claimed := func() change {
		return func(s *idp.QRSession, now idp.Millis) {
			c := claimEvent(0)
			s.State, s.ClaimHash, s.ClaimNet, s.Nonce, s.PhoneKind = idp.StateScanned, c.ClaimHash, c.Net, c.Nonce, c.PhoneKind
			s.Claims, s.Context.App = 1, c.App
			s.PhoneExpiresAt = idp.Earlier(now.Add(login.ClaimLife), lexp)
		}
	}
	to := func(state idp.State, why string) change {
		return func(s *idp.QRSession, _ idp.Millis) { s.State, s.Why = state, why }
	}
	nearLimit := func(state idp.State) int { return login.Step(t0, limits[state]) }
	takeover := otherClaim(home, nearLimit(idp.StateScanned))
	takeover.Takeover = true
	withCode := func(s *idp.QRSession) { s.CodeHash = codeHash }
	byCode := claimEvent(9999)
	byCode.CodeHash = codeHash

	rows := []struct {
		name  string
		from  idp.State
		setup func(*idp.QRSession)
		event login.Event
		want  change
		err   idp.Code
	}{
		{"T2 show_code", idp.StateCreated, nil, login.ShowCode{Browser: theBrowser, CodeHash: codeHash},
			func(s *idp.QRSession, _ idp.Millis) { s.Codes, s.CodeHash = 1, codeHash }, ""},
		{"T3 extend", idp.StateCreated, nil, login.ExtendQR{Browser: theBrowser},
			func(s *idp.QRSession, _ idp.Millis) {
				s.QRExpiresAt, s.Extended = t0.Add(login.QRLife+login.Extension), 1
			}, ""},
		{"T4 claim by frame", idp.StateCreated, nil, claimEvent(nearLimit(idp.StateCreated)), claimed(), ""},
		{"T4 claim by code", idp.StateCreated, withCode, byCode, claimed(), ""},
		{"T5 claim again", idp.StateScanned, nil, claimEvent(0), nothing, ""},
		{"T6 takeover", idp.StateScanned, nil, takeover,
			func(s *idp.QRSession, _ idp.Millis) {
				s.ClaimHash, s.Nonce, s.Claims = otherPhone, takeover.Nonce, 2
			}, ""},
		{"T7 contested", idp.StateScanned, nil, otherClaim(away, 0), to(idp.StateCancelled, "contested"), idp.Contested},
		{"T8 extend", idp.StateScanned, nil, login.ExtendClaim{ClaimHash: thePhone},
			func(s *idp.QRSession, _ idp.Millis) {
				s.PhoneExpiresAt, s.Extended = t0.Add(login.ClaimLife+login.Extension), 2
			}, ""},
		{"A39 T9 approve", idp.StateScanned, nil, approveEvent(),
			func(s *idp.QRSession, now idp.Millis) {
				s.State, s.UserID, s.CredentialID, s.DeviceName, s.ApprovalHash = idp.StateApproved, "ana", "cred", "Ana's phone", approvalHash
				s.ApprovedAt, s.DoneExpiresAt = now, now.Add(login.DoneLife)
			}, ""},
		{"T10 bad approve", idp.StateScanned, nil, login.BadApprove{ClaimHash: thePhone, Err: badSignature},
			func(s *idp.QRSession, _ idp.Millis) { s.Fails = 1 }, idp.BadSignature},
		{"T10 fifth bad approve", idp.StateScanned, func(s *idp.QRSession) { s.Fails = 4 }, login.BadApprove{ClaimHash: thePhone, Err: badSignature},
			func(s *idp.QRSession, _ idp.Millis) {
				s.Fails, s.State, s.Why = 5, idp.StateCancelled, idp.WhyBadSignatures
			}, idp.BadSignature},
		{"T12 approve again", idp.StateApproved, nil, approveEvent(), nothing, ""},
		{"T13 deny", idp.StateScanned, nil, login.Deny{ClaimHash: thePhone, Reason: idp.WhyNotMe}, to(idp.StateDenied, "not_me"), ""},
		{"T15 cancel created", idp.StateCreated, nil, login.Cancel{Browser: theBrowser}, to(idp.StateCancelled, "browser"), ""},
		{"T15 cancel scanned", idp.StateScanned, nil, login.Cancel{Browser: theBrowser}, to(idp.StateCancelled, "browser"), ""},
		{"T15 cancel approved", idp.StateApproved, nil, login.Cancel{Browser: theBrowser}, to(idp.StateCancelled, "browser"), ""},
		{"T17 supersede created", idp.StateCreated, nil, login.Supersede{Browser: theBrowser}, to(idp.StateCancelled, "superseded"), ""},
		{"T17 supersede scanned", idp.StateScanned, nil, login.Supersede{Browser: theBrowser}, to(idp.StateCancelled, "superseded"), ""},
		{"T21 time to read", idp.StateApproved, nil, login.AskConsent{Browser: theBrowser},
			func(s *idp.QRSession, now idp.Millis) {
				s.DoneExpiresAt, s.Extended = now.Add(login.ConsentLife), 4
			}, ""},
		{"T18 finish", idp.StateApproved, nil, finishEvent(),
			func(s *idp.QRSession, now idp.Millis) {
				s.State, s.FinishHash, s.AssertionID, s.ConsumedAt = idp.StateConsumed, finishHash, "_assertion", now
			}, ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			before := sessionIn(t, r.from)
			if r.setup != nil {
				r.setup(&before)
			}
			limit := limits[r.from]
			want := before
			r.want(&want, limit-1)
			check(t, "limit - 1 ms", before, r.event, limit-1, want, r.err)
			expired := before
			expired.State = idp.StateExpired
			check(t, "limit", before, r.event, limit, expired, idp.SessionExpired)
			check(t, "limit + 1 ms", before, r.event, limit+1, expired, idp.SessionExpired)
		})
	}
}

func check(t *testing.T, when string, s idp.QRSession, ev login.Event, now idp.Millis, want idp.QRSession, code idp.Code) {
	t.Helper()
	got, err := login.Apply(s, ev, now)
	if idp.CodeOf(err) != code {
		t.Errorf("%s: error %v, want %q", when, err, code)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: session (-want +got)\n%s", when, diff)
	}
	var e *idp.Error
	if errors.As(err, &e) && code != idp.SessionUnknown && code != idp.NotYourBrowser && e.State != want.State {
		t.Errorf("%s: error says state %q, want %q", when, e.State, want.State)
	}
}

func TestCreate(t *testing.T) {
	t.Run("T1", func(t *testing.T) {
		limit := t0.Add(login.LoginLife) // here the limit is the login's
		check(t, "limit", idp.QRSession{}, createEvent(), limit, idp.QRSession{}, idp.LoginExpired)
		check(t, "limit + 1 ms", idp.QRSession{}, createEvent(), limit+1, idp.QRSession{}, idp.LoginExpired)
		s := must(t, idp.QRSession{}, createEvent(), limit-1)
		if s.State != idp.StateCreated || s.CreatedAt != limit-1 || s.QRExpiresAt != limit {
			t.Errorf("session %+v: must end with the login", s)
		}
	})
	t.Run("T1 session", func(t *testing.T) {
		want := vectorSession()
		want.State, want.Mode, want.Login = idp.StateCreated, "qr", vectorLoginID
		want.Browser, want.Nonce = theBrowser, createEvent().Nonce
		want.CreatedAt, want.QRExpiresAt, want.LoginExpiresAt, want.PhoneExpiresAt = t0, t0+180_000, t0+900_000, 0
		if diff := cmp.Diff(want, session(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("T1 refused by policy", func(t *testing.T) {
		ev := createEvent()
		ev.Refused = idp.E(idp.AppDisabled, "test")
		check(t, "now", idp.QRSession{}, ev, t0, idp.QRSession{}, idp.AppDisabled)
	})
	t.Run("without AuthnRequest", func(t *testing.T) {
		ev := createEvent()
		ev.Login.RequestID = ""
		if s := must(t, idp.QRSession{}, ev, t0); s.Request != "idp-init" {
			t.Errorf("request %q", s.Request)
		}
	})
	t.Run("create over an existing session", func(t *testing.T) {
		check(t, "now", session(t), createEvent(), t0, session(t), idp.WrongState)
	})
}

// TestRepeats: what the lost answer of a call costs is nothing.
func TestRepeats(t *testing.T) {
	t.Run("T12 approve again in consumed", func(t *testing.T) {
		s := sessionIn(t, idp.StateConsumed)
		check(t, "later", s, approveEvent(), t0.Add(login.LoginLife), s, "")
	})
	t.Run("Q6 A38 another approval of the same text", func(t *testing.T) {
		again := approveEvent()
		again.ApprovalHash = []byte("another signature")
		for _, state := range []idp.State{idp.StateApproved, idp.StateConsumed} {
			s := sessionIn(t, state)
			check(t, string(state), s, again, t0, s, idp.WrongState)
		}
	})
	t.Run("Q6 A38 replayed approval", func(t *testing.T) {
		s := sessionIn(t, idp.StateApproved)
		for range 1000 {
			check(t, "replay", s, approveEvent(), t0, s, "")
		}
	})
	t.Run("T14 deny again", func(t *testing.T) {
		s := sessionIn(t, idp.StateDenied)
		check(t, "later", s, login.Deny{ClaimHash: thePhone, Reason: idp.WhyOther}, t0.Add(login.LoginLife), s, "")
	})
	t.Run("T16 cancel again", func(t *testing.T) {
		s := sessionIn(t, idp.StateCancelled)
		check(t, "later", s, login.Cancel{Browser: theBrowser}, t0.Add(login.LoginLife), s, "")
	})
	t.Run("Q12 T19 finish again", func(t *testing.T) {
		s := sessionIn(t, idp.StateConsumed)
		again := finishEvent()
		again.AssertionID = "_another"
		limit := t0.Add(login.FinishRepeat)
		check(t, "limit - 1 ms", s, again, limit-1, s, "")
		check(t, "limit", s, again, limit, s, idp.WrongState)
		check(t, "limit + 1 ms", s, again, limit+1, s, idp.WrongState)
		again.FinishHash = []byte("another page")
		check(t, "another key", s, again, t0, s, idp.WrongState)
	})
}

func TestGuards(t *testing.T) {
	refused := idp.E(idp.UserInactive, "test")
	takeover := otherClaim(home, 0)
	takeover.Takeover = true
	byCode := otherClaim(home, 0)
	byCode.Takeover, byCode.CodeHash = true, codeHash
	wrongCode := claimEvent(0)
	wrongCode.CodeHash = []byte("wrong")
	awayWrongCode := otherClaim(away, 0)
	awayWrongCode.CodeHash = []byte("wrong")
	refusedApproval, refusedFinish, anonymous := approveEvent(), finishEvent(), approveEvent()
	refusedApproval.Refused, refusedFinish.Refused, anonymous.UserID = refused, refused, ""
	set := func(f func(*idp.QRSession)) func(*idp.QRSession) { return f }

	for _, g := range []struct {
		name  string
		from  idp.State
		setup func(*idp.QRSession)
		event login.Event
		now   idp.Millis
		code  idp.Code
	}{
		{"T2 fourth code", idp.StateCreated, set(func(s *idp.QRSession) { s.Codes = 3 }), login.ShowCode{Browser: theBrowser}, t0, idp.WrongState},
		{"T3 second extend", idp.StateCreated, set(func(s *idp.QRSession) { s.Extended = 1 }), login.ExtendQR{Browser: theBrowser}, t0, idp.WrongState},
		{"T8 second extend", idp.StateScanned, set(func(s *idp.QRSession) { s.Extended = 2 }), login.ExtendClaim{ClaimHash: thePhone}, t0, idp.WrongState},
		{"Q1 T4 old frame", idp.StateCreated, nil, claimEvent(0), t0 + 28_000, idp.QRStale},
		{"Q1 T4 frame of the future", idp.StateCreated, nil, claimEvent(2), t0, idp.QRStale},
		{"T4 wrong code", idp.StateCreated, set(func(s *idp.QRSession) { s.CodeHash = codeHash }), wrongCode, t0, idp.QRInvalid},
		{"T4 code where none is shown", idp.StateCreated, nil, wrongCode, t0, idp.QRInvalid},
		{"Q4 T6 second phone", idp.StateScanned, nil, otherClaim(home, 0), t0, idp.AlreadyScanned},
		{"T6 third phone", idp.StateScanned, set(func(s *idp.QRSession) { s.Claims = 2 }), takeover, t0, idp.AlreadyScanned},
		{"T6 stale frame", idp.StateScanned, nil, takeover, t0 + 28_000, idp.AlreadyScanned},
		{"T6 by code", idp.StateScanned, set(func(s *idp.QRSession) { s.CodeHash = codeHash }), byCode, t0, idp.AlreadyScanned},
		{"T7 wrong code", idp.StateScanned, nil, awayWrongCode, t0, idp.WrongState},
		{"T9 check failed", idp.StateScanned, nil, refusedApproval, t0, idp.UserInactive},
		{"T9 nobody", idp.StateScanned, nil, anonymous, t0, idp.BadSignature},
		{"T13 unknown reason", idp.StateScanned, nil, login.Deny{ClaimHash: thePhone, Reason: "<b>"}, t0, idp.BadRequest},
		{"T21 once only", idp.StateApproved, func(s *idp.QRSession) { s.Extended = 4 }, login.AskConsent{Browser: theBrowser}, t0, idp.WrongState},
		{"T21 another browser", idp.StateApproved, nil, login.AskConsent{Browser: otherBrowser}, t0, idp.SessionUnknown},
		{"T21 before the approval", idp.StateScanned, nil, login.AskConsent{Browser: theBrowser}, t0, idp.WrongState},
		{"T18 check failed", idp.StateApproved, nil, refusedFinish, t0, idp.UserInactive},
		{"T18 no key", idp.StateApproved, nil, login.Finish{Browser: theBrowser}, t0, idp.BadRequest},
		{"T17 approved is not superseded", idp.StateApproved, nil, login.Supersede{Browser: theBrowser}, t0, idp.WrongState},
		{"A40 deny, then approve", idp.StateDenied, nil, approveEvent(), t0, idp.WrongState},
		{"Q9 deny, then finish", idp.StateDenied, nil, finishEvent(), t0, idp.WrongState},
		{"after expiry", idp.StateExpired, nil, approveEvent(), t0, idp.SessionExpired},
		{"after contested", idp.StateCancelled, set(func(s *idp.QRSession) { s.Why = idp.WhyContested }), approveEvent(), t0, idp.Contested},
		{"after cancel", idp.StateCancelled, nil, approveEvent(), t0, idp.WrongState},
	} {
		t.Run(g.name, func(t *testing.T) {
			s := sessionIn(t, g.from)
			if g.setup != nil {
				g.setup(&s)
			}
			check(t, "now", s, g.event, g.now, s, g.code)
		})
	}
}

// TestStrangers: whoever is not of the session learns nothing, in any state.
func TestStrangers(t *testing.T) {
	stranger := approveEvent()
	stranger.ClaimHash = otherPhone
	finish := finishEvent()
	finish.Browser = otherBrowser
	events := map[string]struct {
		event login.Event
		code  idp.Code
	}{
		"Q10 show code":    {login.ShowCode{Browser: otherBrowser}, idp.SessionUnknown},
		"Q10 extend":       {login.ExtendQR{Browser: otherBrowser}, idp.SessionUnknown},
		"Q10 cancel":       {login.Cancel{Browser: otherBrowser}, idp.SessionUnknown},
		"Q10 supersede":    {login.Supersede{Browser: otherBrowser}, idp.SessionUnknown},
		"Q2 finish":        {finish, idp.NotYourBrowser},
		"A42 approve":      {stranger, idp.SessionUnknown},
		"A42 bad approve":  {login.BadApprove{ClaimHash: otherPhone}, idp.SessionUnknown},
		"A42 deny":         {login.Deny{ClaimHash: otherPhone, Reason: idp.WhyNotMe}, idp.SessionUnknown},
		"A42 extend claim": {login.ExtendClaim{ClaimHash: otherPhone}, idp.SessionUnknown},
		"Q4 no claim key":  {login.Deny{Reason: idp.WhyNotMe}, idp.SessionUnknown},
	}
	states := []idp.State{idp.StateCreated, idp.StateScanned, idp.StateApproved, idp.StateConsumed, idp.StateDenied, idp.StateCancelled, idp.StateExpired}
	for name, e := range events {
		t.Run(name, func(t *testing.T) {
			for _, state := range states {
				s := sessionIn(t, state)
				for _, now := range []idp.Millis{t0, t0.Add(login.LoginLife)} {
					got, err := login.Apply(s, e.event, now)
					if idp.CodeOf(err) != e.code || idp.AsError(err).State != "" {
						t.Errorf("%s: %v with state %q", state, err, idp.AsError(err).State)
					}
					if diff := cmp.Diff(s, got); diff != "" {
						t.Errorf("%s: session changed\n%s", state, diff)
					}
				}
			}
		})
	}
	t.Run("no session", func(t *testing.T) {
		for _, ev := range []login.Event{claimEvent(0), login.Cancel{}, login.Deny{}, login.Finish{}} {
			if _, err := login.Apply(idp.QRSession{}, ev, t0); idp.CodeOf(err) != idp.SessionUnknown {
				t.Errorf("%T: %v", ev, err)
			}
		}
	})
}

func TestNothingOutlivesTheLogin(t *testing.T) {
	lexp := t0.Add(login.LoginLife)
	s := session(t)
	s.QRExpiresAt = lexp
	late := lexp - 1
	s = must(t, s, login.ExtendQR{Browser: theBrowser}, late)
	s = must(t, s, claimEvent(login.Step(t0, late)), late)
	s = must(t, s, login.ExtendClaim{ClaimHash: thePhone}, late)
	s = must(t, s, approveEvent(), late)
	if s.QRExpiresAt != lexp || s.PhoneExpiresAt != lexp || s.DoneExpiresAt != lexp {
		t.Errorf("ends %d %d %d, login ends %d", s.QRExpiresAt, s.PhoneExpiresAt, s.DoneExpiresAt, lexp)
	}
}
