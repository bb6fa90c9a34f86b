package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

func (h *Handlers) listSPs(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	page := adminapi.Page[adminapi.ServiceProviderSummary]{Items: []adminapi.ServiceProviderSummary{}}
	if !r.URL.Query().Has("entity_id") {
		all, err := h.Store.ServiceProviders(ctx)
		if err != nil {
			return err
		}
		for _, s := range all {
			page.Items = append(page.Items, adminapi.ServiceProviderSummary(s))
		}
		return web.JSON(w, http.StatusOK, page)
	}
	sp, err := h.Store.ServiceProvider(ctx, r.URL.Query().Get("entity_id"))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil {
		page.Items = append(page.Items, adminapi.ServiceProviderSummary{
			EntityID: sp.EntityID, Slug: sp.Slug, Name: sp.Name, Preset: sp.Preset, Disabled: sp.Disabled, Draft: sp.Draft, ECP: sp.ECP,
		})
	}
	return web.JSON(w, http.StatusOK, page)
}

// sp reads the service provider that the path names.
func (h *Handlers) sp(r *http.Request) (*idp.ServiceProvider, error) {
	slug := r.PathValue("slug")
	if !validSlug(slug) {
		return nil, notFound("not a short name")
	}
	sp, err := h.Store.ServiceProviderBySlug(r.Context(), slug)
	return sp, told(err)
}

func (h *Handlers) getSP(w http.ResponseWriter, r *http.Request) error {
	sp, err := h.sp(r)
	if err != nil {
		return err
	}
	return h.answerSP(w, r, http.StatusOK, sp, nil)
}

func (h *Handlers) answerSP(w http.ResponseWriter, r *http.Request, status int, sp *idp.ServiceProvider, notes []string) error {
	fields, err := h.instructions(r.Context(), sp)
	if err != nil {
		return err
	}
	src, err := h.source(r.Context(), sp)
	if err != nil {
		return err
	}
	plans, err := h.plans(r.Context(), sp)
	if err != nil {
		return err
	}
	return answer(w, status, sp.Version, adminapi.ServiceProviderAnswer{
		ServiceProvider: adminapi.ServiceProviderOf(sp), Notes: append([]string{}, notes...), Instructions: fields, Metadata: src, Release: plans,
	})
}

func (h *Handlers) createSP(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.NewServiceProvider
	if err := read(r, maxFile, &req); err != nil {
		return err
	}
	sp, src, notes, err := h.build(ctx, &req)
	if err != nil {
		return err
	}
	if err := h.unregistered(ctx, sp); err != nil {
		return err
	}
	if req.DryRun {
		return h.answerSP(w, r, http.StatusOK, sp, notes)
	}
	event := idp.AuditEvent{Event: idp.AuditPolicyChanged, SP: sp.EntityID, Detail: map[string]string{
		"action": "service_provider.created", "slug": sp.Slug, "preset": sp.Preset,
	}}
	made := spMembers(sp)
	recordValues(&event, nil, made, changedMembers(spMembers(&idp.ServiceProvider{}), made))
	if err := h.change(ctx, event, func() error { return h.addSP(ctx, sp, src) }); err != nil {
		return err
	}
	w.Header().Set("Location", adminapi.Prefix+"/service-providers/"+sp.Slug)
	return h.answerSP(w, r, http.StatusCreated, sp, notes)
}

// addSP stores a new one, with the source of its metadata where it has one.
func (h *Handlers) addSP(ctx context.Context, sp *idp.ServiceProvider, src *idp.MetadataSource) error {
	if src == nil {
		return h.Store.SaveServiceProvider(ctx, sp)
	}
	return h.Store.AddImported(ctx, sp, src)
}

// unregistered refuses an entityID or a short name that is taken.
func (h *Handlers) unregistered(ctx context.Context, sp *idp.ServiceProvider) error {
	known, err := h.Store.ServiceProvider(ctx, sp.EntityID)
	if err == nil {
		return idp.E(idp.Conflict, "%s is registered already, as %q; change or remove that one", sp.EntityID, known.Slug)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	known, err = h.Store.ServiceProviderBySlug(ctx, sp.Slug)
	if err == nil {
		return idp.E(idp.Conflict, "the short name %q belongs to %s", sp.Slug, known.EntityID)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

func (h *Handlers) patchSP(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.ServiceProviderPatch
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	before, err := h.sp(r)
	if err != nil {
		return err
	}
	if err := ifMatch(r, before.Version); err != nil {
		return err
	}
	next, notes, err := h.modify(ctx, before, &req)
	if err != nil {
		return err
	}
	changed := changedMembers(members(before), members(next))
	if len(changed) == 0 {
		return h.answerSP(w, r, http.StatusOK, before, notes)
	}
	event := idp.AuditEvent{Event: idp.AuditPolicyChanged, SP: next.EntityID, Detail: map[string]string{
		"action": "service_provider.changed", "slug": next.Slug, "members": strings.Join(changed, " "),
	}}
	recordValues(&event, spMembers(before), spMembers(next), changed)
	if weaker := weakened(before, next); len(weaker) > 0 {
		event.Event = idp.AuditPolicyWeakened
		event.Detail["weakened"] = strings.Join(weaker, " ")
	}
	if err := h.change(ctx, event, func() error { return h.replaceSP(ctx, before, next) }); err != nil {
		return err
	}
	return h.answerSP(w, r, http.StatusOK, next, notes)
}

// replaceSP stores next in the place of before. Only a draft changes its
// entityID, which is its identity: it is removed and added anew.
func (h *Handlers) replaceSP(ctx context.Context, before, next *idp.ServiceProvider) error {
	if next.EntityID == before.EntityID {
		return h.Store.SaveServiceProvider(ctx, next)
	}
	_, err := h.Store.ServiceProvider(ctx, next.EntityID)
	if err == nil {
		return idp.E(idp.Conflict, "%s is registered already", next.EntityID)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := h.Store.DeleteServiceProvider(ctx, before.EntityID); err != nil {
		return err
	}
	next.Version = 0
	return h.Store.SaveServiceProvider(ctx, next)
}

func (h *Handlers) deleteSP(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	sp, err := h.sp(r)
	if err != nil {
		return err
	}
	if err := ifMatch(r, sp.Version); err != nil {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditPolicyChanged, SP: sp.EntityID, Detail: map[string]string{
		"action": "service_provider.removed", "slug": sp.Slug,
	}}
	gone := spMembers(sp)
	recordValues(&event, gone, nil, changedMembers(spMembers(&idp.ServiceProvider{}), gone))
	if err := h.change(ctx, event, func() error { return h.Store.DeleteServiceProvider(ctx, sp.EntityID) }); err != nil {
		return err
	}
	return noContent(w)
}
