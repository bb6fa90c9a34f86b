package auditchain_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/auditchain"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table/bolt"
)

func masters(t testing.TB, fill byte) *login.MasterKeys {
	t.Helper()
	m, err := login.NewMasterKeys(map[int][]byte{1: []byte(strings.Repeat(string(rune(fill)), login.MasterKeySize))})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// trail is what three processes wrote at the same time on one day, with one
// event of a function that has no key.
func trail(t *testing.T) (events []idp.AuditEvent, judge *store.Audit) {
	t.Helper()
	clock := idp.Clock(func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) })
	db, err := bolt.Open(filepath.Join(t.TempDir(), "audit.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	st, keys := store.New(db, clock), masters(t, 'k')
	var wg sync.WaitGroup
	for p := range 3 {
		wg.Go(func() {
			a := store.NewAudit(st, rand.Reader, keys)
			for n := range 8 {
				if err := a.Write(context.Background(), idp.AuditEvent{Event: fmt.Sprintf("test.%d.%d", p, n), Detail: map[string]string{"b": "2", "a": "1"}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := store.NewAudit(st, rand.Reader, nil).Write(t.Context(), idp.AuditEvent{Event: "metadata.applied"}); err != nil {
		t.Fatal(err)
	}
	for after := ""; ; {
		page, next, err := st.EventsInOrder(t.Context(), clock(), after, 10)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, page...)
		if after = next; after == "" {
			break
		}
	}
	return events, store.NewAudit(st, rand.Reader, keys)
}

const day = "2026-11-22"

func check(events []idp.AuditEvent, judge *store.Audit, seals ...auditchain.Seal) *auditchain.Checker {
	c := auditchain.New()
	for _, s := range seals {
		c.Expect(s)
	}
	// It goes on from somewhere, so that what is missing at its start is seen.
	c.Add("2026-11-21", idp.AuditEvent{ID: "0", Event: "metadata.applied"}, false)
	for _, e := range events {
		c.Add(day, e, judge.Authentic(e))
	}
	return c
}

// AD10: what is done to the trail by who has not the key.
func TestTampering(t *testing.T) {
	events, judge := trail(t)
	c := check(events, judge)
	if p := c.Problems(); len(p) != 0 || c.Events != 26 || c.Unchained != 2 {
		t.Fatalf("%d events, %d unchained, problems %v", c.Events, c.Unchained, p)
	}
	seals := c.Seals()
	if len(seals) != 1 || seals[0].Events != 24 {
		t.Fatalf("seals %v", seals)
	}
	if again, err := auditchain.ParseSeal(seals[0].String()); err != nil || again != seals[0] {
		t.Errorf("seal read back: %v, %v", again, err)
	}
	// inner is an event that has one before and one after it in its chain.
	inner := slices.IndexFunc(events, func(e idp.AuditEvent) bool { return e.Seq == 4 })
	next := slices.IndexFunc(events, func(e idp.AuditEvent) bool { return e.Seq == 5 && e.Chain == events[inner].Chain })
	first := slices.IndexFunc(events, func(e idp.AuditEvent) bool { return e.Chain == events[inner].Chain && e.Seq == 1 })
	last := slices.IndexFunc(events, func(e idp.AuditEvent) bool { return e.Chain == events[inner].Chain && e.Seq == 8 })
	for name, c := range map[string]struct {
		tamper func(e []idp.AuditEvent) []idp.AuditEvent
		sealed bool // it shows against a seal only
	}{
		"AD10 altered": {func(e []idp.AuditEvent) []idp.AuditEvent { e[inner].Actor = "somebody else"; return e }, false},
		"AD10 detail altered": {func(e []idp.AuditEvent) []idp.AuditEvent {
			e[inner].Detail = map[string]string{"a": "1"}
			return e
		}, false},
		"AD10 time altered":         {func(e []idp.AuditEvent) []idp.AuditEvent { e[inner].At++; return e }, false},
		"AD10 taken out":            {func(e []idp.AuditEvent) []idp.AuditEvent { return slices.Delete(e, inner, inner+1) }, false},
		"AD10 the first of a chain": {func(e []idp.AuditEvent) []idp.AuditEvent { return slices.Delete(e, first, first+1) }, false},
		"AD10 put in, without a chain": {func(e []idp.AuditEvent) []idp.AuditEvent {
			return append(e, idp.AuditEvent{ID: "Z", Event: "login.finished"})
		}, false},
		"AD10 put in, with a made-up MAC": {func(e []idp.AuditEvent) []idp.AuditEvent {
			f := e[last]
			f.Seq++
			f.Prev = e[last].MAC
			return append(e, f)
		}, false},
		"AD10 twice":        {func(e []idp.AuditEvent) []idp.AuditEvent { return append(e, e[inner]) }, false},
		"AD10 out of order": {func(e []idp.AuditEvent) []idp.AuditEvent { e[inner], e[next] = e[next], e[inner]; return e }, false},
		"AD10 its chain removed": {func(e []idp.AuditEvent) []idp.AuditEvent {
			e[next].Chain, e[next].Seq, e[next].Prev, e[next].MAC = "", 0, "", ""
			return e
		}, false},
		"AD10 the end of a chain": {func(e []idp.AuditEvent) []idp.AuditEvent { return slices.Delete(e, last, last+1) }, true},
		"AD10 a whole chain": {func(e []idp.AuditEvent) []idp.AuditEvent {
			chain := e[inner].Chain
			return slices.DeleteFunc(e, func(v idp.AuditEvent) bool { return v.Chain == chain })
		}, true},
		"AD10 the whole day": {func([]idp.AuditEvent) []idp.AuditEvent { return nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			after := c.tamper(slices.Clone(events))
			if got := check(after, judge).Problems(); (len(got) > 0) == c.sealed {
				t.Errorf("without a seal: %v", got)
			}
			if got := check(after, judge, seals...).Problems(); len(got) == 0 {
				t.Error("not seen against the seal")
			}
		})
	}
	t.Run("AD10 another key", func(t *testing.T) {
		stranger := store.NewAudit(nil, rand.Reader, masters(t, 'x'))
		if got := check(events, stranger).Problems(); len(got) != 24 {
			t.Errorf("%d problems", len(got))
		}
	})
	t.Run("a seal in the trail itself", func(t *testing.T) {
		c := check(slices.Delete(slices.Clone(events), last, last+1), judge)
		e := idp.AuditEvent{ID: "Z", Event: idp.AuditSealed, Detail: seals[0].Detail(), Chain: "later", Seq: 1, MAC: "1.x"}
		c.Add("2026-11-23", e, true)
		if got := c.Problems(); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestParseSealRefuses(t *testing.T) {
	for _, text := range []string{"", "2026-11-22", "2026-11-22:x:" + strings.Repeat("0", 64), "2026-11-22:-1:" + strings.Repeat("0", 64), "2026-11-22:1:00"} {
		if s, err := auditchain.ParseSeal(text); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
}
