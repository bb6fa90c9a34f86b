package faults_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/latchkey-idp/latchkey/internal/awsdeps"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamofake"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestColdStart: each call of the first request to a new deployment meets each
// fault. The secrets and the first certificate are made once.
func TestColdStart(t *testing.T) {
	w := newWorld(t, inMemory)
	var calls []call
	t.Run("no fault", func(t *testing.T) { calls, _ = w.coldStart(t, nil) })
	n := 0
	for at, call := range calls {
		for k, kind := range faults() {
			// Without -soak one of eight, each kind and each call in turn.
			if !kind.hits(call) || !*soak && (at+k)%8 != 0 {
				continue
			}
			n++
			t.Run(fmt.Sprintf("L12 L13 L15 %d %s: %s", at, call.site(), kind.name), func(t *testing.T) {
				if _, met := w.coldStart(t, kind, &plan{fault: kind, at: at}); met == 0 {
					t.Error("no fault was met")
				}
			})
		}
	}
	t.Logf("%d single faults of %d calls", n, len(calls))
}

// coldStart lets a new deployment serve its metadata.
func (w *world) coldStart(t *testing.T, only *fault, plans ...*plan) (calls []call, met int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w.begin()
		defer w.end()
		w.log.Reset()
		w.wire.dynamo = handled{dynamofake.New()}
		c := &course{t: t, w: w, start: w.now(), fault: only, IdP: &idptest.IdP{T: t, Log: w.log, Store: w.store, Clock: idptest.NewClock(w.now())}}
		c.browser = c.Browser(c.address(1))
		program := w.program(t, w.wire.config(false), awsdeps.Signer)
		c.Handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			if w.serve(&programs{program, program}, out, r) {
				program = w.program(t, w.wire.config(false), awsdeps.Signer)
			}
		})
		c.rivals = map[string]func(){"start": func() {
			other := w.program(t, w.wire.config(true), awsdeps.Signer) // another copy starts at the same moment
			w.serve(&programs{other, other}, discard{}, c.get("/saml/metadata"))
		}}
		w.wire.arm(plans...)
		c.step("start", http.StatusOK, func() *http.Response { return c.browser.Get("/saml/metadata") })
		calls, met = w.wire.take()
		for _, pk := range []string{"SECRET", "KEYS"} {
			page, err := w.table.Query(t.Context(), table.Query{PK: pk})
			must(t, err)
			if len(page.Items) != 1 || page.Items[0].Version != 1 {
				t.Errorf("%s was made %d times, the first has version %d", pk, len(page.Items), page.Items[0].Version)
			}
		}
	})
	return calls, met
}

func (c *course) get(path string) *http.Request {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, idptest.Base+path, nil)
	must(c.t, err)
	return r
}

// discard is the answer that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
