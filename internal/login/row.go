package login

import (
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// row is one transition: from these states, to that one, by a rule.
type row struct {
	id   string // as in the protocol
	from in
	to   idp.State
	rule
}

type in []idp.State

// rule is what a row does with one type of event.
type rule struct {
	repeat bool
	when   func(idp.QRSession, Event, idp.Millis) bool
	guard  func(idp.QRSession, Event, idp.Millis) error
	effect func(*idp.QRSession, Event, idp.Millis) error
}

func (r row) fits(s idp.QRSession, ev Event, now idp.Millis) bool {
	return slices.Contains(r.from, s.State) && r.when(s, ev, now)
}

// on is a rule for events of type E; when and guard may be nil.
func on[E Event](
	when func(idp.QRSession, E, idp.Millis) bool,
	guard func(idp.QRSession, E, idp.Millis) error,
	effect func(*idp.QRSession, E, idp.Millis) error,
) rule {
	return rule{
		when: func(s idp.QRSession, ev Event, now idp.Millis) bool {
			e, ok := ev.(E)
			return ok && (when == nil || when(s, e, now))
		},
		guard: func(s idp.QRSession, ev Event, now idp.Millis) error {
			if guard == nil {
				return nil
			}
			return guard(s, ev.(E), now)
		},
		effect: func(s *idp.QRSession, ev Event, now idp.Millis) error {
			return effect(s, ev.(E), now)
		},
	}
}

// repeat is a rule that accepts an event again and changes nothing.
func repeat[E Event](when func(idp.QRSession, E, idp.Millis) bool) rule {
	r := on(when, nil, nil)
	r.repeat = true
	return r
}

func always[E Event](idp.QRSession, E, idp.Millis) bool { return true }
