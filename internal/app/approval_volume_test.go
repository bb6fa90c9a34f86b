package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// volume is how often something is raced or replayed through the handlers:
// 10,000 times where everything has to run.
func volume() int {
	switch {
	case testing.Short():
		return 50
	case os.Getenv("LATCHKEY_REQUIRE_ALL") == "1":
		return 10_000
	}
	return 500
}

// unsynced is the embedded table without waits for the disk.
func unsynced(t testing.TB, clock idp.Clock) table.Table {
	db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock, embedded.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// severalTimes calls do for 0 to n-1, eight at a time.
func severalTimes(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range contenders {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// The rounds of internal/store, through the handlers: two calls at the same time
// on one session, and then a finish. Only an approval that nobody spoke against
// signs anybody in.
func TestRacedPairs(t *testing.T) {
	approve := func(r *round) bool { return status(t, r.approve()) == http.StatusOK }
	deny := func(r *round) bool { return status(t, r.deny()) == http.StatusOK }
	cancel := func(r *round) bool { return status(t, r.cancel()) == http.StatusOK }
	for _, pair := range []struct {
		name  string
		a, b  func(r *round) bool
		right func(end idp.State, a, b bool) bool
	}{
		{"A41 approve and deny", approve, deny, func(end idp.State, a, b bool) bool {
			return end == idp.StateApproved && a && !b || end == idp.StateDenied && !a && b
		}},
		{"Q7 deny and cancel", deny, cancel, func(end idp.State, a, b bool) bool {
			return end == idp.StateDenied && a && !b || end == idp.StateCancelled && !a && b
		}},
		{"Q7 approve and cancel", approve, cancel, func(end idp.State, _, b bool) bool { // a cancel is heard after an approval, too
			return end == idp.StateCancelled && b
		}},
	} {
		t.Run(pair.name, func(t *testing.T) {
			racer := newRacer(t, idp.StateScanned, idptest.Options{Engine: unsynced})
			severalTimes(volume()/3+1, func(n int) {
				r := racer.next(t, n)
				var a, b bool
				var both sync.WaitGroup
				both.Go(func() { a = pair.a(r) })
				both.Go(func() { b = pair.b(r) })
				both.Wait()
				end := r.Session(r.sid)
				if !pair.right(end.State, a, b) {
					t.Errorf("round %d: the end is %s, succeeded: %t, %t", n, end.State, a, b)
				}
				idptest.Body(t, r.finish(idptest.RandomKey()))
				after := r.Session(r.sid)
				if signedIn := after.AssertionID != ""; signedIn != (end.State == idp.StateApproved) {
					t.Errorf("round %d: signed in: %t after %s", n, signedIn, end.State)
				}
				if end.State != idp.StateApproved && after.State != end.State {
					t.Errorf("round %d: %s became %s", n, end.State, after.State)
				}
			})
		})
	}
}

// An approval and a finish are taken once. The very same one may come again and
// gets the same answer; any other is refused, and nothing changes.
func TestReplaysByThousands(t *testing.T) {
	i := idptest.New(t, idptest.Options{Engine: unsynced})
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	v, claimed := i.Scanned(b, h)
	jws := h.Sign(claimed)
	first := idptest.Body(t, h.Approve(v.SID, jws))
	t.Run("Q6 approvals", func(t *testing.T) {
		before := i.Session(v.SID)
		severalTimes(volume(), func(n int) {
			if n%2 == 0 {
				if again := idptest.Body(t, h.Approve(v.SID, jws)); again != first {
					t.Errorf("replay %d: %s, the first: %s", n, again, first)
				}
			} else if got := status(t, h.Approve(v.SID, h.Sign(claimed))); got != http.StatusConflict {
				t.Errorf("another signature, %d: %d", n, got)
			}
		})
		if diff := cmp.Diff(before, i.Session(v.SID)); diff != "" {
			t.Errorf("the session was written: %s", diff)
		}
	})
	key := idptest.RandomKey()
	id := assertionID(t, b.Tab().Finish(v.SID, key))
	t.Run("Q12 finishes", func(t *testing.T) {
		severalTimes(volume(), func(n int) {
			if n%25 != 0 {
				if got := status(t, b.Tab().Finish(v.SID, idptest.RandomKey())); got != http.StatusConflict {
					t.Errorf("another tab, %d: %d", n, got)
				}
				return
			}
			answer := b.Tab().Finish(v.SID, key) // signs again, which is slow
			if answer.StatusCode == http.StatusServiceUnavailable {
				return // too many at once
			}
			if again := assertionID(t, answer); again != id {
				t.Errorf("replay %d: assertion %s, the first %s", n, again, id)
			}
		})
		if end := i.Session(v.SID); end.State != idp.StateConsumed || end.AssertionID != id {
			t.Errorf("the session is %s with assertion %s", end.State, end.AssertionID)
		}
	})
}

func status(t *testing.T, answer *http.Response) int {
	t.Helper()
	idptest.Body(t, answer)
	return answer.StatusCode
}
