package login

import (
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Observe is the session as a read at now reports it: expired if its time is
// over. Reads never write, so the stored item may still say otherwise.
func Observe(s idp.QRSession, now idp.Millis) idp.QRSession {
	if timeOver(s, now) {
		s.State = idp.StateExpired
	}
	return s
}

// EndsAt is when the session's state ends; zero for final states.
func EndsAt(s idp.QRSession) idp.Millis {
	end, _ := stateEnd(s)
	return end
}

// MustConfirm reports whether the page asks "Continue as" (5.4): the person
// approved on a phone, and is not known to the browser.
func MustConfirm(s idp.QRSession) bool { return s.ACR == idp.ACRQR && !s.Knows(s.UserID) }

// Hint tells the login page what to show (15.1).
func Hint(s idp.QRSession) string {
	switch s.State {
	case created:
		if s.CodeHash != nil {
			return "code_shown"
		}
		return "waiting_for_scan"
	case scanned:
		return "phone_connected"
	case approved:
		if MustConfirm(s) {
			return "confirm_user"
		}
	case cancelled:
		if s.Why == idp.WhyContested {
			return idp.WhyContested
		}
	case denied:
		if s.Why == idp.WhyNumberMismatch {
			return idp.WhyNumberMismatch
		}
	}
	return string(s.State)
}

// PollAfter is how long the page waits before it asks again (5.3); zero in
// final states.
func PollAfter(s idp.QRSession, now idp.Millis) time.Duration {
	switch {
	case s.State.Final():
		return 0
	case s.State != created:
		return time.Second
	case now.Sub(s.CreatedAt) > time.Minute:
		return 3 * time.Second
	}
	return 2 * time.Second
}
