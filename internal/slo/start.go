package slo

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

const (
	// patience is how long applications in the browser are waited for.
	patience = 15 * time.Second
	// life is how long a logout can be gone on with.
	life = 15 * time.Minute

	tries    = 4
	maxAtOne = 90 // sessions that end in one transaction
)

// ErrNothing: there is no session that the order is about.
var ErrNothing = errors.New("no session to end")

// Order says what is to end, for whom, and who is to hear of it.
type Order struct {
	ID      string             // of the logout; see idp.NewID
	Version int64              // of a logout that waited for the person's word; else 0
	By      string             // actor
	Request *idp.LogoutRequest // of the application that wants it; nil: none does. It is not told itself
	Browser []byte             // hash of the secret of the browser that goes on; empty: nobody can be told through one
	People  []string           // user ids
	Ends    func(*idp.SSOSession) bool
}

// Start ends the sessions and writes the logout. Errors: ErrNothing;
// store.ErrExists where the id was used.
func (s *Service) Start(ctx context.Context, o Order) (*idp.Logout, error) {
	for range tries {
		sessions, err := s.sessions(ctx, o)
		if err != nil {
			return nil, err
		}
		if len(sessions) == 0 {
			return nil, s.nothing(ctx, o)
		}
		targets, err := s.targets(ctx, o, sessions)
		if err != nil {
			return nil, err
		}
		for len(sessions) > maxAtOne { // they are on the list already
			last := &sessions[len(sessions)-1]
			if err := s.Store.EndSSOSession(ctx, last.UserID, last.SID); err != nil {
				return nil, err
			}
			sessions = sessions[:len(sessions)-1]
		}
		l := s.New(o)
		l.UserID, l.Targets = sessions[0].UserID, targets
		err = s.Store.StartLogout(ctx, l, sessions)
		switch {
		case errors.Is(err, store.ErrConflict):
			continue // a session was used, or ended, at this moment
		case err != nil:
			if l, err = s.doubtful(ctx, l, len(sessions), err); err != nil {
				return nil, err
			}
		}
		s.started(ctx, l, len(sessions), "")
		return l, nil
	}
	return nil, idp.E(idp.Busy, "sessions kept changing")
}

// doubtful finds out whether a logout was begun whose answer was lost (cause; to a
// repetition it may be that the id was used). If it was, the sessions have ended,
// and nobody will find them again to tell of it. If it does not seem so, it may
// still come to be: a request to the store can be late. Then the trail tells that
// it is not known.
func (s *Service) doubtful(ctx context.Context, l *idp.Logout, sessions int, cause error) (*idp.Logout, error) {
	found, err := s.Store.Logout(ctx, l.ID)
	if err == nil && found.CreatedAt == l.CreatedAt && bytes.Equal(found.Browser, l.Browser) && found.Version > l.Version {
		return found, nil
	}
	if !errors.Is(cause, store.ErrExists) {
		s.started(ctx, l, sessions, "unknown")
	}
	return nil, cause
}

// nothing writes down that a request was seen, as if it had ended something: it
// is answered once, too.
func (s *Service) nothing(ctx context.Context, o Order) error {
	if o.Request == nil || o.Version != 0 {
		return ErrNothing
	}
	if err := s.Store.StartLogout(ctx, s.New(o), nil); err != nil {
		return err
	}
	return ErrNothing
}

// New is a logout of an order that has ended nothing.
func (s *Service) New(o Order) *idp.Logout {
	now := s.Clock.Now()
	return &idp.Logout{
		ID: o.ID, Version: o.Version, By: o.By, Request: o.Request, Browser: o.Browser,
		CreatedAt: now, Deadline: now.Add(patience), ExpiresAt: now.Add(life),
	}
}

func (s *Service) sessions(ctx context.Context, o Order) (ending []idp.SSOSession, err error) {
	for _, uid := range o.People {
		all, err := s.Store.SSOSessions(ctx, uid)
		if err != nil {
			return nil, err
		}
		for _, v := range all {
			if o.Ends(&v) {
				ending = append(ending, v)
			}
		}
	}
	return ending, nil
}

// targets lists who takes part in the sessions, each with all the identifiers
// that it knows them by.
func (s *Service) targets(ctx context.Context, o Order, sessions []idp.SSOSession) (out []idp.LogoutTarget, err error) {
	for i := range sessions {
		for _, p := range sessions[i].Participants {
			if o.Request != nil && p.SP == o.Request.SP {
				if o.Request.Names(&p) && p.Issuer != "" {
					o.Request.Issuer = p.Issuer // as it knows us
				}
				continue
			}
			at := slices.IndexFunc(out, func(t idp.LogoutTarget) bool {
				return t.SP == p.SP && t.NameID == p.NameID && t.NameIDFormat == p.NameIDFormat && t.Issuer == p.Issuer
			})
			if at < 0 {
				at = len(out)
				out = append(out, idp.LogoutTarget{Participant: p})
			}
			if p.SessionIndex != "" && !slices.Contains(out[at].SessionIndexes, p.SessionIndex) {
				out[at].SessionIndexes = append(out[at].SessionIndexes, p.SessionIndex)
			}
		}
	}
	for i := range out {
		if err := s.address(ctx, &out[i], len(o.Browser) > 0); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// address decides how an application is told, if it can be.
func (s *Service) address(ctx context.Context, t *idp.LogoutTarget, browser bool) error {
	sp, err := s.Store.ServiceProvider(ctx, t.SP)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if visit := s.Visits[sp.Protocol]; visit != nil {
		if t.Address = visit(sp); browser && t.Address != "" {
			t.Binding = idp.BindingVisit
		}
		return nil
	}
	bindings := []string{idp.BindingSOAP}
	if browser {
		bindings = append(bindings, idp.BindingRedirect, idp.BindingPOST)
	}
	if e := sp.SLOEndpoint(bindings...); e != nil && t.NameID != "" { // else there is no one to name
		t.Binding = e.Binding
	}
	return nil
}
