package slo

import (
	"context"
	"strconv"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// State is how far a logout has come.
type State struct {
	Outcomes []idp.LogoutOutcome // one for each target
	Pending  bool                // somebody may still answer
	Partial  bool                // somebody was not signed out, or not yet
}

// State reads how far a logout has come.
func (s *Service) State(ctx context.Context, l *idp.Logout) (State, error) {
	results, err := s.Store.LogoutResults(ctx, l.ID)
	if err != nil {
		return State{}, err
	}
	st := State{Outcomes: l.Outcomes(results, s.Clock.Now())}
	for _, o := range st.Outcomes {
		st.Pending = st.Pending || o == idp.LogoutPending
		st.Partial = st.Partial || o != idp.LogoutDone
	}
	return st, nil
}

func (s *Service) started(ctx context.Context, l *idp.Logout, sessions int, outcome string) {
	e := idp.AuditEvent{
		Event: idp.AuditLogoutStarted, Actor: l.By, UserID: l.UserID, Login: l.ID, Outcome: outcome,
		Detail: map[string]string{"sessions": strconv.Itoa(sessions), "applications": strconv.Itoa(len(l.Targets))},
	}
	if l.Request != nil {
		e.SP = l.Request.SP
	}
	s.Record(ctx, e)
}

func (s *Service) told(ctx context.Context, l *idp.Logout, n int, outcome idp.LogoutOutcome, cause error) {
	e := idp.AuditEvent{
		Event: idp.AuditLogoutTold, Actor: l.By, UserID: l.UserID, Login: l.ID, SP: l.Targets[n].SP, Outcome: string(outcome),
	}
	if cause != nil {
		e.Detail = map[string]string{"cause": cause.Error()}
	}
	s.Record(ctx, e)
}
