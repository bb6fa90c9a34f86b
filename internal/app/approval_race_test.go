package app_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// racer makes many sessions in one state by copying one that was made by the
// real calls.
type racer struct {
	*idptest.IdP
	browser *idptest.Browser
	phone   *idptest.Handset
	session idp.QRSession
	login   idp.Login
	claimed idptest.Claimed
}

func newRacer(t *testing.T, from idp.State, o idptest.Options) *racer {
	r := &racer{IdP: idptest.New(t, o)}
	// DynamoDB Local sweeps by the real time, so the test's must not be long past.
	r.Clock.Set(idp.At(time.Now()))
	r.browser, r.phone = r.Browser(screenIP), r.EnrolledHandset(r.Alice, phoneIP)
	var v idptest.View
	switch from {
	case idp.StateCreated:
		v = r.browser.ShowCode()
	case idp.StateScanned:
		v, r.claimed = r.Scanned(r.browser, r.phone)
	case idp.StateApproved:
		v, r.claimed = r.Approved(r.browser, r.phone)
	}
	r.session = r.Session(v.SID)
	r.login = *loginOf(t, r.IdP, v.SID)
	return r
}

// round is one session that is raced for.
type round struct {
	*racer
	n       int
	sid     string
	claimed idptest.Claimed
}

func (r *racer) next(t *testing.T, n int) *round {
	t.Helper()
	s, l := r.session, r.login
	var err error
	if s.SID, err = idp.NewID(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if l.ID, err = idp.NewID(rand.Reader); err != nil {
		t.Fatal(err)
	}
	s.Version, l.Version, s.Login, l.Current = 0, 0, l.ID, s.SID
	if _, err := r.Store.CreateLogin(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	if err := r.Store.CreateSession(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	c := r.claimed
	c.SID = s.SID
	return &round{racer: r, n: n, sid: s.SID, claimed: c}
}

func (r *round) approve() *http.Response { return r.phone.Approve(r.sid, r.phone.Sign(r.claimed)) }
func (r *round) deny() *http.Response    { return r.phone.Deny(r.sid, idp.WhyNotMe) }
func (r *round) cancel() *http.Response {
	return r.browser.Tab().API(sessions+r.sid+"/cancel", struct{}{})
}
func (r *round) finish(key string) *http.Response { return r.browser.Tab().Finish(r.sid, key) }

// claim is that of another phone, in the network of the others or not. Each has
// an address of its own, so that no limit per address comes in between.
func (r *round) claim(phone int, sameNetwork bool) *http.Response {
	net := fmt.Sprintf("%x:%x", r.n, 0)
	if !sameNetwork {
		net = fmt.Sprintf("%x:%x", r.n, phone<<8)
	}
	f, err := r.Masters.NewFrame(r.session.KeyVer, r.sid, 0)
	if err != nil {
		panic(err)
	}
	h := r.Handset(strings.TrimSuffix("2001:db8:"+net, "0") + fmt.Sprintf("%x::1", phone))
	return h.Scan(f.String())
}

// outcome counts the answers of one round by what was asked and how it went.
type outcome map[string]int

const contenders = 8

var races = []struct {
	name  string
	from  idp.State
	act   func(r *round, n int) (what string, answer *http.Response)
	judge func(o outcome, end idp.QRSession) bool
}{
	{"A41", idp.StateScanned, func(r *round, n int) (string, *http.Response) {
		if n%2 == 0 {
			return "approve", r.approve()
		}
		return "deny", r.deny()
	}, func(o outcome, end idp.QRSession) bool {
		return end.State == idp.StateApproved && o["approve 200"] == 1 && o["deny 200"] == 0 ||
			end.State == idp.StateDenied && o["approve 200"] == 0 && o["deny 200"] > 0 && end.UserID == ""
	}},
	{"Q7", idp.StateScanned, func(r *round, n int) (string, *http.Response) {
		switch n % 4 {
		case 0:
			return "cancel", r.cancel()
		case 1:
			return "deny", r.deny()
		}
		return "approve", r.approve()
	}, func(o outcome, end idp.QRSession) bool {
		switch end.State { // cancel is allowed after an approval, too
		case idp.StateDenied:
			return o["deny 200"] > 0 && o["approve 200"]+o["cancel 200"] == 0
		case idp.StateCancelled:
			return o["cancel 200"] > 0 && o["approve 200"] <= 1 && o["deny 200"] == 0
		}
		return false // a cancel is always heard, unless somebody denied
	}},
	{"Q4 claims from one network", idp.StateCreated, func(r *round, n int) (string, *http.Response) {
		return "claim", r.claim(n, true)
	}, func(o outcome, end idp.QRSession) bool {
		return end.State == idp.StateScanned && end.Claims == 1 && o["claim 200"] == 1 && o["claim 409"] == contenders-1
	}},
	{"Q4 claims from everywhere", idp.StateCreated, func(r *round, n int) (string, *http.Response) {
		return "claim", r.claim(n, false)
	}, func(o outcome, end idp.QRSession) bool {
		return end.State == idp.StateCancelled && end.Why == idp.WhyContested && o["claim 200"] == 1
	}},
	{"Q12 finishes", idp.StateApproved, func(r *round, _ int) (string, *http.Response) {
		return "finish", r.finish(idptest.RandomKey())
	}, func(o outcome, end idp.QRSession) bool {
		return end.State == idp.StateConsumed && o["finish 200"] == 1 && o["finish 409"] == contenders-1
	}},
	{"Q12 finish and cancel", idp.StateApproved, func(r *round, n int) (string, *http.Response) {
		if n%2 == 0 {
			return "cancel", r.cancel()
		}
		return "finish", r.finish(idptest.RandomKey())
	}, func(o outcome, end idp.QRSession) bool {
		// The page that follows a cancel is an answer to the SP, not an
		// assertion; it is told apart by its outcome.
		return end.State == idp.StateConsumed && o["finish 200"] == 1 && o["cancel 200"] == 0 ||
			end.State == idp.StateCancelled && o["finish 200"] == 0 && o["cancel 200"] > 0
	}},
}

func TestRacesOnBothEngines(t *testing.T) {
	rounds := 200
	switch {
	case testing.Short():
		rounds = 50
	case os.Getenv("LATCHKEY_REQUIRE_ALL") == "1":
		rounds = 1000
	}
	for _, engine := range []struct {
		name   string
		rounds int
		make   func(testing.TB, idp.Clock) table.Table
	}{
		{"embedded", rounds, nil},
		{"dynamo", rounds / 10, func(t testing.TB, clock idp.Clock) table.Table { return dynamotest.New(t, clock) }},
	} {
		t.Run(engine.name, func(t *testing.T) {
			if engine.make != nil && os.Getenv("DYNAMODB_ENDPOINT") == "" {
				dynamotest.Client(t) // skips or fails
			}
			for _, race := range races {
				t.Run(race.name, func(t *testing.T) {
					t.Parallel()
					r := newRacer(t, race.from, idptest.Options{Engine: engine.make})
					for n := range engine.rounds {
						run(t, r.next(t, n), race.act, race.judge)
					}
				})
			}
		})
	}
}

func run(t *testing.T, r *round, act func(*round, int) (string, *http.Response), judge func(outcome, idp.QRSession) bool) {
	t.Helper()
	signs := r.Key.Signs()
	var mu sync.Mutex
	var all sync.WaitGroup
	o := outcome{}
	for n := range contenders {
		all.Go(func() {
			what, answer := act(r, n)
			body := idptest.Body(t, answer)
			mu.Lock()
			defer mu.Unlock()
			if answer.StatusCode == http.StatusOK && what == "finish" && !strings.Contains(body, "SAMLResponse") {
				what = "page"
			}
			o[fmt.Sprint(what, " ", answer.StatusCode)]++
		})
	}
	all.Wait()
	end := r.Session(r.sid)
	// A finish after a cancel tells the SP so: signed, but no assertion.
	if end.State == idp.StateCancelled && o["finish 200"] > 0 {
		o["told 200"], o["finish 200"] = o["finish 200"], 0
		if end.AssertionID != "" {
			t.Fatalf("cancelled with assertion %s", end.AssertionID)
		}
	}
	if made := r.Key.Signs() - signs; end.State == idp.StateConsumed && made != 1 {
		t.Fatalf("%d signatures", made)
	}
	if !judge(o, end) {
		t.Fatalf("round %d: %v, session is %s %s after %d claims", r.n, o, end.State, end.Why, end.Claims)
	}
}
