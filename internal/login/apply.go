package login

import (
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Apply makes every change of a session's state (approval protocol 4.2). It
// returns the session after the event, which must be stored if it differs,
// also together with an error: an event may both fail and change the session
// (expiry, contested, failed approvals). Every error is an *idp.Error; its
// State is set once the actor is known to be the session's own.
func Apply(s idp.QRSession, ev Event, now idp.Millis) (idp.QRSession, error) {
	if err := checkWho(s, ev); err != nil {
		return s, err
	}
	if timeOver(s, now) {
		s.State = idp.StateExpired
		return s, refuse(s, idp.E(idp.SessionExpired, "time over"))
	}
	for _, r := range table {
		if r.repeat && r.fits(s, ev, now) {
			return s, nil
		}
	}
	at := slices.IndexFunc(table, func(r row) bool { return !r.repeat && r.fits(s, ev, now) })
	if at < 0 {
		return s, refuse(s, noRow(s))
	}
	r := table[at]
	if err := r.guard(s, ev, now); err != nil {
		return s, refuse(s, err)
	}
	next := s
	if r.to != same {
		next.State = r.to
	}
	if err := r.effect(&next, ev, now); err != nil {
		return next, refuse(next, err)
	}
	return next, nil
}

func checkWho(s idp.QRSession, ev Event) error {
	if _, creates := ev.(Create); s.State == none && !creates {
		return idp.E(idp.SessionUnknown, "no session")
	}
	return ev.who(s)
}

// timeOver reports whether an open session's time is over. Final states have
// no end.
func timeOver(s idp.QRSession, now idp.Millis) bool {
	end, open := stateEnd(s)
	return open && end.Over(now)
}

func stateEnd(s idp.QRSession) (end idp.Millis, open bool) {
	switch s.State {
	case idp.StateCreated:
		return s.QRExpiresAt, true
	case idp.StateScanned:
		return s.PhoneExpiresAt, true
	case idp.StateApproved:
		return s.DoneExpiresAt, true
	}
	return 0, false
}

func noRow(s idp.QRSession) error {
	switch {
	case s.State == idp.StateExpired:
		return idp.E(idp.SessionExpired, "already expired")
	case s.State == idp.StateCancelled && s.Why == idp.WhyContested:
		return idp.E(idp.Contested, "already contested")
	}
	return wrongState("not in state %q", s.State)
}

func wrongState(format string, args ...any) error { return idp.E(idp.WrongState, format, args...) }

// refuse adds the state to an error that comes after the who check.
func refuse(s idp.QRSession, err error) error {
	e := *idp.AsError(err)
	e.State = s.State
	return &e
}
