package sso

import (
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// candidate is a login and what the SSO session of the browser is to it.
type candidate struct {
	login   *idp.Login    // nil: not read
	session *web.SignedIn // nil: there is none that holds
	subject *subject      // who is signed in by it; nil: the person has to be asked
	why     string        // why they have to
}

// candidate reads all that the answer of a session rests on, in two requests:
// what cookie and form name, then what these name.
func (h *Handlers) candidate(r *http.Request, id string) (c candidate, err error) {
	ctx := r.Context()
	lacks := func(err error) (candidate, error) {
		if idp.CodeOf(err) != idp.StepupRequired {
			return c, err
		}
		c.why = err.Error()
		return c, nil
	}
	cookie, err := h.SessionCookie(r)
	if err != nil {
		return lacks(err)
	}
	named, err := h.Store.Facts(ctx, store.Wanted{Login: id, User: cookie.UserID, Session: cookie.SID})
	if err != nil {
		return c, err
	}
	if c.login = named.Login; c.login == nil {
		return c, idp.E(idp.SessionUnknown, "no login")
	}
	web.RecordFrom(ctx).SP = c.login.SP
	if err := h.Opens(cookie, named.Session); err != nil {
		return lacks(err)
	}
	facts, err := h.Store.Facts(ctx, store.Wanted{SP: c.login.SP, Credential: named.Session.CredentialID})
	if err != nil {
		return c, err
	}
	if c.session, err = h.Rests(ctx, named.Session, facts.Device); err != nil {
		return lacks(err)
	}
	web.RecordFrom(ctx).SID = c.session.SID
	user, err := h.Directory.Complete(ctx, named.User)
	switch {
	case err != nil && approver.Ours(err):
		return c, err
	case err != nil:
		c.why = "the person is not there: " + err.Error()
	case user.Disabled:
		c.why = "the person is not active"
	case facts.SP == nil:
		c.why = "the service provider is gone"
	default:
		c.subject, c.why = h.reuse(c.session, c.login, facts.SP, user)
	}
	return c, nil
}

// reuse judges whether a session answers a login without another approval; why
// not, if there is no subject.
func (h *Handlers) reuse(session *web.SignedIn, l *idp.Login, sp *idp.ServiceProvider, user *idp.User) (sub *subject, why string) {
	if why := h.stale(session, sp, l); why != "" {
		return nil, why
	}
	sub = &subject{login: l, sp: sp, user: user, device: session.Device}
	if err := h.checkApp(sub, session.SID, session.ACR); err != nil {
		return nil, err.Error()
	}
	return sub, ""
}

// stale is why an approval cannot be used again for an application.
func (h *Handlers) stale(session *web.SignedIn, sp *idp.ServiceProvider, l *idp.Login) string {
	now := h.Now()
	switch {
	case l.ForceAuthn:
		return "the request wants a fresh approval"
	case sp.AlwaysAsk:
		return "the application asks always"
	case older(session, l.MaxAgeMinutes, now):
		return "the approval is older than the request accepts"
	case older(session, sp.MaxSessionMinutes, now):
		return "the approval is older than the application accepts"
	case sp.QRNumber && session.ACR == idp.ACRQR && !session.Numbered:
		return "the approval was made without a number"
	case sp.RefuseProbation && approver.OnProbation(session.Device, now):
		return "the device is on probation"
	case approver.Reaches(acr.LevelOf(session.ACR), sp, l) != nil:
		return "the approval's level is not enough"
	case len(session.Participants) >= idp.MaxParticipants:
		return "the session has too many applications"
	}
	return ""
}

// older reports whether an approval was made more than some minutes ago; 0 is
// no limit.
func older(session *web.SignedIn, minutes int, now idp.Millis) bool {
	return minutes > 0 && session.ApprovedAt.Add(time.Duration(minutes)*time.Minute).Over(now)
}
