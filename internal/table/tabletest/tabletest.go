package tabletest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// Run runs the conformance suite. open returns an empty table that judges
// expiry by clock; it closes it with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T, clock idp.Clock) table.Table) {
	suite := []struct {
		name string
		test func(*harness)
	}{
		{"put then get", putThenGet},
		{"put compares versions", putComparesVersions},
		{"get all", getAll},
		{"delete compares versions", deleteComparesVersions},
		{"L10 one of many writers wins", oneWriterWins},
		{"L10 concurrent increments are exact", incrementsAreExact},
		{"L9 expired item still in the table", expiredItem},
		{"L9 transact over an expired item", transactExpired},
		{"L9 query skips expired items", querySkipsExpired},
		{"transact is all or nothing", transactAllOrNothing},
		{"transact checks", transactChecks},
		{"transact refuses what is not one write per item", transactRefuses},
		{"query prefix, limit and order", queryOrder},
		{"query pages", queryPages},
		{"unusual keys", unusualKeys},
		{"bad keys", badKeys},
		{"sizes", sizes},
		{"transact up to its limits", transactLimits},
		{"canceled context", canceledContext},
	}
	for _, s := range suite {
		t.Run(s.name, func(t *testing.T) {
			h := &harness{T: t}
			// Far in the future, so that no sweep that goes by the machine's clock
			// (TTL in DynamoDB Local) takes an item away.
			h.now.Store(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
			h.Table = open(t, h.clock)
			s.test(h)
		})
	}
}

// harness is a table under test, its clock, and checks in the words of the port.
type harness struct {
	*testing.T
	table.Table
	now atomic.Int64 // milliseconds
}

func (h *harness) clock() time.Time { return time.UnixMilli(h.now.Load()) }

func (h *harness) in(d time.Duration) time.Time { return h.clock().Add(d).UTC() }

func key(pk, sk string) table.Key { return table.Key{PK: pk, SK: sk} }

func item(pk, sk, data string) table.Item {
	return table.Item{Key: key(pk, sk), Data: []byte(data)}
}

// put stores an item and returns it as it is stored now.
func (h *harness) put(i table.Item) table.Item {
	h.Helper()
	version, err := h.Put(h.Context(), i)
	if err != nil {
		h.Fatalf("Put(%q, version %d): %v", i.Key, i.Version, err)
	}
	if version != i.Version+1 {
		h.Fatalf("Put(%q, version %d) = version %d, want one more", i.Key, i.Version, version)
	}
	i.Version = version
	return i
}

// holds checks that Get and GetAll find exactly this item.
func (h *harness) holds(want table.Item) {
	h.Helper()
	got, err := h.Get(h.Context(), want.Key)
	if err != nil {
		h.Errorf("Get(%q): %v", want.Key, err)
		return
	}
	all, err := h.GetAll(h.Context(), want.Key)
	if err != nil {
		h.Errorf("GetAll(%q): %v", want.Key, err)
		return
	}
	h.same([]table.Item{got, all[0]}, []table.Item{want, want})
}

// lacks checks that neither Get nor GetAll finds the item.
func (h *harness) lacks(k table.Key) {
	h.Helper()
	_, err := h.Get(h.Context(), k)
	h.fails("Get", err, table.ErrNotFound)
	all, err := h.GetAll(h.Context(), k)
	if err != nil {
		h.Errorf("GetAll(%q): %v", k, err)
		return
	}
	h.same(all, []table.Item{{Key: k}})
}

func (h *harness) same(got, want any) {
	h.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		h.Errorf("difference (-want +got):\n%.2000s", diff)
	}
}

func (h *harness) fails(call string, err, want error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Errorf("%s: error %v, want %v", call, err, want)
	}
}

func (h *harness) succeeds(call string, err error) {
	h.Helper()
	if err != nil {
		h.Errorf("%s: %v", call, err)
	}
}

// page queries and returns the sort keys found and where to go on.
func (h *harness) page(q table.Query) (sks []string, after string) {
	h.Helper()
	page, err := h.Query(h.Context(), q)
	if err != nil {
		h.Fatalf("Query(%+v): %v", q, err)
	}
	for _, i := range page.Items {
		if i.PK != q.PK {
			h.Errorf("Query(%+v) found %q of another partition", q, i.Key)
		}
		sks = append(sks, i.SK)
	}
	return sks, page.After
}
