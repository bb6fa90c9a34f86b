package login_test

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

// cell is a stored session with compare-and-swap, as every caller of Apply has.
type cell struct{ p atomic.Pointer[idp.QRSession] }

// apply is the loop of 4.2 without a limit of tries. It reports whether the
// event changed the session.
func (c *cell) apply(ev login.Event, now idp.Millis) (bool, error) {
	for {
		read := c.p.Load()
		next, err := login.Apply(*read, ev, now)
		if reflect.DeepEqual(*read, next) {
			return false, err
		}
		if c.p.CompareAndSwap(read, &next) {
			return true, err
		}
	}
}

func TestRaces(t *testing.T) {
	approval := func(i int) login.Event {
		ev := approveEvent()
		ev.ApprovalHash = fmt.Appendf(nil, "signature %d", i)
		return ev
	}
	deny := login.Deny{ClaimHash: thePhone, Reason: idp.WhyNotMe}
	finish := func(i int) login.Event {
		ev := finishEvent()
		ev.FinishHash, ev.AssertionID = fmt.Appendf(nil, "tab %d", i), fmt.Sprintf("_%d", i)
		return ev
	}
	rounds := 10_000
	if testing.Short() {
		rounds = 1_000
	}
	for _, r := range []struct {
		name   string
		from   idp.State
		events func(i int) login.Event
	}{
		{"Q7 approvals", idp.StateScanned, approval},
		{"A41 approve and deny", idp.StateScanned, func(i int) login.Event {
			if i%2 == 0 {
				return approval(0)
			}
			return deny
		}},
		{"Q12 finishes", idp.StateApproved, finish},
		{"Q4 claims", idp.StateCreated, func(i int) login.Event {
			c := claimEvent(0)
			c.ClaimHash = fmt.Appendf(nil, "phone %d", i)
			return c
		}},
	} {
		t.Run(r.name, func(t *testing.T) {
			start := sessionIn(t, r.from)
			for range rounds {
				var store cell
				store.p.Store(&start)
				var winners atomic.Int32
				var all sync.WaitGroup
				for i := range 8 {
					all.Go(func() {
						if changed, err := store.apply(r.events(i), t0); changed && err == nil {
							winners.Add(1)
						}
					})
				}
				all.Wait()
				if n := winners.Load(); n != 1 {
					t.Fatalf("%d winners, session %s", n, store.p.Load().State)
				}
			}
		})
	}
}
