package tabletest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/table"
)

func queryOrder(h *harness) {
	for _, sk := range []string{"device#2", "device#10", "device#1", "device", "devicf", "a", "é", "\U0001F511", "z", "device\uffff"} {
		h.put(item("user#1", sk, "x"))
	}
	h.put(item("user#", "1device#1", "x"))
	h.put(item("user#10", "device#1", "x"))
	h.put(item("user", "device#1", "x"))
	h.put(item("\u07ff", "\U0010ffff", "x"))

	all := []string{"a", "device", "device#1", "device#10", "device#2", "device\uffff", "devicf", "z", "é", "\U0001F511"}
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	tests := map[string]struct {
		q     table.Query
		want  []string
		after string
	}{
		"all":               {table.Query{PK: "user#1"}, all, ""},
		"all reverse":       {table.Query{PK: "user#1", Reverse: true}, reversed, ""},
		"prefix":            {table.Query{PK: "user#1", Prefix: "device#"}, all[2:5], ""},
		"prefix reverse":    {table.Query{PK: "user#1", Prefix: "device#", Reverse: true}, reversed[5:8], ""},
		"prefix is a key":   {table.Query{PK: "user#1", Prefix: "device"}, all[1:6], ""},
		"limit":             {table.Query{PK: "user#1", Prefix: "device#", Limit: 2}, all[2:4], all[3]},
		"limit reverse":     {table.Query{PK: "user#1", Limit: 2, Reverse: true}, reversed[:2], reversed[1]},
		"limit just enough": {table.Query{PK: "user#1", Prefix: "device#", Limit: 3}, all[2:5], ""},
		"after":             {table.Query{PK: "user#1", Prefix: "device#", After: "device#1"}, all[3:5], ""},
		"after reverse":     {table.Query{PK: "user#1", Prefix: "device#", After: "device#2", Reverse: true}, reversed[6:8], ""},
		"after a gap":       {table.Query{PK: "user#1", After: "device#15"}, all[4:], ""},
		"before a gap":      {table.Query{PK: "user#1", After: "device#15", Reverse: true}, reversed[6:], ""},
		"before the first":  {table.Query{PK: "user#1", Prefix: "device#", After: "device#", Reverse: true}, nil, ""},
		"after the last":    {table.Query{PK: "user#1", After: "\U0001F511"}, nil, ""},
		"no such prefix":    {table.Query{PK: "user#1", Prefix: "x"}, nil, ""},
		"no such partition": {table.Query{PK: "user#2"}, nil, ""},
		"last of the table": {table.Query{PK: "\u07ff", Prefix: "\U0010ffff", Reverse: true}, []string{"\U0010ffff"}, ""},
	}
	for name, tt := range tests {
		got, after := h.page(tt.q)
		if !slices.Equal(got, tt.want) || after != tt.after {
			h.Errorf("%s: got %q, after %q; want %q, after %q", name, got, after, tt.want, tt.after)
		}
	}

	page, err := h.Query(h.Context(), table.Query{PK: "user#"})
	h.succeeds("Query", err)
	h.same(page.Items, []table.Item{{Key: key("user#", "1device#1"), Version: 1, Data: []byte("x")}})
}

// pages walks through a query to its end and returns the sort keys of each page.
func (h *harness) pages(q table.Query) (pages [][]string) {
	h.Helper()
	for range 1000 {
		var page []string
		page, q.After = h.page(q)
		pages = append(pages, page)
		if q.After == "" {
			return pages
		}
	}
	h.Fatal("a query without end")
	return nil
}

func queryPages(h *harness) {
	var want []string
	for i := range 105 {
		want = append(want, h.put(item("p", fmt.Sprintf("i#%03d", i), "x")).SK)
	}
	h.same(h.pages(table.Query{PK: "p", Prefix: "i#"}), [][]string{want[:100], want[100:]})
	h.same(h.pages(table.Query{PK: "p", Limit: 35}), [][]string{want[:35], want[35:70], want[70:]})

	slices.Reverse(want)
	h.same(h.pages(table.Query{PK: "p", Limit: 60, Reverse: true}), [][]string{want[:60], want[60:]})
}

func querySkipsExpired(h *harness) {
	var want []string
	for i := range 40 {
		n := item("p", fmt.Sprintf("%03d", i), "x")
		if n.Expires = h.in(time.Second); i%10 == 7 {
			n.Expires = h.in(time.Hour)
			want = append(want, n.SK)
		}
		h.put(n)
	}
	h.now.Add(1000)
	h.same(h.pages(table.Query{PK: "p", Limit: 2}), [][]string{want[:2], want[2:]})
	h.same(h.pages(table.Query{PK: "p", Limit: 1, Prefix: "03"}), [][]string{want[3:]})

	slices.Reverse(want)
	h.same(h.pages(table.Query{PK: "p", Limit: 3, Reverse: true}), [][]string{want[:3], want[3:]})
}

func unusualKeys(h *harness) {
	parts := []string{" ", "#", "##", "\x00", "\x00\x00", "a\x00", "a", "\x01", "\n", `"`, `\`, "/", "%00",
		"ž", "z\u030c", "\u07ff", "\ufffd", "\U0001F511", strings.Repeat("\u20ac", 341)}
	var stored []table.Item
	for _, pk := range parts {
		for _, sk := range parts {
			stored = append(stored, table.Item{Key: key(pk, sk), Data: []byte(pk + "|" + sk)})
		}
	}
	for i := range stored {
		stored[i] = h.put(stored[i])
	}
	for start := 0; start < len(stored); start += table.MaxGet {
		want := stored[start:min(start+table.MaxGet, len(stored))]
		keys := make([]table.Key, len(want))
		for i := range want {
			keys[i] = want[i].Key
		}
		got, err := h.GetAll(h.Context(), keys...)
		h.succeeds("GetAll", err)
		h.same(got, want)
	}
	slices.Sort(parts)
	for _, pk := range parts {
		got, _ := h.page(table.Query{PK: pk})
		h.same(got, parts)
	}
	h.holds(h.put(item(strings.Repeat("p", 2048), strings.Repeat("s", 1024), "longest")))
}

func badKeys(h *harness) {
	for name, k := range map[string]table.Key{
		"no PK":         key("", "s"),
		"no SK":         key("p", ""),
		"PK not UTF-8":  key("p\xff", "s"),
		"SK not UTF-8":  key("p", "s\xc3"),
		"PK of 2,049 B": key(strings.Repeat("p", 2049), "s"),
		"SK of 1,025 B": key("p", strings.Repeat("s", 1025)),
	} {
		ctx, i := h.Context(), table.Item{Key: k}
		_, err := h.Get(ctx, k)
		h.fails("Get, "+name, err, table.ErrInvalid)
		_, err = h.GetAll(ctx, k)
		h.fails("GetAll, "+name, err, table.ErrInvalid)
		_, err = h.Put(ctx, i)
		h.fails("Put, "+name, err, table.ErrInvalid)
		h.fails("Delete, "+name, h.Delete(ctx, i), table.ErrInvalid)
		h.fails("Transact, "+name, h.Transact(ctx, table.Op{Check: &i}), table.ErrInvalid)
	}
	for name, q := range map[string]table.Query{
		"no PK":            {},
		"prefix not UTF-8": {PK: "p", Prefix: "\xff"},
		"after not UTF-8":  {PK: "p", After: "\xff"},
		"after outside":    {PK: "p", Prefix: "a", After: "b"},
	} {
		_, err := h.Query(h.Context(), q)
		h.fails("Query, "+name, err, table.ErrInvalid)
	}
}

func sizes(h *harness) {
	large := table.Item{Key: key(strings.Repeat("p", 2048), strings.Repeat("s", 1023)+"0"), Data: make([]byte, table.MaxItem), Expires: h.in(time.Hour)}
	for i := range large.Data {
		large.Data[i] = byte(i * 7)
	}
	h.holds(h.put(large))

	// More than 1 MB in a query and 16 MB in a GetAll: more than one answer of DynamoDB.
	var keys []table.Key
	for i := range 50 {
		n := large
		n.SK = fmt.Sprintf("%02d", i)
		keys = append(keys, h.put(n).Key)
	}
	got, err := h.GetAll(h.Context(), keys...)
	h.succeeds("GetAll", err)
	for i := range got {
		h.same(got[i].SK, keys[i].SK)
		h.same(len(got[i].Data), table.MaxItem)
	}
	found, _ := h.page(table.Query{PK: large.PK, Limit: 9})
	h.same(len(found), 9)

	large.SK, large.Data = "larger", make([]byte, table.MaxItem+1)
	_, err = h.Put(h.Context(), large)
	h.fails("Put", err, table.ErrTooLarge)
	h.fails("Transact", h.Transact(h.Context(), table.Op{Put: &large}), table.ErrTooLarge)
	h.lacks(large.Key)
}

func canceledContext(h *harness) {
	stored := h.put(item("p", "s", "1"))
	ctx, cancel := context.WithCancel(h.Context())
	cancel()

	_, err := h.Get(ctx, stored.Key)
	h.fails("Get", err, context.Canceled)
	_, err = h.GetAll(ctx, stored.Key)
	h.fails("GetAll", err, context.Canceled)
	_, err = h.Query(ctx, table.Query{PK: "p"})
	h.fails("Query", err, context.Canceled)
	_, err = h.Put(ctx, stored)
	h.fails("Put", err, context.Canceled)
	h.fails("Delete", h.Delete(ctx, stored), context.Canceled)
	h.fails("Transact", h.Transact(ctx, table.Op{Delete: &stored}), context.Canceled)
	h.holds(stored)
}
