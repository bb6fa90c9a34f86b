package me

import (
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// appPasswordView is an app password as its owner sees it.
type appPasswordView struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	App           string `json:"app"`
	ByAdmin       bool   `json:"by_admin"` // an administrator made it
	CreatedAt     int64  `json:"created_at"`
	ExpiresAt     int64  `json:"expires_at"`
	LastUsedAt    int64  `json:"last_used_at,omitempty"`
	LastUsedPlace string `json:"last_used_place,omitempty"`
}

func appPasswordViewOf(p *idp.AppPassword) appPasswordView {
	return appPasswordView{
		ID: p.ID, Name: p.Name, App: p.AppName, ByAdmin: strings.HasPrefix(p.CreatedBy, "admin:"), CreatedAt: p.CreatedAt.Seconds(),
		ExpiresAt: p.ExpiresAt.Seconds(), LastUsedAt: p.LastUsedAt.Seconds(), LastUsedPlace: p.LastUsedPlace,
	}
}

// appView is an application that an app password can be made for.
type appView struct {
	ID   string `json:"id"` // its short name
	Name string `json:"name"`
}

// appPasswords lists a person's app passwords, and the applications that the
// person can make one for.
func (h *Handlers) appPasswords(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	list, err := h.Store.AppPasswords(r.Context(), p.ID)
	if err != nil {
		return err
	}
	items := []appPasswordView{}
	for i := range list {
		items = append(items, appPasswordViewOf(&list[i]))
	}
	apps, err := h.programApps(r, p)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, map[string]any{"items": items, "apps": apps})
}

// programApps are the applications that let programs of the person sign in.
func (h *Handlers) programApps(r *http.Request, p person) ([]appView, error) {
	all, err := h.Store.ServiceProviders(r.Context())
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s store.SPSummary) bool { return !s.ECP || s.Disabled || s.Draft })
	sps, err := h.Store.ServiceProvidersOf(r.Context(), all)
	if err != nil {
		return nil, err
	}
	apps := []appView{}
	for _, sp := range sps {
		if sp.Admits(p.User) {
			apps = append(apps, appView{sp.Slug, sp.Name})
		}
	}
	return apps, nil
}

type addAppPasswordBody struct {
	App  string `json:"app"`  // id of an appView
	Name string `json:"name"` // for the person, who may have several
}

// addAppPassword makes one, which is shown this once.
func (h *Handlers) addAppPassword(w http.ResponseWriter, r *http.Request) error {
	p, err := h.trusted(r, web.VerifiedFor)
	if err != nil {
		return err
	}
	var body addAppPasswordBody
	if err := web.ReadJSON(r, web.MaxJSON, true, &body); err != nil {
		return err
	}
	if len(body.App) > 40 {
		return mine(store.ErrNotFound)
	}
	ctx := r.Context()
	sp, err := h.Store.ServiceProviderBySlug(ctx, body.App)
	if err != nil {
		return mine(err)
	}
	made, shown, err := h.NewAppPassword(ctx, p.User, sp, body.Name, "user:"+p.ID, idp.AppPasswordLife)
	if err != nil {
		return err
	}
	if err := h.Store.CreateAppPassword(ctx, made); err != nil {
		return meanwhile(err)
	}
	h.audit(r, p, idp.AuditEvent{Event: idp.AuditAppPasswordMade, SP: made.SP, Detail: web.AppPasswordDetail(made)})
	return web.JSON(w, http.StatusCreated, struct {
		appPasswordView
		Username string `json:"username"`
		Password string `json:"password"`
	}{appPasswordViewOf(made), p.Email, shown})
}

// revokeAppPassword takes a program's way in. It wants no fresh check: whoever
// has the session can end what the person can make again.
func (h *Handlers) revokeAppPassword(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return mine(store.ErrNotFound)
	}
	gone, err := h.Store.RevokeAppPassword(r.Context(), p.ID, id)
	if err != nil {
		return mine(err)
	}
	h.audit(r, p, idp.AuditEvent{Event: idp.AuditAppPasswordEnded, SP: gone.SP, Detail: web.AppPasswordDetail(gone)})
	w.WriteHeader(http.StatusNoContent)
	return nil
}
