package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// overtaken makes the n-th write of a flow (audit events apart) fail once.
type overtaken struct {
	mu       sync.Mutex
	armed    bool
	at, seen int
	err      error
	kind     string // of the item that was hit
}

func (o *overtaken) arm(at int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.armed, o.at, o.seen, o.err, o.kind = true, at, 0, err, ""
}

func (o *overtaken) hook(op string, keys []table.Key) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.armed || op != "put" && op != "transact" || strings.HasPrefix(keys[0].PK, "AUDIT#") {
		return nil
	}
	o.seen++
	if o.seen != o.at {
		return nil
	}
	o.kind, _, _ = strings.Cut(keys[0].PK, "#")
	return o.err
}

// TestConflictAtEachWrite: whichever write of a sign-in somebody else overtakes,
// the call or its repetition goes through, and one assertion comes out.
func TestConflictAtEachWrite(t *testing.T) {
	t.Run("Q7 conflict at each write", func(t *testing.T) {
		faultAtEachWrite(t, func(o *overtaken) *tabletest.Faulty { return &tabletest.Faulty{Before: o.hook} }, table.ErrConflict)
	})
	t.Run("Q7 storage fails at each write", func(t *testing.T) {
		faultAtEachWrite(t, func(o *overtaken) *tabletest.Faulty { return &tabletest.Faulty{Before: o.hook} }, table.ErrUnavailable)
	})
	t.Run("Q7 answer of each write is lost", func(t *testing.T) {
		faultAtEachWrite(t, func(o *overtaken) *tabletest.Faulty { return &tabletest.Faulty{After: o.hook} }, table.ErrUnavailable)
	})
}

func faultAtEachWrite(t *testing.T, wrap func(*overtaken) *tabletest.Faulty, fault error) {
	o := &overtaken{}
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		f := wrap(o)
		f.Table = inner
		return f
	}})
	h := i.EnrolledHandset(i.Alice, phoneIP)
	var hit []string
	for at := 1; ; at++ {
		o.arm(at, fault)
		b := i.Browser(fmt.Sprintf("192.0.2.%d", at))
		query := b.Query(nil)
		location := again(t, func() *http.Response { return b.Get("/saml/sso?" + query) }, http.StatusSeeOther).Header.Get("Location")
		accepted(t, b.Get(location), http.StatusOK)
		key := idptest.RandomKey()
		v := idptest.Decode[idptest.View](t, again(t, func() *http.Response {
			return b.Create(strings.TrimPrefix(location, "/login?l="), key)
		}, http.StatusCreated))
		h.NewClaim()
		c := idptest.Decode[idptest.Claimed](t, again(t, func() *http.Response { return h.Scan(v.Frames[0].URL) }, http.StatusOK))
		jws := h.Sign(c)
		again(t, func() *http.Response { return h.Approve(c.SID, jws) }, http.StatusOK)
		finish := idptest.RandomKey()
		id := assertionID(t, again(t, func() *http.Response { return b.Finish(v.SID, finish) }, http.StatusOK))
		s := i.Session(v.SID)
		if s.State != idp.StateConsumed || s.AssertionID != id || s.UserID != i.Alice.ID {
			t.Fatalf("write %d (%s): session is %s with assertion %s, answered %s", at, o.kind, s.State, s.AssertionID, id)
		}
		if o.kind == "" {
			break // the flow has fewer writes
		}
		hit = append(hit, o.kind)
	}
	t.Logf("hit: %v", hit)
	if len(hit) < 7 {
		t.Errorf("only %d writes were hit: %v", len(hit), hit)
	}
}

// again repeats a call once if it is told that this helps.
func again(t *testing.T, call func() *http.Response, want int) *http.Response {
	t.Helper()
	r := call()
	if r.StatusCode == http.StatusServiceUnavailable {
		r = call()
	}
	accepted(t, r, want)
	return r
}
