package faults_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestWrongOrder: somebody else acts between the read and each write of a step.
// Whoever was told something, it is so.
func TestWrongOrder(t *testing.T) {
	w := newWorld(t, inMemory)
	for _, tt := range []struct {
		name, step string
		act        func(*course) // what somebody else does
		no         bool          // and is it a no, that no sign-in may follow
	}{
		{"Q7 cancelled while approving", "approve", (*course).cancels, true},
		{"Q7 denied while approving", "approve", (*course).denies, true},
		{"Q7 cancelled while claiming", "claim", (*course).cancels, true},
		{"Q7 cancelled while finishing", "finish", (*course).cancels, false}, // whoever is first
		{"Q7 removed while approving", "approve", (*course).removed, false},
		{"Q7 removed while finishing", "finish", (*course).removed, false},
		{"Q7 finished by another key while finishing", "finish", (*course).finishes, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			for at, met := 0, 1; met > 0; at++ {
				synctest.Test(t, func(t *testing.T) {
					defer w.end()
					c := newCourse(t, w)
					c.rivals = map[string]func(){tt.step: func() { tt.act(c) }}
					w.wire.arm(&plan{fault: overtaking(tt.step, at)})
					end := c.try(c.signIn)
					_, met = w.wire.take()
					n += met
					s := c.Session(c.sid)
					if end == nil && s.State != idp.StateConsumed {
						t.Errorf("write %d: told that it is done, and it is %s", at, s.State)
					}
					if tt.no && c.told == http.StatusOK && (len(c.issued) > 0 || s.State == idp.StateConsumed || s.State == idp.StateApproved) {
						t.Errorf("write %d: after a no it is %s, assertions %v", at, s.State, c.issued)
					}
					if len(c.issued[c.sid]) > 0 && s.State != idp.StateConsumed {
						t.Errorf("write %d: assertions %v of what is %s", at, c.issued, s.State)
					}
					c.once()
				})
			}
			if n == 0 {
				t.Error("nobody acted")
			}
		})
	}
}

// overtaking lets the rival act at a write of a step, from 0.
func overtaking(step string, at int) *fault {
	return &fault{name: "wrong order", once: true, do: overtaken, hits: func(c call) bool {
		if c.step != step || !c.writes() {
			return false
		}
		at--
		return at < 0
	}}
}

func (c *course) cancels() {
	c.told = c.browser.Tab().API("/v1/login/sessions/"+c.sid+"/cancel", map[string]any{}).StatusCode
}

func (c *course) denies() { c.told = c.phone.Deny(c.sid, "not_me").StatusCode }

func (c *course) removed() {
	d, err := c.w.store.Device(c.t.Context(), c.phone.DeviceID)
	must(c.t, err)
	d.State = idp.DeviceRevoked
	must(c.t, c.w.store.SaveDevice(c.t.Context(), d))
}

func (c *course) finishes() {
	resp := c.browser.Tab().Finish(c.sid, idptest.RandomKey())
	if c.told = resp.StatusCode; c.told == http.StatusOK {
		c.got(c.sid, resp)
	}
}

// TestClockSteps: the clock of the machine jumps between two steps, as after a
// thaw or when it is set. Nobody is told that it is a mistake of ours, nobody
// signed in twice, and when the clock is right again the next sign-in works.
func TestClockSteps(t *testing.T) {
	w := newWorld(t, inMemory)
	for _, by := range []time.Duration{time.Hour, 30 * time.Second, -time.Minute, -time.Hour} {
		for _, at := range []string{"login page", "create", "claim", "approve", "poll", "finish", "finish again"} {
			t.Run("L15 clock steps "+by.String()+" before "+at, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					defer w.end()
					c := newCourse(t, w)
					c.before = map[string]func(){at: func() { w.turn(by) }}
					c.try(c.signIn)
					c.once()
					w.turn(-by)
					time.Sleep(time.Minute)
					c.before, c.sid = nil, ""
					c.next()
				})
			})
		}
	}
}
