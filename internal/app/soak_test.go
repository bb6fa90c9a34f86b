//go:build soak

package app_test

import (
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/testkit/crowd"
)

// What docs/operations.md promises: a sign-in among all of these takes at most a
// tenth longer than in an empty table.
const mostLonger = 1.10

// syncedEngine is the embedded table as `latchkey serve` has it, filled in less
// time than that would take.
func syncedEngine(t testing.TB, clock idp.Clock, size crowd.Size) (table.Table, *atomic.Int64) {
	path := filepath.Join(t.TempDir(), "test.db")
	open := func(options ...embedded.Option) *embedded.DB {
		db, err := embedded.Open(path, clock, options...)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open(embedded.WithoutSync())
	filled(t, db, 64, clock, size)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	db = open()
	t.Logf("opened in %s", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() { _ = db.Close() })
	return db, new(atomic.Int64)
}

// TestSoakCapacity is TestCapacity at the size of the promise, with time. The
// sign-ins alternate between both tables, so that whatever else the machine does
// meets both; the ratio is that of the medians.
func TestSoakCapacity(t *testing.T) {
	for _, c := range []struct {
		name   string
		make   engine
		size   crowd.Size
		rounds int
		cpu    bool // says something: the table is part of the process
	}{
		{"embedded", syncedEngine, crowd.Size{Users: 1_000_000, ServiceProviders: 10_000, Sessions: 100_000}, 1000, true},
		{"dynamo at a tenth", dynamoEngine, crowd.Size{Users: 100_000, ServiceProviders: 1_000, Sessions: 10_000}, 300, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			empty, full := crowdedWith(t, c.make, crowd.Size{}), crowdedWith(t, c.make, c.size)
			t.Logf("filled with %+v in %s", c.size, time.Since(began).Round(time.Second))
			for _, browser := range []string{"new browser", "known browser"} {
				if diff := cmp.Diff(empty.costs(t), full.costs(t), sameBytes); diff != "" {
					t.Errorf("%s: a sign-in in a full table (+) is not that in an empty one (-): %s", browser, diff)
				}
			}
			var in [2]struct{ wall, cpu []time.Duration }
			for n := range c.rounds * 2 {
				which := (n + n/2) % 2 // in turn, and each first as often as the other
				wall, cpu := []*crowded{empty, full}[which].signIn(t)
				in[which].wall, in[which].cpu = append(in[which].wall, wall), append(in[which].cpu, cpu)
			}
			compare(t, "time", in[0].wall, in[1].wall)
			if c.cpu {
				compare(t, "CPU time", in[0].cpu, in[1].cpu)
			}
		})
	}
}

// compare judges the medians.
func compare(t *testing.T, what string, empty, full []time.Duration) {
	t.Helper()
	slices.Sort(empty)
	slices.Sort(full)
	e, f := empty[len(empty)/2], full[len(full)/2]
	ratio := float64(f) / float64(e)
	t.Logf("%s of %d sign-ins each: %s in the empty table, %s in the full one, ratio %.3f", what, len(empty), e, f, ratio)
	if ratio > mostLonger {
		t.Errorf("%s: ratio %.3f, at most %.2f", what, ratio, mostLonger)
	}
}

// signIn makes a sign-in and says how long it took, and how much of that the
// process was at work.
func (d *crowded) signIn(t testing.TB) (wall, cpu time.Duration) {
	t.Helper()
	began, worked := time.Now(), cpuTime(t)
	signInSteps(t, d.IdP, d.browser, d.phone, func(_ string, do func()) { do() })
	wall, cpu = time.Since(began), cpuTime(t)-worked
	d.Clock.Add(time.Minute)
	d.browser.DropSession()
	return wall, cpu
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
