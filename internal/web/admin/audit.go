package admin

import (
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// audit lists the events of a day, the newest first.
func (h *Handlers) audit(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := paging(r)
	if err != nil {
		return err
	}
	q, day := r.URL.Query(), h.Clock().UTC()
	if s := q.Get("day"); s != "" {
		if day, err = time.Parse(time.DateOnly, s); err != nil {
			return invalid("day %q is not a date like 2026-01-31", s)
		}
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
