package app_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// byPurpose counts the audit trail apart from the state, and what a process
// reads once a minute, whatever the number of sign-ins.
type byPurpose struct {
	table.Table // the state
	audit, keys table.Table
}

func (b *byPurpose) Put(ctx context.Context, item table.Item) (int64, error) {
	if strings.HasPrefix(item.PK, "AUDIT#") {
		return b.audit.Put(ctx, item)
	}
	return b.Table.Put(ctx, item)
}

func (b *byPurpose) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.PK == "KEYS" {
		return b.keys.Query(ctx, q)
	}
	return b.Table.Query(ctx, q)
}

// TestFigures holds the cost of one complete sign-in (approval-protocol.md
// 5.3): what operators pay for. -v prints the table of docs/operations.md.
func TestFigures(t *testing.T) {
	var state, audit, keys *tabletest.Counting
	purposes := &byPurpose{}
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		state, audit, keys = tabletest.NewCounting(inner), tabletest.NewCounting(inner), tabletest.NewCounting(inner)
		purposes.Table, purposes.audit, purposes.keys = state, audit, keys
		return purposes
	}})
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	i.Clock.Add(time.Minute) // nothing is remembered from the preparation
	type row struct {
		step         string
		state, audit tabletest.Counts
	}
	var rows []row
	var total row
	step := func(name string, do func()) {
		do()
		r := row{name, state.Take(), audit.Take()}
		rows = append(rows, r)
		total.state.ReadRequests += r.state.ReadRequests
		total.state.ReadItems += r.state.ReadItems
		total.state.WriteItems += r.state.WriteItems
		total.audit.WriteItems += r.audit.WriteItems
	}

	signIn := func(t *testing.T) {
		rows, total = nil, row{}
		state.Take()
		audit.Take()
		keys.Take()
		signs := i.Key.Signs()
		var location string
		var v idptest.View
		var c idptest.Claimed
		query := samltest.RedirectQuery(i.Good().XML(), nil)
		step("request of the service provider", func() { location = b.Start(query) })
		step("login page", func() { accepted(t, b.Get(location), http.StatusOK) })
		step("create", func() { v = b.NewCode(strings.TrimPrefix(location, "/login?l=")) })
		const polls = 5
		step("5 polls", func() {
			for range polls {
				i.Clock.Add(2 * time.Second)
				b.Poll(v.SID)
			}
		})
		h.NewClaim()
		step("claim", func() { c = h.MustScan(v.Frames[3].URL) })
		step("approve", func() { accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK) })
		step("finish", func() { assertionID(t, b.Finish(v.SID, idptest.RandomKey())) })

		t.Log("| Step | Reads | Items read | Writes | Audit writes |")
		t.Log("|---|---|---|---|---|")
		total.step = "**all**"
		for _, r := range append(rows, total) {
			t.Logf("| %s | %d | %d | %d | %d |", r.step, r.state.ReadRequests, r.state.ReadItems, r.state.WriteItems, r.audit.WriteItems)
		}
		t.Logf("signatures: %d; reads of the list of signing keys, once a minute: %d", i.Key.Signs()-signs, keys.Take().ReadRequests)

		if n := i.Key.Signs() - signs; n != 1 {
			t.Errorf("%d signatures, want 1", n)
		}
		if n := total.state.WriteItems; n > 12 {
			t.Errorf("%d writes of state, at most 12", n)
		}
		if n := total.state.ReadRequests - polls; n > 11 {
			t.Errorf("%d reads besides the polls, at most 11", n)
		}
		if p := rows[3].state; p.ReadRequests != polls || p.WriteItems != 0 {
			t.Errorf("%d polls: %+v", polls, p)
		}
		if total.audit.WriteItems > 6 {
			t.Errorf("%d audit events", total.audit.WriteItems)
		}
	}
	t.Run("in a new browser", signIn)
	t.Run("second application with a session", func(t *testing.T) {
		i.Clock.Add(time.Minute)
		state.Take()
		signs := i.Key.Signs()
		var location string
		var answer *http.Response
		var all tabletest.Counts
		cost := func(name string, do func()) {
			do()
			n := state.Take()
			t.Logf("%s: %d reads (%d items), %d writes (%d items)", name, n.ReadRequests, n.ReadItems, n.WriteRequests, n.WriteItems)
			all.ReadRequests += n.ReadRequests
			all.ReadItems += n.ReadItems
			all.WriteRequests += n.WriteRequests
			all.WriteItems += n.WriteItems
		}
		cost("request of the service provider", func() { location = b.Start(b.Query(nil)) })
		cost("login page", func() { accepted(t, b.Get(location), http.StatusOK) })
		cost("continue", func() {
			answer = b.PostForm("/login/continue", url.Values{"l": {strings.TrimPrefix(location, "/login?l=")}})
		})
		assertionID(t, answer)
		if want := (tabletest.Counts{ReadRequests: 3, ReadItems: 6, WriteRequests: 2, WriteItems: 4}); all != want || i.Key.Signs() != signs+1 {
			t.Errorf("%+v, want %+v; %d signatures, want 1", all, want, i.Key.Signs()-signs)
		}
	})
	b.DropSession()
	t.Run("in a known browser", signIn)
}
