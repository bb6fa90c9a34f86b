package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// outage is a table that fails, once it is down, for the reason given, and counts
// what is tried at it.
type outage struct {
	cause  error
	spared string // an operation that goes well all the same
	down   atomic.Bool
	tried  atomic.Int32
}

func (o *outage) options() idptest.Options {
	return idptest.Options{Table: func(inner table.Table) table.Table {
		return &tabletest.Faulty{Table: inner, Before: func(op string, _ []table.Key) error {
			if !o.down.Load() || op == o.spared {
				return nil
			}
			o.tried.Add(1)
			return fmt.Errorf("injected: %w", o.cause)
		}}
	}}
}

// TestTableDownWhileFinishing: the refusal is not written to the audit trail,
// which is in the same table: that would take as long again, and the approval is
// kept for 15 seconds only.
func TestTableDownWhileFinishing(t *testing.T) {
	for cause, reason := range map[error]idp.Reason{table.ErrUnavailable: idp.StoreUnavailable, table.ErrDenied: idp.StoreDenied} {
		t.Run("L13 "+string(reason), func(t *testing.T) {
			o := &outage{cause: cause, spared: "get"} // so that it fails once the session is known
			i := idptest.New(t, o.options())
			alice := newPerson(i, i.Alice)
			view, key := alice.approve(alice.Start(query(i.Good()))), idptest.RandomKey()
			o.down.Store(true)
			refusedPage(t, i, alice.Finish(view.SID, key), http.StatusServiceUnavailable, idp.Code(reason))
			if n := o.tried.Load(); n != 1 {
				t.Errorf("%d calls of a table that is down, want the one that failed", n)
			}
			o.down.Store(false)
			assertion(t, alice.Finish(view.SID, key))
		})
	}
}

// TestTableDownAtSOAP: HTTP says that it is our fault, and when to come again.
func TestTableDownAtSOAP(t *testing.T) {
	t.Run("L13 logout by SOAP", func(t *testing.T) {
		o := &outage{cause: table.ErrUnavailable}
		v := newVisit(t, o.options())
		r := v.guests[0].Logout(v.IdP.Clock.Now(), aliceID, v.guests[0].index)
		r.Destination = samltest.SLO + "/soap"
		o.down.Store(true)
		v.IdP.Clock.Add(1 << 36) // past what the process remembers of service providers
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, idptest.Base+"/saml/slo/soap",
			strings.NewReader(samltest.Soap(v.guests[0].SignXML(r.XML(), samltest.Signing{}))))
		must(t, err)
		req.Header.Set("Content-Type", "text/xml")
		resp := v.IdP.Serve(req, address())
		if body := idptest.Body(t, resp); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" ||
			!strings.Contains(body, "S:Server") || lastReason(v.IdP) != string(idp.StoreUnavailable) {
			t.Errorf("%d %v, reason %q: %s", resp.StatusCode, resp.Header, lastReason(v.IdP), body)
		}
	})
}

// TestConflictThatNobodyExpects: another write at the same moment is no mistake
// of ours, wherever it is met.
func TestConflictThatNobodyExpects(t *testing.T) {
	t.Run("L13 collision at a write", func(t *testing.T) {
		once := atomic.Bool{}
		i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
			return &tabletest.Faulty{Table: inner, Before: func(op string, keys []table.Key) error {
				if op == "put" && strings.HasPrefix(keys[0].PK, "ENROLL#") && once.CompareAndSwap(false, true) {
					return table.ErrConflict
				}
				return nil
			}}
		}})
		h, link := i.Handset(phoneIP), i.Invite(i.Alice)
		refused(t, h.Redeem(link), http.StatusServiceUnavailable, idp.Busy)
		accepted(t, h.Redeem(link), http.StatusOK)
	})
}

// TestKeyDownWhileSigningOut: the logout goes on when the key is back.
func TestKeyDownWhileSigningOut(t *testing.T) {
	for err, reason := range map[error]idp.Reason{keys.ErrUnavailable: idp.KeyUnavailable, keys.ErrDenied: idp.KeyDenied} {
		t.Run("L12 "+string(reason), func(t *testing.T) {
			v := newVisit(t, idptest.Options{})
			id := logoutOf(v.asks(v.guests[0]))
			v.IdP.Key.Fail(func(int64) error { return fmt.Errorf("injected: %w", err) })
			refusedPage(t, v.IdP, v.frame(id, "0"), http.StatusServiceUnavailable, idp.Code(reason))
			refusedPage(t, v.IdP, v.PostForm("/logout/finish", url.Values{"l": {id}}), http.StatusServiceUnavailable, idp.Code(reason))
			v.IdP.Key.Fail(nil)
			byRedirect(t, v.IdP, v.frame(id, "0"), "SAMLRequest")
		})
	}
}
