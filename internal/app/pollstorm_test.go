package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestPollStorm: polls write nothing, however many come, to whatever session,
// at whatever pace; those that come too fast do not even read.
func TestPollStorm(t *testing.T) {
	var m *tabletest.Metered
	i := idptest.New(t, idptest.Options{Engine: unsynced, Table: metered(&m)})
	h := i.EnrolledHandset(i.Alice, phoneIP)
	type waiting struct {
		name string
		b    *idptest.Browser
		sid  string
		want int
	}
	show := func(name string, upTo int) waiting {
		b := i.Browser(address())
		v := b.ShowCode()
		if upTo > 0 {
			h.NewClaim()
			c := h.MustScan(v.Frames[0].URL)
			if upTo > 1 {
				accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
			}
			if upTo > 2 {
				assertionID(t, b.Finish(v.SID, idptest.RandomKey()))
			}
		}
		i.Clock.Add(time.Second)
		return waiting{name, b, v.SID, http.StatusOK}
	}
	storm := []waiting{show("created", 0), show("scanned", 1), show("approved", 2), show("finished", 3)}
	stranger := storm[0]
	stranger.name, stranger.b, stranger.want = "of another browser", i.Browser(address()), http.StatusNotFound
	stranger.b.ShowCode() // it has a secret, but not this one
	storm = append(storm, stranger, waiting{"unknown", storm[0].b, "AAAAAAAAAAAAAAAAAAAAAAAAAA", http.StatusNotFound})
	poll := func(w waiting) int {
		return status(t, w.b.API("/v1/login/sessions/"+w.sid, nil))
	}

	const rounds = 1_000
	for _, w := range storm {
		t.Run(w.name, func(t *testing.T) {
			m.Take()
			for range rounds {
				i.Clock.Add(500 * time.Millisecond)
				if got := poll(w); got != w.want {
					t.Fatalf("status %d, want %d", got, w.want)
				}
			}
			if b := m.Take(); b.WriteRequests != 0 || b.ReadRequests != rounds || b.ReadUnits != rounds/2 {
				t.Errorf("%d polls: %+v", rounds, b)
			}
			for range rounds { // the clock stands still
				poll(w)
			}
			if b := m.Take(); b.WriteRequests != 0 || b.ReadRequests > 2 {
				t.Errorf("%d polls at once: %+v", rounds, b)
			}
		})
	}
}

// metered puts a meter before a table.
func metered(m **tabletest.Metered) func(table.Table) table.Table {
	return func(inner table.Table) table.Table {
		*m = tabletest.NewMetered(inner)
		return *m
	}
}
