package admin

import (
	"context"
	"net/http"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/web"
)

func (h *Handlers) getKey(w http.ResponseWriter, r *http.Request) error {
	records, rec, err := h.key(r)
	if err != nil {
		return err
	}
	answer, err := h.keyAnswer(r.Context(), records, rec)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, answer)
}

// confirmKey records that a service provider has a key, as only somebody who
// looked there, or set it there, can know.
func (h *Handlers) confirmKey(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.KeyConfirmation
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	records, rec, err := h.key(r)
	if err != nil {
		return err
	}
	if !slices.Contains(keys.Learning(records), rec.ID) {
		return invalid("signing key %s is %s: there is nothing to confirm", rec.ID, rec.State)
	}
	if !validSlug(req.ServiceProvider) {
		return notFound("not a slug")
	}
	sp, err := h.Store.ServiceProviderBySlug(ctx, req.ServiceProvider)
	if err != nil {
		return told(err)
	}
	if sp.SigningKey != "" {
		return invalid("%s has a signing key of its own, %s", sp.Slug, sp.SigningKey)
	}
	action := "key.confirmed"
	if req.Withdraw {
		action = "key.confirmation_withdrawn"
	}
	event := idp.AuditEvent{Event: idp.AuditKeyChanged, SP: sp.EntityID, Detail: map[string]string{"action": action, "key": rec.ID}}
	err = h.change(ctx, event, func() error {
		return h.Store.ConfirmKey(ctx, rec.ID, sp.EntityID, actor(ctx), !req.Withdraw)
	})
	if err != nil {
		return err
	}
	return h.getKey(w, r)
}

// key is the one that the path names, among all.
func (h *Handlers) key(r *http.Request) ([]keys.Record, keys.Record, error) {
	records, err := h.Keys.List(r.Context())
	if err != nil {
		return nil, keys.Record{}, err
	}
	i := slices.IndexFunc(records, func(rec keys.Record) bool { return rec.ID == r.PathValue("id") })
	if i < 0 {
		return nil, keys.Record{}, notFound("no such key")
	}
	return records, records[i], nil
}

// keyAnswer tells who knows a key, where that is a question.
func (h *Handlers) keyAnswer(ctx context.Context, records []keys.Record, rec keys.Record) (adminapi.KeyAnswer, error) {
	answer := adminapi.KeyAnswer{Key: keyOf(rec), ServiceProviders: []adminapi.KeySeen{}}
	if !slices.Contains(keys.Learning(records), rec.ID) {
		return answer, nil
	}
	sps, err := h.allSPs(ctx)
	if err != nil {
		return answer, err
	}
	seen, err := h.Store.KeyProgress(ctx, rec.ID)
	if err != nil {
		return answer, err
	}
	count := &adminapi.KeyProgress{}
	for _, sp := range sps {
		if sp.SigningKey != "" || sp.Draft || sp.Disabled {
			continue
		}
		known := seen[sp.EntityID]
		answer.ServiceProviders = append(answer.ServiceProviders, adminapi.KeySeen{
			Slug: sp.Slug, Name: sp.Name, EntityID: sp.EntityID,
			FetchedAt: known.FetchedAt.Seconds(), ConfirmedAt: known.ConfirmedAt.Seconds(), ConfirmedBy: known.ConfirmedBy,
		})
		count.ServiceProviders++
		if known.ConfirmedAt > 0 {
			count.Confirmed++
		} else if known.FetchedAt > 0 {
			count.Fetched++
		}
	}
	answer.Key.Progress = count
	return answer, nil
}

// usersOf names the service providers that a dedicated key signs for.
func (h *Handlers) usersOf(ctx context.Context, keyID string) ([]string, error) {
	sps, err := h.allSPs(ctx)
	var slugs []string
	for _, sp := range sps {
		if sp.SigningKey == keyID {
			slugs = append(slugs, sp.Slug)
		}
	}
	return slugs, err
}

// allSPs reads every service provider with its settings.
func (h *Handlers) allSPs(ctx context.Context) ([]*idp.ServiceProvider, error) {
	summaries, err := h.Store.ServiceProviders(ctx)
	if err != nil {
		return nil, err
	}
	sps, err := h.Store.ServiceProvidersOf(ctx, summaries)
	if err != nil {
		return nil, err
	}
	out := make([]*idp.ServiceProvider, len(sps))
	for i := range sps {
		out[i] = &sps[i]
	}
	return out, nil
}

// checkSigningKey refuses a key that would not sign for this service provider.
func (h *Handlers) checkSigningKey(ctx context.Context, sp *idp.ServiceProvider) error {
	if sp.SigningKey == "" {
		return nil
	}
	records, err := h.Keys.List(ctx)
	if err != nil {
		return err
	}
	state := keys.State("unknown")
	for _, rec := range records {
		if rec.ID == sp.SigningKey {
			state = rec.State
		}
	}
	if state != keys.Dedicated {
		return invalid("signing_key %q is %s, not a dedicated key; make one with: latchkey key roll --dedicated", sp.SigningKey, state)
	}
	return nil
}
