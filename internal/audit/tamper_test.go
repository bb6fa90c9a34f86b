package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// TestTampering: AD10, what somebody does who can write the table and has no
// key. Each case has two writers with five events each, interleaved, in the hour
// of noon; "closed" has its checkpoint.
func TestTampering(t *testing.T) {
	before := noon.Add(50 * time.Minute)
	closed := noon.Add(time.Hour + 10*time.Minute)
	for _, c := range []struct {
		name        string
		do          func(w *world, items []table.Item)
		open, after []string // findings before there is a checkpoint, and after
	}{
		{"nothing", func(*world, []table.Item) {}, nil, nil},
		{"removed", func(w *world, i []table.Item) { w.remove(i[4]) },
			[]string{"12 missing"}, []string{"12 missing", "12 changed_since_checkpoint"}},
		{"the first of a chain", func(w *world, i []table.Item) { w.remove(i[0]) },
			[]string{"12 missing"}, []string{"12 missing", "12 changed_since_checkpoint"}},
		{"removed two in a row", func(w *world, i []table.Item) { w.remove(i[2]); w.remove(i[4]) },
			[]string{"12 missing"}, []string{"12 missing", "12 changed_since_checkpoint"}},
		{"tail cut", func(w *world, i []table.Item) { w.remove(i[8]); w.remove(i[9]) },
			nil, []string{"12 changed_since_checkpoint"}}, // ADR 0025: shows only with a checkpoint
		{"a whole chain", func(w *world, i []table.Item) {
			for n := 0; n < 10; n += 2 {
				w.remove(i[n])
			}
		}, nil, []string{"12 changed_since_checkpoint"}},
		{"everything", func(w *world, items []table.Item) {
			for _, i := range items {
				w.remove(i)
			}
		}, nil, []string{"12 changed_since_checkpoint"}},
		{"expires early", func(w *world, i []table.Item) {
			i[4].Expires = noon
			w.put(i[4])
		}, []string{"12 missing"}, []string{"12 missing", "12 changed_since_checkpoint"}},
		{"altered", func(w *world, i []table.Item) {
			i[4].Data = bytes.Replace(i[4].Data, []byte(`"test"`), []byte(`"tset"`), 1)
			w.put(i[4])
		}, []string{"12 altered"}, []string{"12 altered", "12 changed_since_checkpoint"}},
		{"garbage", func(w *world, i []table.Item) { i[9].Data = []byte("x"); w.put(i[9]) },
			[]string{"12 altered"}, []string{"12 altered", "12 changed_since_checkpoint"}},
		{"inserted without a seal", func(w *world, i []table.Item) {
			w.add(i[4], later(i[4].SK), unsealed(w.t, i[4].Data))
		}, []string{"12 unsealed"}, []string{"12 unsealed", "12 changed_since_checkpoint"}},
		{"inserted with the seal of another", func(w *world, i []table.Item) { w.add(i[4], later(i[4].SK), i[4].Data) },
			[]string{"12 altered"}, []string{"12 altered", "12 changed_since_checkpoint"}},
		{"inserted out of all hours", func(w *world, i []table.Item) { w.add(i[4], "zzz", i[4].Data) },
			nil, []string{"23 altered"}},
		{"inserted with a seal of one's own", func(w *world, i []table.Item) {
			forger := audit.NewTrail(w.store, masters(w.t, 9), w.verifier.Clock, rand.Reader)
			w.write(forger, 1)
		}, []string{"12 altered"}, []string{"12 altered", "12 changed_since_checkpoint"}},
		{"inserted without a key", func(w *world, i []table.Item) {
			forger := audit.NewTrail(w.store, nil, w.verifier.Clock, rand.Reader)
			w.write(forger, 1)
		}, []string{"12 keyless"}, []string{"12 keyless", "12 changed_since_checkpoint"}},
		{"seal removed", func(w *world, i []table.Item) { i[9].Data = unsealed(w.t, i[9].Data); w.put(i[9]) },
			[]string{"12 unsealed"}, []string{"12 unsealed", "12 changed_since_checkpoint"}},
		{"all seals removed", func(w *world, items []table.Item) {
			for _, i := range items {
				i.Data = unsealed(w.t, i.Data)
				w.put(i)
			}
		}, slices.Repeat([]string{"12 unsealed"}, 10), append(slices.Repeat([]string{"12 unsealed"}, 10), "12 changed_since_checkpoint")},
		{"reordered", func(w *world, i []table.Item) {
			i[2].Data, i[4].Data = i[4].Data, i[2].Data
			w.put(i[2])
			w.put(i[4])
		}, []string{"12 altered", "12 altered", "12 missing"}, []string{"12 altered", "12 altered", "12 missing", "12 changed_since_checkpoint"}},
	} {
		t.Run("AD10 "+c.name, func(t *testing.T) {
			engines(t, func(t *testing.T, w *world) {
				w.interleaved()
				w.at(before)
				c.do(w, w.items())
				want(t, w.found(), c.open)
				w.close(closed) // whoever makes the checkpoint says so, too
				w.alarmed(c.open)
			})
			engines(t, func(t *testing.T, w *world) {
				w.interleaved()
				w.close(closed)
				w.at(before)
				c.do(w, w.items())
				w.close(noon.Add(12*time.Hour + 10*time.Minute))
				want(t, w.found(), c.after)
				w.alarmed(c.after)
			})
		})
	}
}

// alarmed checks that the verifier alarmed if, and only if, there are findings.
func (w *world) alarmed(findings []string) {
	w.t.Helper()
	loud := strings.Contains(w.log.String(), `"event":"alert","reason":"audit.broken"`)
	counted := strings.Contains(w.metrics.String(), `"AuditBroken":1`)
	if want := findings != nil; loud != want || counted != want {
		w.t.Errorf("AD10 alert %v, metric %v for %v", loud, counted, findings)
	}
}

// interleaved is an hour with ten events, of two writers in turn.
func (w *world) interleaved() {
	w.close(noon.Add(-50 * time.Minute)) // so that events have seals
	w.at(noon)
	a, b := w.trail(), w.trail()
	for range 5 {
		w.write(a, 1)
		w.write(b, 1)
	}
}

func want(t *testing.T, got, want []string) {
	t.Helper()
	if d := cmp.Diff(append([]string{}, want...), got); d != "" {
		t.Error(d)
	}
}

// later is an id right after one.
func later(id string) string { return id[:len(id)-1] + string(id[len(id)-1]+1) }

// unsealed is an item without its seal.
func unsealed(t *testing.T, data []byte) []byte {
	t.Helper()
	var e struct {
		S int             `json:"s"`
		V json.RawMessage `json:"v"`
	}
	must(t, json.Unmarshal(data, &e))
	out, err := json.Marshal(e)
	must(t, err)
	return out
}

// TestAnotherDay: AD10, a day's events are not believed on another.
func TestAnotherDay(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		w.at(noon.Add(-24 * time.Hour))
		w.write(w.trail(), 1)
		page, err := w.table.Query(t.Context(), table.Query{PK: "AUDIT#2026-11-21"})
		must(t, err)
		i := page.Items[0]
		i.PK, i.Version = "AUDIT#"+day, 0
		w.put(i)
		w.at(noon)
		want(t, w.found(), []string{"00 altered", "00 no_checkpoint"})
	})
}

// TestCheckpointTampering: AD10, the same somebody and the checkpoints.
func TestCheckpointTampering(t *testing.T) {
	key := func(hour string) table.Key { return table.Key{PK: "AUDITCHECK", SK: day + "T" + hour} }
	for _, c := range []struct {
		name string
		do   func(t *testing.T, w *world)
		want []string
	}{
		{"removed", func(t *testing.T, w *world) {
			i, err := w.table.Get(t.Context(), key("12"))
			must(t, err)
			w.remove(i)
		}, []string{"12 no_checkpoint"}},
		{"altered to fit", func(t *testing.T, w *world) {
			i, err := w.table.Get(t.Context(), key("12"))
			must(t, err)
			i.Data = bytes.Replace(i.Data, []byte(`"events":3`), []byte(`"events":2`), 1)
			w.put(i)
			w.remove(w.items()[2])
		}, []string{"12 bad_checkpoint"}},
		{"that of another hour", func(t *testing.T, w *world) {
			i, err := w.table.Get(t.Context(), key("12"))
			must(t, err)
			other, err := w.table.Get(t.Context(), key("13"))
			must(t, err)
			i.Data = other.Data
			w.put(i)
		}, []string{"12 bad_checkpoint"}},
		{"made again with less", func(t *testing.T, w *world) {
			for _, hour := range []string{"12", "13"} {
				i, err := w.table.Get(t.Context(), key(hour))
				must(t, err)
				w.remove(i)
				if hour == "12" {
					w.remove(w.items()[2])
					later := w.now.Load()
					w.close(noon.Add(time.Hour + 10*time.Minute)) // as if we could be told to
					w.now.Store(later)
				} else {
					w.put(table.Item{Key: i.Key, Data: i.Data})
				}
			}
		}, []string{"13 bad_checkpoint"}},
		{"one for an hour to come", func(t *testing.T, w *world) {
			w.put(table.Item{Key: key("23"), Data: []byte("{}")})
			w.put(table.Item{Key: key("15"), Data: []byte("{}")})
			w.close(noon.Add(4*time.Hour + 10*time.Minute))
			w.close(noon.Add(5*time.Hour + 10*time.Minute))
			if !strings.Contains(w.log.String(), "audit.broken") {
				t.Error("no alert")
			}
		}, []string{"15 bad_checkpoint"}},
	} {
		t.Run("AD10 "+c.name, func(t *testing.T) {
			engines(t, func(t *testing.T, w *world) {
				w.close(noon.Add(-50 * time.Minute))
				w.at(noon)
				w.write(w.trail(), 3)
				w.close(noon.Add(time.Hour + 10*time.Minute))
				w.close(noon.Add(2*time.Hour + 10*time.Minute))
				w.at(noon.Add(3*time.Hour + 10*time.Minute))
				c.do(t, w)
				want(t, w.found(), c.want)
			})
		})
	}
	t.Run("AD10 none is genuine", func(t *testing.T) {
		engines(t, func(t *testing.T, w *world) {
			w.put(table.Item{Key: key("10"), Data: []byte("{}")})
			if err := w.verifier.Run(t.Context()); err == nil || !strings.Contains(w.log.String(), "audit.broken") {
				t.Error(err, "it begins anew")
			}
		})
	})
}

// TestAllCheckpointsOfADay: AD10, a day that was taken out with its checkpoints
// shows by those of other days.
func TestAllCheckpointsOfADay(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		w.close(noon.Add(-12*time.Hour - 50*time.Minute)) // closes 22:00 of the day before
		w.at(noon)
		w.write(w.trail(), 3)
		w.close(noon.Add(14*time.Hour + 10*time.Minute)) // and closes all of the day
		want(t, w.found(), nil)
		page, err := w.table.Query(t.Context(), table.Query{PK: "AUDITCHECK", Prefix: day, Limit: 100})
		must(t, err)
		for _, i := range append(page.Items, w.items()...) {
			w.remove(i)
		}
		if got := w.found(); len(page.Items) != 24 || len(got) != 24 || got[12] != "12 no_checkpoint" {
			t.Errorf("%d checkpoints, %v", len(page.Items), got)
		}
	})
}

// TestMetadataEvents: AD10, what the function without a key writes is chained
// and closed as all the rest; nothing else is believed without a key.
func TestMetadataEvents(t *testing.T) {
	applied := idp.AuditEvent{Event: idp.AuditMetadataApplied, Actor: idp.ActorRefresh}
	engines(t, func(t *testing.T, w *world) {
		w.close(noon.Add(-50 * time.Minute))
		w.at(noon)
		refresh := audit.NewTrail(w.store, nil, w.verifier.Clock, rand.Reader)
		for range 3 {
			w.now.Add(1)
			must(t, refresh.Write(context.Background(), applied))
		}
		w.close(noon.Add(time.Hour + 10*time.Minute))
		want(t, w.found(), nil)
		if h := w.verify()[12]; h.Keyless != 3 || h.Events != 3 {
			t.Errorf("%d of %d events are told to be unauthenticated", h.Keyless, h.Events)
		}
		w.remove(w.items()[1])
		want(t, w.found(), []string{"12 missing", "12 changed_since_checkpoint"})
	})
	for name, e := range map[string]idp.AuditEvent{
		"actor": {Event: idp.AuditMetadataApplied, Actor: "admin:ana"}, "nobody": {Event: idp.AuditMetadataApplied},
		"approval": {Event: idp.AuditMetadataApproved, Actor: idp.ActorRefresh}, "event": {Event: idp.AuditFinished, Actor: idp.ActorRefresh},
	} {
		t.Run("AD10 "+name, func(t *testing.T) {
			engines(t, func(t *testing.T, w *world) {
				must(t, audit.NewTrail(w.store, nil, w.verifier.Clock, rand.Reader).Write(t.Context(), e))
				want(t, w.found(), []string{"12 keyless"})
			})
		})
	}
}

// TestUnreadable: AD10, what is no event ends neither the verification nor the
// list.
func TestUnreadable(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		w.write(w.trail(), 3)
		for n, data := range []string{"x", "{}", `{"s":1,"v":3,"seal":{"c":"","n":-1,"m":""}}`} {
			i := w.items()[n]
			i.Data = []byte(data)
			w.put(i)
		}
		want(t, w.found(), []string{"12 altered", "12 altered", "12 altered"})
		events, _, err := w.store.Events(t.Context(), noon, "", 10)
		if err != nil || len(events) != 3 || events[2].Event != idp.AuditUnreadable || events[2].ID != w.items()[0].SK {
			t.Errorf("%v, %+v", err, events)
		}
	})
}
