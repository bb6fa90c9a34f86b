package ecp

import (
	"context"
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml/ecp"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const maxEnvelope = 64 << 10

// signIn judges what a program sent, then who it speaks for, then whether that
// person may be signed in. Neither a write nor the key is used before the
// password was found.
func (h *Handlers) signIn(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return idp.E(idp.CrossSite, "a browser, which is no program")
	}
	m, sp, err := h.read(r)
	if err != nil {
		return h.rejected(sp, err)
	}
	draft, err := m.Judge(sp, request.Env{
		SSOURL: h.Config.ECPURL(), Now: h.Clock(), EntityID: h.Config.EntityID, Window: h.Window(),
		Local: h.Config.Local(), Refused: h.Config.RefusedAlgorithms,
	})
	var told *request.Answer
	if err != nil && !errors.As(err, &told) {
		return h.rejected(sp, err)
	}
	password, user, err := h.authenticate(r, sp)
	if err != nil {
		return err
	}
	l, err := h.accept(ctx, sp, draft)
	if err != nil {
		return h.rejected(sp, err)
	}
	a := answer{sp: sp, login: l, user: user, password: password}
	if told != nil {
		return h.fail(w, r, &a, &told.StatusError, nil)
	}
	return h.answer(w, r, &a)
}

// read reads the message and finds its sender, which must let programs in. The
// service provider may come with an error.
func (h *Handlers) read(r *http.Request) (*ecp.Message, *idp.ServiceProvider, error) {
	body, err := web.ReadBody(r, maxEnvelope)
	if err != nil {
		return nil, nil, err
	}
	m, err := ecp.Parse(r.Header.Get("Content-Type"), body)
	if err != nil {
		return nil, nil, err
	}
	sp, err := h.Sender(r.Context(), m.Request.Issuer)
	if err != nil {
		return nil, nil, err
	}
	web.RecordFrom(r.Context()).SP = sp.EntityID
	if !sp.ECP {
		return nil, sp, &idp.Error{Code: idp.Authz, Reason: idp.ECPOff}
	}
	return m, sp, nil
}

// accept keeps the request from being answered again, here or in a browser.
func (h *Handlers) accept(ctx context.Context, sp *idp.ServiceProvider, draft *idp.Login) (*idp.Login, error) {
	l, now := *draft, h.Now()
	l.SPSlug, l.Issuer = sp.Slug, sp.Issuer
	if l.Issuer == "" {
		l.Issuer = h.Config.EntityID
	}
	l.CreatedAt, l.ExpiresAt = now, now.Add(login.LoginLife)
	l.Done, l.DoneAt = "ecp", now
	stored, err := h.AcceptLogin(ctx, h.Masters, &l)
	if errors.Is(err, store.ErrExists) {
		return nil, web.Replayed()
	}
	return stored, err
}

// rejected counts a refusal that the service provider does not hear of.
func (h *Handlers) rejected(sp *idp.ServiceProvider, err error) error {
	e := idp.AsError(err)
	h.Metrics.Count(obs.RequestRejected, map[string]string{obs.Reason: e.LogReason()})
	if sp != nil {
		e.SP, e.App = sp.EntityID, sp.Name
	}
	return err
}
