package app_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/crowd"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// pollsOfSignIn is how many polls a sign-in has: one every two seconds while
// somebody scans, reads and confirms.
const pollsOfSignIn = 5

// signInSteps makes one sign-in; each is called with a step and what to do.
func signInSteps(t testing.TB, i *idptest.IdP, b *idptest.Browser, h *idptest.Handset, each func(step string, do func())) {
	t.Helper()
	var location string
	var v idptest.View
	var c idptest.Claimed
	query := samltest.RedirectQuery(i.Good().XML(), nil)
	each("request of the service provider", func() { location = b.Start(query) })
	each("login page", func() { accepted(t, b.Get(location), http.StatusOK) })
	each("create", func() { v = b.NewCode(strings.TrimPrefix(location, "/login?l=")) })
	each("polls", func() {
		for range pollsOfSignIn {
			i.Clock.Add(2 * time.Second)
			b.Poll(v.SID)
		}
	})
	h.NewClaim()
	each("claim", func() { c = h.MustScan(v.Frames[3].URL) })
	each("approve", func() { accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK) })
	each("finish", func() { assertionID(t, b.Finish(v.SID, idptest.RandomKey())) })
}

// crowded is an identity provider among a crowd.
type crowded struct {
	*idptest.IdP
	meter   *tabletest.Metered
	calls   *atomic.Int64 // of DynamoDB's API
	browser *idptest.Browser
	phone   *idptest.Handset
}

// engine makes a table with a crowd in it; calls counts what it asks elsewhere.
type engine func(t testing.TB, clock idp.Clock, size crowd.Size) (tab table.Table, calls *atomic.Int64)

func embeddedEngine(t testing.TB, clock idp.Clock, size crowd.Size) (table.Table, *atomic.Int64) {
	return filled(t, unsynced(t, clock), 64, clock, size), new(atomic.Int64)
}

func dynamoEngine(t testing.TB, clock idp.Clock, size crowd.Size) (table.Table, *atomic.Int64) {
	calls := new(atomic.Int64)
	client := dynamotest.Client(t, func(o *dynamodb.Options) {
		o.HTTPClient = &http.Client{Transport: counted{calls}, Timeout: 30 * time.Second}
	})
	// More writers would wait for the one lock of DynamoDB Local, some for too long.
	return filled(t, dynamo.New(client, dynamotest.Create(t, client), clock), 2, clock, size), calls
}

func filled(t testing.TB, tab table.Table, writers int, clock idp.Clock, size crowd.Size) table.Table {
	t.Helper()
	if err := crowd.Fill(t.Context(), tab, writers, clock, size); err != nil {
		t.Fatal(err)
	}
	return tab
}

type counted struct{ calls *atomic.Int64 }

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

// deploy makes an identity provider among a crowd, with a browser and a phone.
func crowdedWith(t testing.TB, make engine, size crowd.Size) *crowded {
	t.Helper()
	d := &crowded{}
	d.IdP = idptest.New(t, idptest.Options{
		Engine: func(t testing.TB, clock idp.Clock) (tab table.Table) {
			tab, d.calls = make(t, clock, size)
			return tab
		},
		Table: metered(&d.meter),
	})
	d.Clock.Set(idp.At(time.Now())) // DynamoDB Local sweeps by the real time
	d.browser, d.phone = d.Browser(screenIP), d.EnrolledHandset(d.Alice, phoneIP)
	d.Clock.Add(time.Minute) // nothing is remembered from the preparation
	return d
}

// cost is what a step asks of the table.
type cost struct {
	tabletest.Bill
	Calls int64
}

// sameBytes: numbers of calls, items and units are compared as they are, bytes
// to a tenth: an address or an amount in an item has a digit more or less.
var sameBytes = cmp.FilterPath(func(p cmp.Path) bool {
	name := p.Last().String()
	return name == ".ReadBytes" || name == ".WriteBytes"
}, cmp.Comparer(func(a, b int) bool { return 10*max(a, b) <= 11*min(a, b) }))

// costs are those of each step of one sign-in.
func (d *crowded) costs(t testing.TB) map[string]cost {
	t.Helper()
	out := map[string]cost{}
	d.meter.Take()
	signInSteps(t, d.IdP, d.browser, d.phone, func(step string, do func()) {
		before := d.calls.Load()
		do()
		out[step] = cost{d.meter.Take(), d.calls.Load() - before}
	})
	d.Clock.Add(time.Minute)
	d.browser.DropSession()
	return out
}

// TestCapacity: what a sign-in asks of the table does not depend on how much is
// in it. `make soak` does the same with 500 times as many, and measures time.
func TestCapacity(t *testing.T) {
	for name, make := range map[string]engine{"embedded": embeddedEngine, "dynamo": dynamoEngine} {
		t.Run(name, func(t *testing.T) {
			empty := crowdedWith(t, make, crowd.Size{})
			full := crowdedWith(t, make, crowd.Size{Users: 2_000, ServiceProviders: 500, Sessions: 2_000})
			for _, browser := range []string{"new browser", "known browser"} {
				if diff := cmp.Diff(empty.costs(t), full.costs(t), sameBytes); diff != "" {
					t.Errorf("%s: a sign-in in a full table (+) is not that in an empty one (-): %s", browser, diff)
				}
			}
		})
	}
}
