package faults_test

import (
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// always is what no fault may change: nothing was issued twice, what people were
// told is what is stored, and the trail tells the same.
func (c *course) always() {
	c.t.Helper()
	c.once()
	if c.sid != "" && c.decided != idp.StateCreated {
		s := c.Session(c.sid)
		if s.State != c.decided {
			c.t.Errorf("session is %s, somebody was told %s", s.State, c.decided)
		}
		if ids := c.issued[c.sid]; c.decided == idp.StateConsumed && !c.lost && (len(ids) == 0 || s.AssertionID != ids[0] || s.UserID != c.user.ID) {
			c.t.Errorf("session has assertion %s of %s, the browser %v", s.AssertionID, s.UserID, ids)
		}
	}
	if limit := handlerTime + 10*latency; c.w.slowest > limit {
		c.t.Errorf("L15 a handler took %v, its time is %v", c.w.slowest, handlerTime)
	}
	c.audited()
}

// once: no approval was answered with two assertions.
func (c *course) once() {
	c.t.Helper()
	for login, ids := range c.issued {
		if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) > 1 {
			c.t.Errorf("%s was answered with %d assertions: %v", login, len(ids), ids)
		}
	}
}

// audited: each answer is in the trail, once as the first; what could not be
// written there is in the log.
func (c *course) audited() {
	c.t.Helper()
	first, finished := map[string]int{}, map[string]bool{}
	for _, e := range c.trail() {
		if e.Event != idp.AuditFinished {
			continue
		}
		id := e.Detail["assertion_id"]
		finished[id] = true
		if e.Outcome == "issued" {
			first[id]++
		}
	}
	for id, n := range first {
		if n > 1 {
			c.t.Errorf("assertion %s was issued %d times", id, n)
		}
	}
	for login, ids := range c.issued {
		if !finished[ids[0]] && !strings.Contains(c.w.log.String(), "audit write failed") {
			c.t.Errorf("the answer to %s is not in the trail", login)
		}
		delete(finished, ids[0])
	}
	for id := range finished {
		if c.lost {
			continue
		}
		c.t.Errorf("the trail has an assertion %s that nobody got", id)
	}
}

// trail is what is written of this person.
func (c *course) trail() (mine []idp.AuditEvent) {
	c.t.Helper()
	for day := c.start; !day.After(c.w.now()); day = day.AddDate(0, 0, 1).Truncate(24 * time.Hour) {
		mine = append(mine, c.eventsOf(day)...)
	}
	return mine
}

// eventsOf is what was written of this person on a day since the course began:
// the newest events, page by page.
func (c *course) eventsOf(day time.Time) (mine []idp.AuditEvent) {
	c.t.Helper()
	began, err := ulid.New(ulid.Timestamp(c.start), nil)
	must(c.t, err)
	for after := ""; ; {
		events, next, err := c.w.store.Events(c.t.Context(), day, after, 100)
		must(c.t, err)
		for _, e := range events {
			if e.ID < began.String() {
				return mine
			}
			if e.UserID == c.user.ID {
				mine = append(mine, e)
			}
		}
		if after = next; after == "" {
			return mine
		}
	}
}

// signedIn: a sign-in that was told is a session and a line in the person's list.
func (c *course) signedIn() {
	c.t.Helper()
	sessions, err := c.w.store.SSOSessions(c.t.Context(), c.user.ID)
	must(c.t, err)
	list, _, err := c.w.store.SignIns(c.t.Context(), c.user.ID, "", 0)
	must(c.t, err)
	if !c.lost && (len(list) != len(c.issued) || len(sessions) == 0 || len(sessions) > len(c.issued)) {
		c.t.Errorf("%d sign-ins: %d in the list, %d sessions", len(c.issued), len(list), len(sessions))
	}
}

// saidNo: nobody was signed in.
func (c *course) saidNo() {
	c.t.Helper()
	sessions, err := c.w.store.SSOSessions(c.t.Context(), c.user.ID)
	must(c.t, err)
	if len(c.issued) != 0 || len(sessions) != 0 {
		c.t.Errorf("after a no: assertions %v, %d sessions", c.issued, len(sessions))
	}
}

// next: whatever was, the next sign-in works, at once.
func (c *course) next() {
	c.t.Helper()
	c.anew()
	c.browser.DropSession()
	c.signIn()
	if c.refused > 0 {
		c.t.Errorf("the next sign-in was refused %d times", c.refused)
	}
	c.always()
}
