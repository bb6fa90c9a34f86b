package slo

import (
	"context"
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/logout"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// finish tells the application that wanted it how the logout went. Whoever has
// not confirmed by now counts as signed in. It may be repeated.
func (h *Handlers) finish(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	l, err := h.mineByForm(r)
	if err != nil {
		return err
	}
	if !answerable(l) {
		return idp.E(idp.WrongState, "nobody waits for an answer")
	}
	if l.Asks {
		session, err := h.concerned(r, l.Request)
		if err != nil {
			return err
		}
		if session != nil {
			return idp.E(idp.WrongState, "the person has not confirmed")
		}
	}
	sp, err := h.Store.ServiceProvider(ctx, l.Request.SP)
	if errors.Is(err, store.ErrNotFound) {
		return idp.E(idp.AppDisabled, "service provider is gone")
	}
	if err != nil {
		return err
	}
	st, err := h.Service.State(ctx, l)
	if err != nil {
		return err
	}
	return h.deliver(w, r, sp, l.Request, logout.Answer{Partial: st.Partial})
}

// deliver signs the LogoutResponse and takes it to the application, at an
// address that is registered for it now (P24).
func (h *Handlers) deliver(w http.ResponseWriter, r *http.Request, sp *idp.ServiceProvider, req *idp.LogoutRequest, a logout.Answer) error {
	ctx := r.Context()
	to := sp.SLOEndpoint(req.Binding)
	if req.Binding == "" || to == nil || to.ResponseLocation() != req.Location {
		return h.nothing(w, r) // it has no address for answers
	}
	m, err := h.answer(ctx, sp, req, a)
	if err != nil {
		return err
	}
	key, err := h.Signing(ctx, h.Keys, sp)
	if err != nil {
		return err
	}
	if req.Binding == idp.BindingRedirect {
		url, err := m.Redirect(req.RelayState, req.HasRelayState, key)
		if err != nil {
			return err
		}
		return leave(w, url)
	}
	out, err := m.POST(req.RelayState, req.HasRelayState, key)
	if err != nil {
		return err
	}
	return h.sendForm(w, r, sp, out)
}

// answer makes the LogoutResponse and notes it.
func (h *Handlers) answer(ctx context.Context, sp *idp.ServiceProvider, req *idp.LogoutRequest, a logout.Answer) (*logout.Message, error) {
	id, err := idp.NewID(h.Random)
	if err != nil {
		return nil, err
	}
	a.InResponseTo, a.Issuer = req.ID, req.Issuer
	status := saml.StatusSuccess
	switch {
	case a.Failed != nil:
		status = a.Failed.Second
	case a.Partial:
		status = saml.StatusPartialLogout
	}
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditLogoutAnswered, Actor: "sp", SP: sp.EntityID, Detail: map[string]string{"status": status, "request": req.ID},
	})
	return logout.NewResponse(sp, a, req.Location, "_"+id, h.Clock()), nil
}
