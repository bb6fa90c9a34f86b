package sso

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// declined: the person said no, and the service provider may be told.
func declined(s idp.QRSession) bool {
	return s.State == idp.StateDenied || s.State == idp.StateCancelled && s.Why == idp.WhyBrowser
}

// finishRefused shows why nobody was signed in. Where another try may help the
// page offers it with the same key (so the same assertion), else it offers the
// way back to the application, which is then told by a SAML status.
func (h *Handlers) finishRefused(w http.ResponseWriter, r *http.Request, s idp.QRSession, form finishForm, err error) error {
	e := idp.AsError(err)
	// A table that fails would not take the event either, and trying takes the
	// time in which the person may repeat.
	if e.Reason == idp.StoreUnavailable || e.Reason == idp.StoreDenied {
		h.Log.WarnContext(r.Context(), "not in the audit trail", "event", idp.AuditFinishRejected, "corr_id", web.RecordFrom(r.Context()).CorrID)
	} else if _, ok := h.audits.Take(ratelimit.Address(idp.ClientFrom(r.Context()).IP)); ok { // the log has them all
		h.Record(r.Context(), idp.AuditEvent{
			Event: idp.AuditFinishRejected, Actor: "browser", UserID: s.UserID, SID: s.SID, Login: s.Login, SP: s.SP,
			Detail: map[string]string{"reason": e.LogReason(), "cause": e.Detail},
		})
	}
	app := s.Context.App.Name
	if e.Args == nil {
		e.Args = map[string]string{"app": app}
	}
	field := []pages.Field{{Name: "sid", Value: s.SID}, {Name: "finish_key", Value: form.key.Reveal()}}
	if form.consent != "" {
		field = append(field, pages.Field{Name: fieldConsent, Value: form.consent})
	}
	words := h.Frame(w, r, "").Locale
	switch e.Code {
	case idp.Busy:
		return h.ErrorForm(w, r, e, &pages.Form{Path: "/login/finish", Label: words.Must("message.again"), Fields: field})
	case idp.SignInRefused, idp.UserInactive, idp.UserMismatch, idp.AppNotAssigned, idp.CredentialRevoked, idp.PolicyPasskeyRequired,
		idp.DeviceNotStrongEnough, idp.Probation, idp.SAMLRefused:
		field = append(field, pages.Field{Name: "decline", Value: "1"})
		return h.ErrorForm(w, r, e, &pages.Form{Path: "/login/finish", Label: words.Must("message.go_back", "app", app), Fields: field})
	}
	return e
}

// decline ends the login and tells the service provider that nobody was signed
// in, with the status of the reason.
func (h *Handlers) decline(w http.ResponseWriter, r *http.Request, s idp.QRSession) error {
	ctx := r.Context()
	status, err := h.statusOf(r, s)
	if err != nil {
		return err
	}
	if !s.State.Final() {
		_, _, err := h.Store.UpdateSession(ctx, s.SID, login.Same, func(s idp.QRSession) (idp.QRSession, error) {
			return login.Apply(s, login.Cancel{Browser: s.Browser}, h.Now())
		})
		if err != nil {
			return err
		}
	}
	l, err := h.Store.UpdateLogin(ctx, s.Login, func(l *idp.Login) (bool, error) {
		marked, err := login.Complete(*l, s.SID)
		changed := l.Done != marked.Done
		*l = marked
		return changed, err
	})
	if err != nil {
		return err
	}
	return h.refuseLogin(w, r, l, status, s.SID)
}

// answerable refuses to send anything where a login's answer may not go now.
func answerable(sp *idp.ServiceProvider, l *idp.Login) error {
	if sp.Disabled || sp.Draft || sp.Protocol != l.Protocol || !sp.HasACS(l.ACS) {
		return idp.E(idp.AppDisabled, "service provider, its protocol or its ACS is switched off")
	}
	return nil
}

func appGone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return idp.E(idp.AppDisabled, "service provider is gone")
	}
	return err
}

// statusOf is the SAML status for a sign-in that ended without an assertion.
func (h *Handlers) statusOf(r *http.Request, s idp.QRSession) (*saml.StatusError, error) {
	responder := func(second, message string) *saml.StatusError {
		return &saml.StatusError{Top: saml.StatusResponder, Second: second, Message: message}
	}
	unknown := responder(saml.StatusUnknownPrincipal, "Another person than the requested one wanted to sign in.")
	observed := login.Observe(s, h.Now())
	if s.Mismatch && observed.State != idp.StateExpired && observed.State != idp.StateApproved && observed.State != idp.StateConsumed {
		return unknown, nil
	}
	switch observed.State {
	case idp.StateDenied:
		return responder(saml.StatusAuthnFailed, "The person denied the sign-in on the phone."), nil
	case idp.StateCancelled:
		return responder(saml.StatusRequestDenied, "The person cancelled the sign-in."), nil
	case idp.StateApproved:
		_, err := h.subjectOf(r.Context(), s)
		switch {
		case err != nil && approver.Ours(err):
			return nil, err
		case err == nil: // "Not me", or nobody went on
			return responder(saml.StatusRequestDenied, "The person cancelled the sign-in."), nil
		case idp.CodeOf(err) == idp.UserMismatch:
			return unknown, nil
		}
		return responder(saml.StatusAuthnFailed, "The person cannot be signed in to this application."), nil
	case idp.StateConsumed:
		if h.Now() >= s.ConsumedAt.Add(login.FinishRepeat) {
			return nil, idp.E(idp.WrongState, "already finished")
		}
		return responder(saml.StatusAuthnFailed, "The person cannot be signed in to this application."), nil
	case idp.StateCreated, idp.StateScanned:
		return responder(saml.StatusRequestDenied, "The person cancelled the sign-in."), nil
	default:
		return nil, idp.E(idp.SessionExpired, "nothing to decline")
	}
}

// failure is a SAML status on its way to a service provider.
type failure struct {
	protocol      string
	sp            *idp.ServiceProvider
	status        *saml.StatusError
	acs           string
	requestID     string
	issuer        string
	relayState    string
	hasRelayState bool
	seed          string
}

// fail signs a Response without an assertion and posts it to the ACS. It costs
// a signature and may be asked for again and again, so an address gets few.
func (h *Handlers) fail(w http.ResponseWriter, r *http.Request, f failure) error {
	ctx := r.Context()
	protocol, err := h.protocol(f.protocol)
	if err != nil {
		return err
	}
	if protocol.Fail == nil || f.requestID == "" { // it has asked nothing
		return h.failUntold(w, r, f)
	}
	if wait, ok := h.failures.Take(ratelimit.Address(idp.ClientFrom(ctx).IP)); !ok {
		return ratelimit.Slow(wait)
	}
	id, err := idp.NewSecret(h.Random, 16)
	if err != nil {
		return err
	}
	key, err := h.Signing(ctx, h.Keys, f.sp)
	if err != nil {
		return err
	}
	issued, err := protocol.Fail(f.status, response.Failure{
		Issuer: f.issuer, ACS: f.acs, InResponseTo: f.requestID, ResponseID: "_" + hex.EncodeToString(id),
		Now: h.Clock(), LegacySHA1: f.sp.LegacySHA1Output,
	}, key)
	if err != nil {
		return web.KeyError(err)
	}
	h.recordFailure(ctx, f)
	return h.Pages.AutoPost(w, pages.PostPage{
		Frame:  h.Frame(w, r, ""),
		Action: f.acs, AppName: f.sp.Name,
		Fields: protocol.Fields(issued.XML, f.relayState, f.hasRelayState),
	})
}

func (h *Handlers) recordFailure(ctx context.Context, f failure) {
	web.RecordFrom(ctx).Reason = statusReason(f.status.Second)
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditRequestRejected, Actor: "browser", SP: f.sp.EntityID, SID: f.seed,
		Detail: map[string]string{"status": f.status.Second, "message": f.status.Message},
	})
}

// failUntold is fail where the protocol has no message that says that nobody
// was signed in, or the application has not asked: the person is told, and
// nothing is sent.
func (h *Handlers) failUntold(w http.ResponseWriter, r *http.Request, f failure) error {
	h.recordFailure(r.Context(), f)
	frame := h.Frame(w, r, "")
	title, err := frame.T("untold.title")
	if err != nil {
		return err
	}
	words, err := frame.T("untold.words", "app", f.sp.Name)
	if err != nil {
		return err
	}
	return h.Pages.Message(w, http.StatusOK, pages.MessagePage{Frame: frame, Title: title, Words: words})
}

// statusReason names a SAML status in logs and metrics: "saml.NoPassive".
func statusReason(second string) string {
	for i := len(second) - 1; i >= 0; i-- {
		if second[i] == ':' {
			return "saml." + second[i+1:]
		}
	}
	return "saml." + second
}
