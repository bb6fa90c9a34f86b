package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/slo"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// signOutPage is how many people one call signs out.
const signOutPage = 20

// SignOut serves the part of the API that ends sessions. It lives in
// functions/slo, which may sign: the applications are told.
type SignOut struct {
	gate
	service *slo.Service
}

// NewSignOut makes the handlers. A nil Authenticator admits nobody.
func NewSignOut(site *web.Site, service *slo.Service, auth Authenticator) *SignOut {
	return &SignOut{gate{site, auth}, service}
}

// Mount adds the routes.
func (h *SignOut) Mount(mux web.Mux) {
	mux.Handle("POST /v1/admin/users/{id}/signout", h.API(h.guard(h.one)))
	mux.Handle("POST /v1/admin/signout", h.API(h.guard(h.everybody)))
}

// one ends the sessions of one person, all or those that one device approved.
func (h *SignOut) one(w http.ResponseWriter, r *http.Request) error {
	u, err := h.user(r)
	if err != nil {
		return err
	}
	var req adminapi.SignOut
	if r.ContentLength != 0 {
		if err := read(r, web.MaxAdminJSON, &req); err != nil {
			return err
		}
	}
	out := adminapi.SignedOut{Applications: []adminapi.SignedOutOf{}}
	event := idp.AuditEvent{Event: idp.AuditSessionsRevoked, UserID: u.ID, Cred: req.Device}
	err = h.change(r.Context(), event, func() error { return h.signOut(r.Context(), u.ID, req.Device, &out) })
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, out)
}

// everybody ends all sessions there are, a page of people at a time.
func (h *SignOut) everybody(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.SignOutAll
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	if !req.Everybody {
		return invalid("everybody must be true: this ends the sessions of all people")
	}
	out := adminapi.SignedOut{Applications: []adminapi.SignedOutOf{}}
	event := idp.AuditEvent{Event: idp.AuditSessionsRevoked, Detail: map[string]string{"people": "all", "after": req.After}}
	err := h.change(ctx, event, func() error {
		people, next, err := h.Store.Users(ctx, req.After, signOutPage)
		if err != nil {
			return err
		}
		out.After = next
		for i := range people {
			if err := h.signOut(ctx, people[i].ID, "", &out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, out)
}

// signOut ends sessions, and tells the applications that can be told without a
// browser.
func (h *SignOut) signOut(ctx context.Context, uid, device string, out *adminapi.SignedOut) error {
	id, err := idp.NewID(h.Random)
	if err != nil {
		return err
	}
	l, err := h.service.Start(ctx, slo.Order{
		ID: id, By: actor(ctx), People: []string{uid},
		Ends: func(s *idp.SSOSession) bool { return device == "" || s.CredentialID == device },
	})
	if errors.Is(err, slo.ErrNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	out.People++
	if err := h.service.TellServers(ctx, l); err != nil { // ours are over; the result says what it knows
		web.RecordFrom(ctx).Err = err.Error()
	}
	st, err := h.service.State(ctx, l)
	if err != nil {
		return err
	}
	for i, t := range l.Targets {
		out.Applications = append(out.Applications, adminapi.SignedOutOf{
			User: uid, EntityID: t.SP, Name: t.Name, Outcome: st.Outcomes[i],
		})
	}
	return nil
}
