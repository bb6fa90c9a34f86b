package admin

import (
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/auditchain"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// audit lists the events of a day, the newest first.
func (h *Handlers) audit(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := paging(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	day, err := h.day(r)
	if err != nil {
		return err
	}
	events, next, err := h.Store.Events(r.Context(), day, after, limit)
	if err != nil {
		return err
	}
	page := adminapi.AuditPage{Items: []idp.AuditEvent{}, After: next}
	for _, e := range events {
		if matches(q.Get("event"), e.Event) && matches(q.Get("user"), e.UserID) {
			page.Items = append(page.Items, e)
		}
	}
	return web.JSON(w, http.StatusOK, page)
}

func matches(want, got string) bool { return want == "" || want == got }

// day is the one that the query names; today if it names none.
func (h *Handlers) day(r *http.Request) (time.Time, error) {
	s := r.URL.Query().Get("day")
	if s == "" {
		return h.Clock().UTC(), nil
	}
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return day, invalid("day %q is not a date like 2026-01-31", s)
	}
	return day, nil
}

// auditChain lists the events of a day, the oldest first, each with whether it is
// as we wrote it. How they hang together is for the caller to check
// (package auditchain), who can hold more of them.
func (h *Handlers) auditChain(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := paging(r)
	if err != nil {
		return err
	}
	day, err := h.day(r)
	if err != nil {
		return err
	}
	events, next, err := h.Store.EventsInOrder(r.Context(), day, after, limit)
	if err != nil {
		return err
	}
	page := adminapi.AuditChainPage{Items: []adminapi.ChainedEvent{}, After: next}
	for _, e := range events {
		page.Items = append(page.Items, adminapi.ChainedEvent{AuditEvent: e, Authentic: h.Audit.Authentic(e)})
	}
	return web.JSON(w, http.StatusOK, page)
}

// sealAudit writes down how much there was of days that somebody verified.
func (h *Handlers) sealAudit(w http.ResponseWriter, r *http.Request) error {
	var req adminapi.AuditSeal
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	seal, err := auditchain.ParseSeal(req.Seal)
	if err != nil {
		return invalid("%v", err)
	}
	event := idp.AuditEvent{Event: idp.AuditSealed, Detail: seal.Detail()}
	if err := h.change(r.Context(), event, func() error { return nil }); err != nil {
		return err
	}
	return noContent(w)
}
