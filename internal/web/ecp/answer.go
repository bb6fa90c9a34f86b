package ecp

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/ecp"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// answer is a request that was accepted, with who is to be signed in.
type answer struct {
	sp       *idp.ServiceProvider
	login    *idp.Login
	user     *idp.User
	password *idp.AppPassword
}

// answer signs the person in, or tells the service provider why not.
func (h *Handlers) answer(w http.ResponseWriter, r *http.Request, a *answer) error {
	ctx := r.Context()
	issued, class, err := h.issue(ctx, a)
	if err != nil && approver.Ours(err) {
		return err
	}
	if err != nil {
		return h.fail(w, r, a, statusOf(err), err)
	}
	h.Metrics.Count(obs.SignInCompleted, nil)
	h.record(ctx, idp.AuditECPFinished, a, map[string]string{
		"assertion_id": issued.AssertionID, "acr": class,
		"dropped_attributes": strings.Join(issued.Dropped, " "), "warnings": strings.Join(issued.Warnings, "; "),
	})
	return send(w, a.login, issued)
}

// issue makes the checks of every sign-in and signs. The assertion names no
// session, because there is none.
func (h *Handlers) issue(ctx context.Context, a *answer) (issued *response.Issued, class string, err error) {
	sp, l, user := a.sp, a.login, a.user
	class, enough := acr.ResolvePassword(sp, l.ACRRequest, l.ACRComparison)
	switch {
	case user.Disabled:
		return nil, "", idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	case !sp.Admits(user):
		return nil, "", idp.E(idp.AppNotAssigned, "user %s", user.ID)
	case !response.SubjectMatches(sp, l, user, h.Pairwise, l.ID):
		return nil, "", idp.E(idp.UserMismatch, "user %s is not the Subject of the request", user.ID)
	case sp.Consent != idp.ConsentOff: // there is nobody to ask
		return nil, "", idp.E(idp.AppNotAssigned, "the application wants the person's consent, which a program cannot give")
	case !enough:
		return nil, "", idp.E(idp.PolicyPasskeyRequired, "an app password is not enough")
	}
	var rules []idp.ReleaseRule
	if sp.ReleasesByMetadata() {
		found, err := h.Store.ReleaseRules(ctx)
		if err != nil {
			return nil, "", err
		}
		rules = found.Rules
	}
	issuer, err := response.IssuerFor(sp, l.Issuer, user)
	if err != nil {
		return nil, "", err
	}
	id, err := idp.NewSecret(h.Random, 16)
	if err != nil {
		return nil, "", err
	}
	key, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return nil, "", err
	}
	signing, err := h.Signing(ctx, h.Keys, sp)
	if err != nil {
		return nil, "", err
	}
	now := h.Now()
	issued, err = response.Assert(response.Issue{
		SP: sp, Login: l, User: user, Rules: rules, Issuer: issuer,
		ResponseID: "_r" + hex.EncodeToString(id), AssertionID: "_" + hex.EncodeToString(id),
		AuthnInstant: now.Time(), Now: now.Time(), ACR: class,
		SessionNotOnOrAfter: idp.Earlier(now.Add(h.Config.SessionLife), a.password.ExpiresAt).Time(),
		ChannelBindings:     l.ChannelBindings, SessionKey: key, Pairwise: h.Pairwise, Seed: l.ID,
	}, signing)
	return issued, class, web.KeyError(err)
}

// statusOf is what the service provider is told; the cause is in the log.
func statusOf(err error) *saml.StatusError {
	status := &saml.StatusError{
		Top: saml.StatusResponder, Second: saml.StatusAuthnFailed, Message: "The person cannot be signed in to this application.",
	}
	switch idp.CodeOf(err) {
	case idp.UserMismatch:
		status.Second, status.Message = saml.StatusUnknownPrincipal, "Another person than the requested one wanted to sign in."
	case idp.PolicyPasskeyRequired:
		status.Second, status.Message = saml.StatusNoAuthnContext, "A sign-in by password is not enough."
	}
	return status
}

// fail answers with a status instead of an assertion. cause is for the log;
// nil: the status says all.
func (h *Handlers) fail(w http.ResponseWriter, r *http.Request, a *answer, status *saml.StatusError, cause error) error {
	ctx := r.Context()
	id, err := idp.NewSecret(h.Random, 16)
	if err != nil {
		return err
	}
	signing, err := h.Signing(ctx, h.Keys, a.sp)
	if err != nil {
		return err
	}
	issued, err := response.Fail(status, response.Failure{
		Issuer: a.login.Issuer, ACS: a.login.ACS, InResponseTo: a.login.RequestID, ResponseID: "_" + hex.EncodeToString(id),
		Now: h.Clock(), LegacySHA1: a.sp.LegacySHA1Output,
	}, signing)
	if err != nil {
		return web.KeyError(err)
	}
	rec := web.RecordFrom(ctx)
	rec.Reason = "saml." + status.Second[strings.LastIndexByte(status.Second, ':')+1:]
	detail := map[string]string{"status": status.Second, "message": status.Message}
	if cause != nil {
		e := idp.AsError(cause)
		rec.Reason, rec.Detail = e.LogReason(), e.Detail
		detail["reason"], detail["cause"] = e.LogReason(), e.Detail
	}
	h.Metrics.Count(obs.RequestRejected, map[string]string{obs.Reason: rec.Reason})
	h.record(ctx, idp.AuditECPRejected, a, detail)
	return send(w, a.login, issued)
}

// record writes the one audit event of a use.
func (h *Handlers) record(ctx context.Context, event string, a *answer, detail map[string]string) {
	detail["app_password"], detail["app_password_name"] = a.password.ID, a.password.Name
	h.Record(ctx, idp.AuditEvent{
		Event: event, Actor: "program", UserID: a.user.ID, Login: a.login.ID, SP: a.sp.EntityID, Detail: detail,
	})
}

func send(w http.ResponseWriter, l *idp.Login, issued *response.Issued) error {
	envelope, err := ecp.Answer{Login: l, Response: issued}.XML()
	if err != nil {
		return err
	}
	write(w, http.StatusOK, envelope)
	return nil
}
