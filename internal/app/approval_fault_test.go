package app_test

import (
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

func TestClaimWriteFails(t *testing.T) {
	o := &overtaken{}
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		return &tabletest.Faulty{Table: inner, Before: o.hook}
	}})
	p := i.Phone(i.Alice, address())
	b := i.Browser(address())
	view := b.Login(b.Start(query(i.Good())))
	before := i.Session(view.SID)
	t.Run("A56 L13", func(t *testing.T) {
		o.arm(1, table.ErrUnavailable)
		_, err := p.Claim(t.Context(), view.Frames[0].URL)
		phoneRefused(t, err, http.StatusServiceUnavailable, idp.Busy)
		if after := i.Session(view.SID); after.State != idp.StateCreated || after.Version != before.Version {
			t.Errorf("session %+v", after)
		}
		if _, err := p.Claim(t.Context(), view.Frames[0].URL); err != nil {
			t.Errorf("second try: %v", err)
		}
	})
}
