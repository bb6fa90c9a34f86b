package me

import (
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const activityPage = 20

// signInView is a sign-in as its owner sees it.
type signInView struct {
	ID         string `json:"id"`
	At         int64  `json:"at"`
	App        string `json:"app"`
	Browser    string `json:"browser"`
	OS         string `json:"os"`
	Place      string `json:"place"`
	IP         string `json:"ip"`
	ACR        string `json:"acr"`
	Device     string `json:"device"`
	DeviceID   string `json:"device_id"`
	NewBrowser bool   `json:"new_browser"`
	Reported   bool   `json:"reported"`
	Continued  bool   `json:"continued"` // by the session, without an approval of its own
}

func (h *Handlers) activity(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	cursor := r.URL.Query().Get("cursor")
	if len(cursor) > 100 {
		return idp.E(idp.BadRequest, "cursor")
	}
	list, next, err := h.Store.SignIns(r.Context(), p.ID, cursor, activityPage)
	if err != nil {
		return err
	}
	items := []signInView{}
	for _, in := range list {
		items = append(items, signInView{
			ID: in.ID, At: in.At.Seconds(), App: in.AppName, Browser: in.Browser, OS: in.OS, Place: in.Place, IP: in.IP,
			ACR: in.ACR, Device: in.DeviceName, DeviceID: in.DeviceID, NewBrowser: in.NewBrowser, Reported: in.ReportedAt != 0, Continued: in.Continued,
		})
	}
	return web.JSON(w, http.StatusOK, map[string]any{"items": items, "cursor": next})
}

// report is "that wasn't me": the session of that sign-in ends, administrators
// are alarmed, and the person is told which device approved it.
func (h *Handlers) report(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	in, err := h.Store.SignIn(ctx, p.ID, r.PathValue("id"))
	if err != nil {
		return mine(err)
	}
	if err := h.Store.EndSSOSession(ctx, p.ID, in.SID); err != nil {
		return err
	}
	if in.ReportedAt == 0 {
		in.ReportedAt = h.Now()
		if err := h.Store.SaveSignIn(ctx, p.ID, in); err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
		h.Log.ErrorContext(ctx, "somebody says that a sign-in was not theirs", "event", "alert", "reason", idp.AuditSignInReported,
			"user", p.ID, "sid", in.SID, "sp", in.SP, "corr_id", web.RecordFrom(ctx).CorrID)
		h.audit(r, p, idp.AuditEvent{Event: idp.AuditSignInReported, SID: in.SID, SP: in.SP, Device: in.DeviceName, Cred: in.DeviceID})
	}
	return web.JSON(w, http.StatusOK, map[string]string{"device_id": in.DeviceID, "device": in.DeviceName})
}

// sessionView is a browser that is signed in.
type sessionView struct {
	ID         string `json:"id"`
	Browser    string `json:"browser"`
	OS         string `json:"os"`
	Place      string `json:"place"`
	ACR        string `json:"acr"`
	CreatedAt  int64  `json:"created_at"`
	LastUsedAt int64  `json:"last_used_at"`
	ExpiresAt  int64  `json:"expires_at"`
	This       bool   `json:"this"`
}

func viewOf(s *idp.SSOSession, current string) sessionView {
	return sessionView{
		ID: s.SID, Browser: s.Browser, OS: s.OS, Place: s.Place, ACR: s.ACR, CreatedAt: s.CreatedAt.Seconds(),
		LastUsedAt: s.LastUsedAt.Seconds(), ExpiresAt: s.ExpiresAt.Seconds(), This: s.SID == current,
	}
}

func (h *Handlers) sessions(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	list, err := h.Store.SSOSessions(r.Context(), p.ID)
	if err != nil {
		return err
	}
	items := []sessionView{}
	for i := range list {
		if s := &list[i]; h.Holds(s) {
			items = append(items, viewOf(s, p.session.SID))
		}
	}
	return web.JSON(w, http.StatusOK, map[string]any{"items": items})
}

func (h *Handlers) endSession(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	sid := r.PathValue("id")
	if _, err := idp.DecodeBase32(sid, 16); err != nil {
		return mine(store.ErrNotFound)
	}
	if err := h.Store.EndSSOSession(r.Context(), p.ID, sid); err != nil {
		return err
	}
	h.audit(r, p, idp.AuditEvent{Event: idp.AuditSessionsRevoked, SID: sid, Detail: map[string]string{"reason": "ended by the person"}})
	w.WriteHeader(http.StatusNoContent)
	return nil
}
