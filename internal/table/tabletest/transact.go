package tabletest

import (
	"bytes"
	"strconv"
	"time"

	"github.com/latchkey-idp/latchkey/internal/table"
)

func transactAllOrNothing(h *harness) {
	changed, gone := h.put(item("p", "changed", "1")), h.put(item("q", "gone", "1"))
	fresh := item("p", "new", "1")
	stale := table.Item{Key: key("q", "stale"), Version: 7, Data: []byte("1")}
	next := changed
	next.Data = []byte("2")
	ops := []table.Op{{Put: &next}, {Delete: &gone}, {Put: &fresh}}

	for name, bad := range map[string]table.Op{
		"stale Put":    {Put: &stale},
		"stale Delete": {Delete: &stale},
		"stale Check":  {Check: &stale},
	} {
		h.fails(name+" last", h.Transact(h.Context(), append(ops[:3:3], bad)...), table.ErrConflict)
		h.fails(name+" first", h.Transact(h.Context(), append([]table.Op{bad}, ops...)...), table.ErrConflict)
		h.holds(changed)
		h.holds(gone)
		h.lacks(fresh.Key)
	}

	h.succeeds("Transact", h.Transact(h.Context(), ops...))
	next.Version++
	fresh.Version++
	h.holds(next)
	h.holds(fresh)
	h.lacks(gone.Key)
	h.fails("the same Transact again", h.Transact(h.Context(), ops...), table.ErrConflict)
	h.succeeds("Transact of nothing", h.Transact(h.Context()))
}

func transactChecks(h *harness) {
	there, fresh := h.put(item("p", "there", "1")), item("p", "new", "1")
	absent := table.Item{Key: key("p", "absent")}

	wrong := table.Item{Key: there.Key}
	h.fails("Check that a stored item is absent",
		h.Transact(h.Context(), table.Op{Check: &wrong}, table.Op{Put: &fresh}), table.ErrConflict)
	h.lacks(fresh.Key)

	h.succeeds("Transact", h.Transact(h.Context(),
		table.Op{Check: &there}, table.Op{Check: &absent}, table.Op{Put: &fresh}))
	fresh.Version++
	h.holds(there)
	h.lacks(absent.Key)
	h.holds(fresh)
}

func transactExpired(h *harness) {
	expires := h.in(time.Minute)
	stored := h.put(table.Item{Key: key("p", "s"), Expires: expires, Data: []byte("old")})
	asNew, fresh := table.Item{Key: stored.Key}, item("p", "new", "1")

	h.now.Store(expires.UnixMilli() - 1)
	h.fails("Check as absent, 1 ms before",
		h.Transact(h.Context(), table.Op{Check: &asNew}, table.Op{Put: &fresh}), table.ErrConflict)
	h.now.Store(expires.UnixMilli())
	for name, op := range map[string]table.Op{
		"Check": {Check: &stored}, "Put": {Put: &stored}, "Delete": {Delete: &stored},
	} {
		h.fails(name+" of the expired version", h.Transact(h.Context(), op, table.Op{Put: &fresh}), table.ErrConflict)
	}
	h.succeeds("Check as absent", h.Transact(h.Context(), table.Op{Check: &asNew}))
	h.succeeds("Put as new", h.Transact(h.Context(), table.Op{Put: &asNew}, table.Op{Put: &fresh}))
	asNew.Version++
	h.holds(asNew)
}

func transactRefuses(h *harness) {
	a, b := item("p", "a", "1"), item("p", "a", "2")
	for name, ops := range map[string][]table.Op{
		"an item twice":   {{Put: &a}, {Check: &b}},
		"an empty op":     {{Put: &a}, {}},
		"an op of two":    {{Put: &a, Delete: &a}},
		"an op of others": {{Delete: &a, Check: &b}},
	} {
		h.fails(name, h.Transact(h.Context(), ops...), table.ErrInvalid)
	}
	h.lacks(a.Key)
}

func transactLimits(h *harness) {
	ops := make([]table.Op, table.MaxTransact)
	for i := range ops {
		n := item("p", strconv.Itoa(i), "x")
		ops[i].Put = &n
	}
	extra := item("p", "extra", "x")
	h.fails("one too many", h.Transact(h.Context(), append(ops[:len(ops):len(ops)], table.Op{Put: &extra})...), table.ErrInvalid)
	h.lacks(extra.Key)
	h.succeeds("as many as allowed", h.Transact(h.Context(), ops...))
	for _, op := range ops {
		op.Put.Version++
	}
	h.holds(*ops[0].Put)
	h.holds(*ops[len(ops)-1].Put)

	big := make([]table.Op, 11)
	for i := range big {
		n := table.Item{Key: key("big", strconv.Itoa(i)), Data: bytes.Repeat([]byte{1}, table.MaxItem)}
		big[i].Put = &n
	}
	h.fails("too many bytes", h.Transact(h.Context(), big...), table.ErrTooLarge)
	h.succeeds("many bytes", h.Transact(h.Context(), big[:10]...))
}
