package me

import (
	"cmp"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// consentView is what a person has agreed to for an application.
type consentView struct {
	ID    string   `json:"id"`
	App   string   `json:"app"`
	Names []string `json:"names"` // of the attributes
	At    int64    `json:"at"`
}

func (h *Handlers) consents(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	all, err := h.Store.Consents(r.Context(), p.ID)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b idp.Consent) int { return cmp.Compare(b.At, a.At) })
	items := []consentView{}
	for _, c := range all {
		items = append(items, consentView{ID: idp.ConsentID(c.SP), App: c.AppName, Names: append([]string{}, c.Names...), At: c.At.Seconds()})
	}
	return web.JSON(w, http.StatusOK, map[string]any{"items": items})
}

// withdraw forgets a consent: the person is asked at the next sign-in. What the
// application has received is the application's.
func (h *Handlers) withdraw(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 32 {
		return mine(store.ErrNotFound)
	}
	c, err := h.Store.DeleteConsent(r.Context(), p.ID, id)
	if errors.Is(err, store.ErrConflict) {
		return idp.E(idp.Busy, "consent changed meanwhile")
	}
	if err != nil {
		return mine(err)
	}
	h.audit(r, p, idp.AuditEvent{Event: idp.AuditConsentWithdrawn, SP: c.SP})
	w.WriteHeader(http.StatusNoContent)
	return nil
}
