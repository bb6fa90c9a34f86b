package admin

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/audit"
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

// verifyAudit tells whether the hours of a day are as they were written. The
// cursor is the hour to go on with.
func (h *Handlers) verifyAudit(w http.ResponseWriter, r *http.Request) error {
	day, err := h.day(r)
	if err != nil {
		return err
	}
	if !audit.Kept(day, h.Clock()) {
		return invalid("the events of day %s are not kept any more, or not all of them", day.Format(time.DateOnly))
	}
	from := 0
	if s := r.URL.Query().Get("after"); s != "" {
		if from, err = strconv.Atoi(s); err != nil || from < 1 || from > 23 {
			return invalid("after is not a cursor")
		}
	}
	hours, next, err := h.auditor.Verify(r.Context(), day, from)
	if err != nil {
		return err
	}
	page := adminapi.Page[adminapi.AuditHour]{Items: []adminapi.AuditHour{}}
	for _, hour := range hours {
		item := adminapi.AuditHour{
			Hour: hour.Hour, State: hour.State, Events: hour.Events, Keyless: hour.Keyless, Chains: hour.Chains,
			Number: hour.Number, MAC: hex.EncodeToString(hour.Checkpoint), Findings: []adminapi.AuditFinding{}, Wrong: hour.Wrong,
		}
		for _, f := range hour.Findings {
			item.Findings = append(item.Findings, adminapi.AuditFinding(f))
		}
		page.Items = append(page.Items, item)
	}
	if next < 24 {
		page.After = strconv.Itoa(next)
	}
	return web.JSON(w, http.StatusOK, page)
}
