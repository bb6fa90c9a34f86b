package slo

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/logout"
	"github.com/latchkey-idp/latchkey/internal/slo"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// maxPost bounds the form or the envelope of a message: 32 KiB of base64, its
// percent-encoding, and a RelayState.
const maxPost = 128 << 10

func (h *Handlers) get(w http.ResponseWriter, r *http.Request) error {
	if !strings.Contains(r.URL.RawQuery, "SAML") {
		return h.ask(w, r)
	}
	in, err := binding.Redirect(r.URL.RawQuery)
	if err != nil {
		return h.rejected(r.Context(), nil, err)
	}
	return h.receive(w, r, in)
}

func (h *Handlers) post(w http.ResponseWriter, r *http.Request) error {
	body, err := web.ReadBody(r, maxPost)
	if err != nil {
		return err
	}
	in, err := binding.POST(r.Header.Get("Content-Type"), body)
	if err != nil {
		return h.rejected(r.Context(), nil, err)
	}
	return h.receive(w, r, in)
}

func (h *Handlers) receive(w http.ResponseWriter, r *http.Request, in *binding.Inbound) error {
	if in.Response {
		return h.answered(w, r, in)
	}
	return h.requested(w, r, in)
}

// requested takes a LogoutRequest by a browser.
func (h *Handlers) requested(w http.ResponseWriter, r *http.Request, in *binding.Inbound) error {
	ctx := r.Context()
	req, err := logout.ParseRequest(in)
	if err != nil {
		return h.rejected(ctx, nil, err)
	}
	sp, err := h.Sender(ctx, req.Issuer)
	if err != nil {
		return h.rejected(ctx, nil, err)
	}
	req, signed, err := logout.JudgeRequest(req, in, sp, h.env(ctx, h.Config.SLOURL()))
	if err != nil {
		return h.rejected(ctx, sp, err)
	}
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	hash := secret.Hash()
	o := slo.Order{ID: logoutID(req), By: "sp", Request: h.request(req, in, sp), Browser: hash[:]}
	if !signed {
		return h.waitForWord(w, r, sp, o, secret)
	}
	if o.People, err = h.people(r, o.Request); err != nil {
		return err
	}
	o.Ends = named(o.Request)
	l, err := h.Service.Start(ctx, o)
	switch {
	case errors.Is(err, store.ErrExists):
		return h.seenBefore(w, r, sp, o.ID)
	case errors.Is(err, slo.ErrNothing) && o.Request.Async:
		return h.nothing(w, r)
	case errors.Is(err, slo.ErrNothing):
		web.RecordFrom(ctx).Reason = string(idp.SLONotParticipant)
		return h.deliver(w, r, sp, o.Request, logout.Answer{Failed: unknownPrincipal})
	case err != nil:
		return err
	}
	w.Header().Set("Clear-Site-Data", clearSite)
	h.tellServers(ctx, l)
	st, err := h.Service.State(ctx, l)
	if err != nil {
		return err
	}
	if !st.Partial && !o.Request.Async {
		return h.deliver(w, r, sp, l.Request, logout.Answer{})
	}
	h.goOn(w, r, l, secret)
	return nil
}

var unknownPrincipal = &saml.StatusError{
	Top: saml.StatusRequester, Second: saml.StatusUnknownPrincipal, Message: "There is no session of this principal with this service provider.",
}

// named are the sessions in which the application takes part by what it says:
// never those of others.
func named(req *idp.LogoutRequest) func(*idp.SSOSession) bool {
	return func(s *idp.SSOSession) bool {
		for i := range s.Participants {
			if req.Names(&s.Participants[i]) {
				return true
			}
		}
		return false
	}
}

// people are those whom the application can mean: who was given that NameID,
// else who is signed in in this browser.
func (h *Handlers) people(r *http.Request, req *idp.LogoutRequest) ([]string, error) {
	found, err := h.Store.PeopleNamed(r.Context(), req.SP, req.NameID)
	if err != nil || len(found) > 0 {
		return found, err
	}
	session, err := h.session(r)
	if err != nil || session == nil {
		return nil, err
	}
	return []string{session.UserID}, nil
}

// logoutID is derived from the request, so that the item is its own replay
// guard. Only the browser that holds the item's secret can do anything by it.
func logoutID(req *logout.Request) string {
	sum := sha256.Sum256([]byte("latchkey-logout/1" + req.Issuer + "\x00" + req.ID))
	return idp.Base32.EncodeToString(sum[:16])
}

// request is what is kept of a LogoutRequest. The answer goes by the binding
// that the request came by, where the application has an endpoint of it.
func (h *Handlers) request(req *logout.Request, in *binding.Inbound, sp *idp.ServiceProvider) *idp.LogoutRequest {
	kept := &idp.LogoutRequest{
		SP: sp.EntityID, Name: sp.Name, ID: req.ID, Issuer: h.Issuer(sp),
		NameID: req.NameID.Value, NameIDFormat: req.NameID.Format,
		NameQualifier: req.NameID.NameQualifier, SPNameQualifier: req.NameID.SPNameQualifier,
		SessionIndexes: req.SessionIndexes, RelayState: in.RelayState, HasRelayState: in.HasRelayState, Async: req.Async,
	}
	if to := sp.SLOEndpoint(in.Binding, idp.BindingPOST, idp.BindingRedirect); to != nil && in.Binding != idp.BindingSOAP {
		kept.Binding, kept.Location = to.Binding, to.ResponseLocation()
	}
	return kept
}

// seenBefore: the same browser goes on with what it has begun, as after a
// reload; anybody else has replayed a message.
func (h *Handlers) seenBefore(w http.ResponseWriter, r *http.Request, sp *idp.ServiceProvider, id string) error {
	if l, err := h.mine(r, id); err == nil {
		h.goOn(w, r, l, nil)
		return nil
	}
	return h.rejected(r.Context(), sp, idp.Refuse(idp.ReasonReplay, "LogoutRequest was received before"))
}

// answered takes the LogoutResponse of an application, in a frame of our page
// or, where the application leaves the frame, in its place.
func (h *Handlers) answered(w http.ResponseWriter, r *http.Request, in *binding.Inbound) error {
	ctx := r.Context()
	res, err := logout.ParseResponse(in)
	if err != nil {
		return h.rejected(ctx, nil, err)
	}
	sp, err := h.Sender(ctx, res.Issuer)
	if err != nil {
		return h.rejected(ctx, nil, err)
	}
	if res, err = logout.JudgeResponse(res, in, sp, h.env(ctx, h.Config.SLOURL())); err != nil {
		return h.rejected(ctx, sp, err)
	}
	if _, err := h.Service.Answered(ctx, res, sp); err != nil {
		return h.rejected(ctx, sp, err)
	}
	return h.told(w, r, sp)
}

// rejected tells a message that was refused, and notes it where its sender is
// known; the log has the others.
func (h *Handlers) rejected(ctx context.Context, sp *idp.ServiceProvider, err error) error {
	e := idp.AsError(err)
	if e.Code != idp.SAMLRefused {
		return err
	}
	e.Code = idp.LogoutRefused
	if sp == nil {
		return e
	}
	e.SP, e.App = sp.EntityID, sp.Name
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditLogoutRejected, Actor: "browser", SP: sp.EntityID,
		Detail: map[string]string{"reason": e.LogReason(), "cause": e.Detail},
	})
	return e
}
