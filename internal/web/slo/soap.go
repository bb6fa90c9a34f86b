package slo

import (
	"context"
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/logout"
	"github.com/latchkey-idp/latchkey/internal/saml/soap"
	"github.com/latchkey-idp/latchkey/internal/slo"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// soap takes a LogoutRequest by SOAP (SAML Bindings 3.2). Whatever cannot be
// answered by a LogoutResponse is a fault, with the status of SOAP (500).
func (h *Handlers) soap(w http.ResponseWriter, r *http.Request) {
	body, err := h.callee(r)
	status := http.StatusOK
	if err != nil {
		fault := faultOf(err)
		e := h.Note(w, r, err)
		web.RecordFrom(r.Context()).Err = fault.Error()
		body, status = fault.XML(), http.StatusInternalServerError
		if e.Code == idp.Busy { // HTTP has a status for that, and says when to come again
			status = e.Code.Info().Status
		}
	}
	w.Header().Set("Content-Type", soap.ContentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller went away; nothing to be done
}

func faultOf(err error) *soap.Fault {
	var fault *soap.Fault
	switch {
	case errors.As(err, &fault):
		return fault
	case idp.CodeOf(err) == idp.LogoutRefused, idp.CodeOf(err) == idp.SAMLRefused, idp.CodeOf(err) == idp.TooLarge, idp.CodeOf(err) == idp.BadRequest:
		return &soap.Fault{Code: soap.CodeClient, Text: "The request was refused.", Err: err}
	}
	return &soap.Fault{Code: soap.CodeServer, Text: "Please try again in a moment.", Err: err}
}

func (h *Handlers) callee(r *http.Request) ([]byte, error) {
	ctx := r.Context()
	raw, err := web.ReadBody(r, maxPost)
	if err != nil {
		return nil, err
	}
	envelope, err := soap.Parse(r.Header.Get("Content-Type"), raw)
	if err != nil {
		return nil, err
	}
	req, err := logout.ReadRequest(envelope.Body)
	if err != nil {
		return nil, err
	}
	sp, err := h.Sender(ctx, req.Issuer)
	if err != nil {
		return nil, err
	}
	in := &binding.Inbound{Binding: idp.BindingSOAP}
	req, _, err = logout.JudgeRequest(req, in, sp, h.env(ctx, h.Config.SLOSOAPURL()))
	if err != nil {
		return nil, h.rejected(ctx, sp, err)
	}
	kept := h.request(req, in, sp)
	a, err := h.endByCall(ctx, sp, req, kept)
	if err != nil {
		return nil, err
	}
	m, err := h.answer(ctx, sp, kept, a)
	if err != nil {
		return nil, err
	}
	key, err := h.Signing(ctx, h.Keys, sp)
	if err != nil {
		return nil, err
	}
	return m.SOAP(key)
}

// endByCall ends what a request by SOAP is about. Applications that can be told
// only through a browser stay untold, and the answer says so.
func (h *Handlers) endByCall(ctx context.Context, sp *idp.ServiceProvider, req *logout.Request, kept *idp.LogoutRequest) (a logout.Answer, err error) {
	people, err := h.Store.PeopleNamed(ctx, sp.EntityID, kept.NameID)
	if err != nil {
		return a, err
	}
	l, err := h.Service.Start(ctx, slo.Order{ID: logoutID(req), By: "sp", Request: kept, People: people, Ends: named(kept)})
	switch {
	case errors.Is(err, store.ErrExists):
		return a, h.rejected(ctx, sp, idp.Refuse(idp.ReasonReplay, "LogoutRequest was received before"))
	case errors.Is(err, slo.ErrNothing):
		web.RecordFrom(ctx).Reason = string(idp.SLONotParticipant)
		return logout.Answer{Failed: unknownPrincipal}, nil
	case err != nil:
		return a, err
	}
	h.tellServers(ctx, l)
	st, err := h.Service.State(ctx, l)
	return logout.Answer{Partial: st.Partial}, err
}
