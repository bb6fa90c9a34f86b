package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
)

// volume is how often something is raced or replayed: 10,000 times where
// everything has to run.
func volume() int {
	switch {
	case testing.Short():
		return 100
	case os.Getenv("LATCHKEY_REQUIRE_ALL") == "1":
		return 10_000
	}
	return 1_000
}

const atOnce = 8 // rounds, or replays

// eachEngine runs a test on both tables.
func eachEngine(t *testing.T, run func(t *testing.T, s *sessions)) {
	now := idp.At(time.Now()) // DynamoDB Local sweeps by the real time
	clock := now.Time
	for name, open := range map[string]func(t *testing.T) table.Table{
		"embedded": func(t *testing.T) table.Table {
			db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock, embedded.WithoutSync())
			ok(t, err)
			t.Cleanup(func() { ok(t, db.Close()) })
			return db
		},
		"dynamo": func(t *testing.T) table.Table { return dynamotest.New(t, clock) },
	} {
		t.Run(name, func(t *testing.T) { run(t, &sessions{store.New(open(t), clock), now}) })
	}
}

// sessions are QR sessions of one browser and one phone.
type sessions struct {
	*store.Store
	now idp.Millis
}

var (
	volumeBrowser = idp.BrowserSecret{1}
	volumePhone   = []byte("claim hash of the phone")

	approveIt = login.Approve{ClaimHash: volumePhone, UserID: "ana", CredentialID: "cred", DeviceName: "Ana's phone", ApprovalHash: []byte("approval")}
	denyIt    = login.Deny{ClaimHash: volumePhone, Reason: idp.WhyNotMe}
	cancelIt  = login.Cancel{Browser: volumeBrowser}
	finishIt  = login.Finish{Browser: volumeBrowser, FinishHash: []byte("finish key"), AssertionID: "_assertion"}
)

// scanned stores a session that a phone holds.
func (s *sessions) scanned(t *testing.T, sid string) {
	t.Helper()
	app := idp.ContextApp{EntityID: "https://sp.example.org/saml", Host: "sp.example.org", Name: "Payroll"}
	session := idp.QRSession{}
	for _, ev := range []login.Event{
		login.Create{
			Login: idp.Login{ID: "L-" + sid, SP: app.EntityID, CreatedAt: s.now, ExpiresAt: s.now.Add(login.LoginLife)},
			SID:   sid, Browser: volumeBrowser, ACR: idp.ACRQR, KeyVer: 1, Nonce: make([]byte, 32),
			Context: idp.Context{V: 1, App: app, Browser: "unknown", OS: "unknown", Place: "unknown", IP: "203.0.113.0/24", RequestedAt: s.now.Seconds()},
		},
		login.Claim{ClaimHash: volumePhone, Net: login.Network("203.0.113.5"), Nonce: make([]byte, 32), App: app},
	} {
		var err error
		session, err = login.Apply(session, ev, s.now)
		ok(t, err)
	}
	ok(t, s.CreateSession(t.Context(), &session))
}

// happens is what every handler does with an event. It reports the session
// after it, and whether the event changed it.
func (s *sessions) happens(t *testing.T, sid string, ev login.Event) (after idp.QRSession, changed bool, err error) {
	before, after, err := s.UpdateSession(t.Context(), sid, login.Same, func(q idp.QRSession) (idp.QRSession, error) {
		return login.Apply(q, ev, s.now)
	})
	return after, !login.Same(before, after), err
}

// end is the stored session.
func (s *sessions) end(t *testing.T, sid string) idp.QRSession {
	t.Helper()
	q, err := s.Session(t.Context(), sid)
	ok(t, err)
	return q
}

// atOnceDo calls do for 0 to n-1, several at a time.
func atOnceDo(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// Two people's hands on one session: whoever is first decides, there is one end,
// it stays, and nobody is signed in after a no.
func TestRacedPairs(t *testing.T) {
	pairs := []struct {
		name string
		a, b login.Event
		ends map[idp.State][2]bool // by end: did a and b succeed?
	}{
		{"A41 approve and deny", approveIt, denyIt, map[idp.State][2]bool{idp.StateApproved: {true, false}, idp.StateDenied: {false, true}}},
		{"Q7 deny and cancel", denyIt, cancelIt, map[idp.State][2]bool{idp.StateDenied: {true, false}, idp.StateCancelled: {false, true}}},
	}
	eachEngine(t, func(t *testing.T, s *sessions) {
		for _, pair := range pairs {
			t.Run(pair.name, func(t *testing.T) {
				s.race(t, pair.name, pair.a, pair.b, func(end idp.State, a, b bool) bool {
					want, known := pair.ends[end]
					return known && want == [2]bool{a, b}
				})
			})
		}
		t.Run("Q7 approve and cancel", func(t *testing.T) { // a cancel is heard after an approval, too
			s.race(t, "cancel", approveIt, cancelIt, func(end idp.State, _, cancelled bool) bool { return end == idp.StateCancelled && cancelled })
		})
	})
}

// race lets two events happen to one session at the same time, a third of the
// times, as there are three pairs.
func (s *sessions) race(t *testing.T, name string, a, b login.Event, right func(end idp.State, a, b bool) bool) {
	var signedIn atomic.Int64
	atOnceDo(volume()/3+1, func(i int) {
		sid := fmt.Sprint(name, i)
		s.scanned(t, sid)
		var done [2]bool
		var both sync.WaitGroup
		for n, ev := range []login.Event{a, b} {
			both.Go(func() {
				_, changed, err := s.happens(t, sid, ev)
				done[n] = changed && err == nil
			})
		}
		both.Wait()
		end := s.end(t, sid)
		if !right(end.State, done[0], done[1]) {
			t.Errorf("%s: the end is %s, succeeded: %v", sid, end.State, done)
		}
		if end.State == idp.StateApproved {
			return // the one end from which somebody is signed in
		}
		_, _, _ = s.happens(t, sid, approveIt)
		after, _, err := s.happens(t, sid, finishIt)
		if err == nil || after.AssertionID != "" {
			signedIn.Add(1)
		}
		if !login.Same(after, end) {
			t.Errorf("%s: the end did not stay: %s", sid, cmp.Diff(end, after))
		}
	})
	if n := signedIn.Load(); n > 0 {
		t.Errorf("%d sign-ins after a no", n)
	}
}

// An approval and a finish are taken once. The very same one may come again, as
// after a lost answer, and changes nothing; any other is refused.
func TestReplays(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *sessions) {
		const sid = "S"
		s.scanned(t, sid)
		_, _, err := s.happens(t, sid, approveIt)
		ok(t, err)
		t.Run("Q6 approvals", func(t *testing.T) {
			s.replay(t, sid, func(i int) (ev login.Event, same bool) {
				again := approveIt
				switch i % 3 {
				case 0:
					return again, true
				case 1:
					again.ApprovalHash = fmt.Append(nil, "approval ", i)
				case 2:
					again.ClaimHash = fmt.Append(nil, "phone ", i)
				}
				return again, false
			})
		})
		_, _, err = s.happens(t, sid, finishIt)
		ok(t, err)
		t.Run("Q12 finishes", func(t *testing.T) {
			s.replay(t, sid, func(i int) (ev login.Event, same bool) {
				again := finishIt
				again.AssertionID = fmt.Sprint("_", i) // ignored where the first one is answered again
				switch i % 3 {
				case 0:
					return again, true
				case 1:
					again.FinishHash = fmt.Append(nil, "key ", i)
				case 2:
					again.Browser = idp.BrowserSecret{2}
				}
				return again, false
			})
		})
		t.Run("Q6 approvals after the finish", func(t *testing.T) {
			s.replay(t, sid, func(i int) (ev login.Event, same bool) {
				again := approveIt
				again.ApprovalHash = fmt.Append(nil, "approval ", i)
				return again, false
			})
		})
	})
}

func (s *sessions) replay(t *testing.T, sid string, event func(i int) (ev login.Event, same bool)) {
	before := s.end(t, sid)
	var accepted atomic.Int64
	atOnceDo(volume(), func(i int) {
		ev, same := event(i)
		_, changed, err := s.happens(t, sid, ev)
		if changed || (err == nil) != same {
			accepted.Add(1)
			t.Logf("replay %d: changed %t, %v", i, changed, err)
		}
	})
	if n := accepted.Load(); n > 0 {
		t.Errorf("%d of %d replays went wrong", n, volume())
	}
	if diff := cmp.Diff(before, s.end(t, sid)); diff != "" {
		t.Errorf("the session was written: %s", diff)
	}
}
