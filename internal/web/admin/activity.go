package admin

import (
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// listSessions lists the browsers in which a person is signed in.
func (h *Handlers) listSessions(w http.ResponseWriter, r *http.Request) error {
	u, err := h.user(r)
	if err != nil {
		return err
	}
	sessions, err := h.Store.SSOSessions(r.Context(), u.ID)
	if err != nil {
		return err
	}
	page := adminapi.Page[adminapi.Session]{Items: []adminapi.Session{}}
	for i := range sessions {
		if h.Holds(&sessions[i]) {
			page.Items = append(page.Items, adminapi.SessionOf(&sessions[i]))
		}
	}
	return web.JSON(w, http.StatusOK, page)
}

// listSignIns lists a person's sign-ins, the newest first.
func (h *Handlers) listSignIns(w http.ResponseWriter, r *http.Request) error {
	u, err := h.user(r)
	if err != nil {
		return err
	}
	after, limit, err := paging(r)
	if err != nil {
		return err
	}
	list, next, err := h.Store.SignIns(r.Context(), u.ID, after, limit)
	if err != nil {
		return err
	}
	page := adminapi.Page[adminapi.SignIn]{Items: []adminapi.SignIn{}, After: next}
	for i := range list {
		page.Items = append(page.Items, adminapi.SignInOf(&list[i]))
	}
	return web.JSON(w, http.StatusOK, page)
}

// recoveryCodes tells how many a person has left, never which.
func (h *Handlers) recoveryCodes(w http.ResponseWriter, r *http.Request) error {
	u, err := h.user(r)
	if err != nil {
		return err
	}
	codes, err := h.Store.RecoveryCodes(r.Context(), u.ID)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, adminapi.RecoveryCodes{Left: codes.Left(), CreatedAt: codes.CreatedAt.Seconds()})
}

// voidRecoveryCodes takes a person's codes away: they were lost or stolen. Only
// the person can make new ones.
func (h *Handlers) voidRecoveryCodes(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	u, err := h.user(r)
	if err != nil {
		return err
	}
	codes, err := h.Store.RecoveryCodes(ctx, u.ID)
	if err != nil {
		return err
	}
	if codes.Left() == 0 {
		return noContent(w)
	}
	event := idp.AuditEvent{Event: idp.AuditRecoveryRenewed, UserID: u.ID, Detail: map[string]string{"action": "voided"}}
	void := &idp.RecoveryCodes{CreatedAt: codes.CreatedAt, Version: codes.Version}
	if err := h.change(ctx, event, func() error { return h.Store.SaveRecoveryCodes(ctx, u.ID, void) }); err != nil {
		return err
	}
	return noContent(w)
}
