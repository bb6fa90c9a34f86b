package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

func (h *Handlers) listAppPasswords(w http.ResponseWriter, r *http.Request) error {
	u, err := h.user(r)
	if err != nil {
		return err
	}
	list, err := h.Store.AppPasswords(r.Context(), u.ID)
	if err != nil {
		return err
	}
	page := adminapi.Page[adminapi.AppPassword]{Items: []adminapi.AppPassword{}}
	for i := range list {
		page.Items = append(page.Items, adminapi.AppPasswordOf(&list[i]))
	}
	return web.JSON(w, http.StatusOK, page)
}

// createAppPassword makes one for a person, who sees it in their own list.
func (h *Handlers) createAppPassword(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.NewAppPassword
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	life, err := appPasswordLife(req.Life)
	if err != nil {
		return err
	}
	u, err := h.user(r)
	if err != nil {
		return err
	}
	sp, err := h.application(ctx, req.SP)
	if err != nil {
		return err
	}
	p, shown, err := h.NewAppPassword(ctx, u, sp, req.Name, actor(ctx), life)
	if err != nil {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditAppPasswordMade, UserID: u.ID, SP: sp.EntityID, Detail: web.AppPasswordDetail(p)}
	if err := h.change(ctx, event, func() error { return h.Store.CreateAppPassword(ctx, p) }); err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, adminapi.NewAppPasswordAnswer{
		AppPassword: adminapi.AppPasswordOf(p), Username: u.Email, Password: shown,
	})
}

// application finds a service provider by its entityID or its short name.
func (h *Handlers) application(ctx context.Context, name string) (*idp.ServiceProvider, error) {
	if name == "" || len(name) > 1024 {
		return nil, invalid("sp is missing: give the entityID or the short name of an application")
	}
	sp, err := h.Store.ServiceProvider(ctx, name)
	if errors.Is(err, store.ErrNotFound) && validSlug(name) {
		sp, err = h.Store.ServiceProviderBySlug(ctx, name)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, invalid("there is no service provider %q", name)
	}
	return sp, err
}

func appPasswordLife(s string) (time.Duration, error) {
	if s == "" {
		return idp.AppPasswordLife, nil
	}
	life, err := time.ParseDuration(s)
	if err != nil || life < idp.AppPasswordMinLife || life > idp.AppPasswordMaxLife {
		return 0, invalid("life %q is not a duration from %s to %s", s, idp.AppPasswordMinLife, idp.AppPasswordMaxLife)
	}
	return life, nil
}

func (h *Handlers) revokeAppPassword(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	u, err := h.user(r)
	if err != nil {
		return err
	}
	id := r.PathValue("password")
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return notFound("not an app password's id")
	}
	p, err := h.Store.AppPassword(ctx, u.ID, id)
	if err != nil {
		return told(err)
	}
	event := idp.AuditEvent{Event: idp.AuditAppPasswordEnded, UserID: u.ID, SP: p.SP, Detail: web.AppPasswordDetail(p)}
	if err := h.change(ctx, event, func() error {
		_, err := h.Store.RevokeAppPassword(ctx, u.ID, id)
		return err
	}); err != nil {
		return err
	}
	return noContent(w)
}
