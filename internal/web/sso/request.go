package sso

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// maxPost bounds the form of a POSTed request: a SAMLRequest of 32 KiB, its
// percent-encoding, and a RelayState.
const maxPost = 128 << 10

func (h *Handlers) redirect(w http.ResponseWriter, r *http.Request) error {
	in, err := binding.Redirect(r.URL.RawQuery)
	if err != nil {
		return h.rejected(nil, err)
	}
	return h.receive(w, r, in)
}

func (h *Handlers) post(w http.ResponseWriter, r *http.Request) error {
	body, err := web.ReadBody(r, maxPost)
	if err != nil {
		return h.rejected(nil, err)
	}
	in, err := binding.POST(r.Header.Get("Content-Type"), body)
	if err != nil {
		return h.rejected(nil, err)
	}
	return h.receive(w, r, in)
}

// receive judges a request, stores it as a Login, and sends the browser to our
// own page with 303 (a cross-site POST carries no Lax cookie; the GET after it
// does). Neither a write nor the key is used before the request is judged.
func (h *Handlers) receive(w http.ResponseWriter, r *http.Request, in *binding.Inbound) error {
	req, err := request.Parse(in)
	if err != nil {
		return h.rejected(nil, err)
	}
	sp, err := h.Sender(r.Context(), req.Issuer)
	if err != nil {
		return h.rejected(nil, err)
	}
	web.RecordFrom(r.Context()).SP = sp.EntityID
	draft, err := request.Judge(req, in, sp, h.env())
	var answer *request.Answer
	if errors.As(err, &answer) {
		return h.refuseRequest(w, r, sp, draft, answer)
	}
	if err != nil {
		return h.rejected(sp, err)
	}
	l, err := h.store(r.Context(), draft, sp)
	if err != nil {
		return h.rejected(sp, err)
	}
	http.Redirect(w, r, "/login?l="+url.QueryEscape(l.ID), http.StatusSeeOther)
	return nil
}

func (h *Handlers) env() request.Env {
	level := acr.LevelQR
	if h.Passkeys {
		level = acr.LevelPHRHW
	}
	return request.Env{
		Level:  level,
		SSOURL: h.Config.SSOURL(), Now: h.Clock(), MaxAge: h.Config.RequestMaxAge, MaxSkew: h.Config.RequestMaxSkew,
		Local: h.Config.Local(), Refused: h.Config.RefusedAlgorithms,
	}
}

// store puts the Login. Its id is derived from issuer and request ID, so a
// request that was seen before finds its own Login: while that is pending the
// person goes on with it (a reload), afterwards it is a replay.
func (h *Handlers) store(ctx context.Context, draft *idp.Login, sp *idp.ServiceProvider) (*idp.Login, error) {
	now := h.Now()
	l := *draft
	l.SPSlug, l.Issuer = sp.Slug, h.issuer(sp)
	l.App = appOf(sp, l.ACS)
	l.PasskeyOnly = approver.Reaches(acr.LevelQR, sp, &l) != nil
	l.CreatedAt, l.ExpiresAt = now, now.Add(login.LoginLife)
	stored, err := h.AcceptLogin(ctx, h.Masters, &l)
	switch {
	case errors.Is(err, store.ErrExists):
		return pending(stored, now)
	case err != nil:
		return nil, err
	}
	h.Record(ctx, idp.AuditEvent{Event: idp.AuditRequestReceived, Actor: "browser", Login: l.ID, SP: l.SP})
	return stored, nil
}

func pending(l *idp.Login, now idp.Millis) (*idp.Login, error) {
	if l.Done != "" || l.ExpiresAt.Over(now) {
		return nil, web.Replayed()
	}
	return l, nil
}

// rejected records a refusal that stays with us: an error page, nothing sent
// anywhere.
func (h *Handlers) rejected(sp *idp.ServiceProvider, err error) error {
	e := idp.AsError(err)
	h.Metrics.Count(obs.RequestRejected, map[string]string{obs.Reason: e.LogReason()})
	if sp != nil {
		e.SP, e.App = sp.EntityID, sp.Name
	}
	if e.Fix == "" {
		e.Fix = hint(e.Reason, sp)
	}
	return e
}

// refuseRequest answers an authentic request with a SAML status.
func (h *Handlers) refuseRequest(w http.ResponseWriter, r *http.Request, sp *idp.ServiceProvider, l *idp.Login, a *request.Answer) error {
	h.Metrics.Count(obs.RequestRejected, map[string]string{obs.Reason: statusReason(a.Second)})
	return h.fail(w, r, failure{
		sp: sp, status: &a.StatusError, acs: a.ACS, requestID: l.RequestID, issuer: h.issuer(sp),
		relayState: l.RelayState, hasRelayState: l.HasRelayState,
	})
}
