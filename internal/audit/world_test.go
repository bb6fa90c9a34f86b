package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a deployment's audit trail, and somebody who can write its table.
type world struct {
	t        *testing.T
	now      atomic.Int64 // ms
	table    *tabletest.Faulty
	count    *tabletest.Counting
	store    *store.Store
	masters  *login.MasterKeys
	log      bytes.Buffer
	metrics  bytes.Buffer
	verifier *audit.Verifier
}

// engines runs a test on both.
func engines(t *testing.T, run func(t *testing.T, w *world)) {
	for name, open := range map[string]func(*testing.T, idp.Clock) table.Table{
		"embedded": func(t *testing.T, clock idp.Clock) table.Table {
			db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock)
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			return db
		},
		"dynamo": func(t *testing.T, clock idp.Clock) table.Table { return dynamotest.New(t, clock) },
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{t: t, masters: masters(t, 1)}
			w.at(noon)
			clock := func() time.Time { return time.UnixMilli(w.now.Load()) }
			w.count = tabletest.NewCounting(open(t, clock))
			w.table = &tabletest.Faulty{Table: w.count}
			w.store = store.New(w.table, clock)
			w.verifier = &audit.Verifier{Store: w.store, Masters: w.masters, Clock: clock, Log: obs.NewLogger(&w.log, slog.LevelInfo, true), Metrics: obs.EMF(&w.metrics, obs.Namespace, clock)}
			run(t, w)
			for _, hidden := range []string{"[not logged]", "[secret]"} {
				if strings.Contains(w.log.String(), hidden) {
					t.Errorf("the log lacks values: %s", w.log.String())
				}
			}
		})
	}
}

func masters(t *testing.T, fill byte) *login.MasterKeys {
	t.Helper()
	m, err := login.NewMasterKeys(map[int][]byte{1: bytes.Repeat([]byte{fill}, 32)})
	must(t, err)
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) at(now time.Time) { w.now.Store(now.UnixMilli()) }

// trail is the writer of another process.
func (w *world) trail() *audit.Trail {
	return audit.NewTrail(w.store, w.masters, w.verifier.Clock, rand.Reader)
}

// write appends n events, a millisecond apart.
func (w *world) write(trail *audit.Trail, n int) {
	w.t.Helper()
	for i := range n {
		w.now.Add(1)
		must(w.t, trail.Write(context.Background(), idp.AuditEvent{
			Event: "test", Actor: "<& \u2028 \xff", Detail: map[string]string{"n": fmt.Sprint(i)},
		}))
	}
}

// close runs the verifier at a time, which makes the checkpoints that are due.
func (w *world) close(now time.Time) {
	w.t.Helper()
	w.at(now)
	must(w.t, w.verifier.Run(w.t.Context()))
}

const day = "2026-11-22"

// items are those that are stored of the day, in order.
func (w *world) items() []table.Item {
	w.t.Helper()
	page, err := w.table.Query(w.t.Context(), table.Query{PK: "AUDIT#" + day, Limit: 1000})
	must(w.t, err)
	return page.Items
}

func (w *world) remove(i table.Item) { w.t.Helper(); must(w.t, w.table.Delete(w.t.Context(), i)) }
func (w *world) put(i table.Item) {
	w.t.Helper()
	_, err := w.table.Put(w.t.Context(), i)
	must(w.t, err)
}

// add stores a copy of an item under another id.
func (w *world) add(like table.Item, id string, data []byte) {
	w.t.Helper()
	like.SK, like.Version, like.Data = id, 0, data
	w.put(like)
}

func (w *world) verify() (hours []audit.Hour) {
	w.t.Helper()
	hours, next, err := w.verifier.Verify(w.t.Context(), noon, 0)
	must(w.t, err)
	if next != 24 {
		w.t.Errorf("ended at hour %d", next)
	}
	return hours
}

// found are the kinds of the findings of the day, with their hour.
func (w *world) found() []string {
	w.t.Helper()
	out := []string{}
	for _, h := range w.verify() {
		if len(h.Findings) != h.Wrong && h.Wrong <= 50 {
			w.t.Errorf("%d findings, %d are listed", h.Wrong, len(h.Findings))
		}
		for _, f := range h.Findings {
			out = append(out, h.Hour[11:]+" "+f.Kind)
		}
	}
	return out
}
