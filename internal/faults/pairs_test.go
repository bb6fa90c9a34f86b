package faults_test

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"testing"
)

var (
	pairs = flag.Int("pairs", 200, "pairs of faults")
	seed  = flag.Uint64("seed", 1, "of what is random")
)

// renewed is how many courses one world has, so that its table does not grow.
const renewed = 1000

// inOneLogin are the flows that end in a sign-in, or must not.
var inOneLogin = []flow{flows[0], flows[0], flows[0], flows[1], flows[2], flows[3], flows[4]}

// TestPairs: two faults in one sign-in, at random.
func TestPairs(t *testing.T) {
	t.Logf("seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0)) //nolint:gosec // repeatable on purpose
	kinds := faults()
	both, n := 0, 0 // pairs, and courses
	var w *world
	t.Run("L11 L12 L13 pairs", func(t *testing.T) {
		for ; both < *pairs && n < 4**pairs; n++ {
			if n%renewed == 0 {
				w = newWorld(t, inMemory)
			}
			f := inOneLogin[random.IntN(len(inOneLogin))]
			plans := []*plan{
				{fault: kinds[random.IntN(len(kinds))], at: random.IntN(35)},
				{fault: kinds[random.IntN(len(kinds))], at: random.IntN(35)},
			}
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				w.run(t, f, nil, plans...)
				if t.Failed() {
					t.Logf("%s: %s at %d, %s at %d", f.name, plans[0].name, plans[0].at, plans[1].name, plans[1].at)
				}
			})
			if plans[0].site != "" && plans[1].site != "" {
				both++
			}
		}
	})
	t.Logf("%d pairs, in %d more the second fault was not met", both, n-both)
	if both < *pairs {
		t.Errorf("%d pairs, want %d", both, *pairs)
	}
}
