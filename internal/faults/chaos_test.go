package faults_test

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
)

var logins = flag.Int("logins", 200, "sign-ins in chaos")

const (
	failing  = 0.05  // of all attempts of calls
	crashing = 0.001 // of all calls: nobody hears the answer, or the program dies
	inBubble = 50    // sign-ins of one person
)

// chaos lets each call fail by chance.
type chaos struct {
	random      *rand.Rand
	kinds, ends []*fault
	met         int
}

// newChaos has the faults of one attempt; those that no repetition helps against
// (permissions, damaged items) are outages, not chaos.
func newChaos(random *rand.Rand) *chaos {
	c := &chaos{random: random}
	for _, f := range faults() {
		switch {
		case f.ends:
			c.ends = append(c.ends, f)
		case f.once && f.more == 0 && f.name != "wrong order":
			c.kinds = append(c.kinds, f)
		}
	}
	return c
}

func (c *chaos) next(of call) *fault {
	kinds := c.kinds
	switch roll := c.random.Float64(); {
	case roll < crashing:
		kinds = c.ends
	case roll > failing:
		return nil
	}
	for {
		if f := kinds[c.random.IntN(len(kinds))]; f.hits(of) {
			c.met++
			return f
		}
	}
}

// TestChaos: sign-ins of which each call of AWS fails by chance. Every one of
// them holds what is always true, and nearly all succeed with two repetitions of
// a step at most.
func TestChaos(t *testing.T) {
	t.Logf("seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 1)) //nolint:gosec // repeatable on purpose
	chaos := newChaos(random)
	failed, repeated := 0, 0
	var w *world
	t.Run("L11 L12 L13 L15 chaos", func(t *testing.T) {
		for n := 0; n < *logins; n += inBubble {
			if n%(2*renewed) == 0 {
				w = newWorld(t, inMemory)
			}
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					defer w.end()
					c := newCourse(t, w)
					w.wire.inChaos(chaos)
					defer w.wire.inChaos(nil)
					for range min(inBubble, *logins-n) {
						f, r := c.chaotic(random)
						failed += f
						repeated += r
					}
				})
			})
		}
	})
	t.Logf("%d sign-ins, %d faults met, %d repetitions of a step, %d did not succeed", *logins, chaos.met, repeated, failed)
	if float64(failed) > 0.001*float64(*logins)+1 {
		t.Errorf("%d of %d sign-ins did not succeed", failed, *logins)
	}
}

func (w *wire) inChaos(c *chaos) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chaos = c
}

// chaotic is one sign-in, or one that is denied.
func (c *course) chaotic(random *rand.Rand) (failed, repeated int) {
	c.t.Helper()
	c.w.log.Reset()
	c.browser.DropSession()
	c.anew()
	do := c.signIn
	if random.IntN(10) == 0 {
		do = c.deny
	}
	if end := c.try(do); end != nil || c.lost {
		failed = 1
		c.t.Logf("did not succeed: %+v", end)
	}
	c.always()
	return failed, c.refused
}
