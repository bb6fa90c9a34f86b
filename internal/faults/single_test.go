package faults_test

import (
	"flag"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
)

// soak asks for the volume of `make soak`.
var soak = flag.Bool("soak", false, "every call of every flow, and as many pairs and sign-ins as the other flags say")

// run carries a flow out once, with faults at calls, in a bubble of its own. It
// returns the calls that the flow made.
func (w *world) run(t *testing.T, f flow, only *fault, plans ...*plan) (calls []call, met int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer w.end() // after that a goroutine that is left is one too many: the bubble would tell
		c := newCourse(t, w)
		f.prepare(c)
		c.fault = only
		w.wire.arm(plans...)
		f.run(c)
		calls, met = w.wire.take()
		f.holds(c)
		c.always()
		c.next()
	})
	return calls, met
}

// spot is one call of a flow with a fault that it can meet.
type spot struct {
	at    int
	call  call
	fault *fault
}

func (s spot) name() string { return s.call.step + ": " + s.call.site() + ": " + s.fault.name }

// matrix is every call of every flow with every fault that it can meet, by flow.
func matrix(t *testing.T, w *world) map[string][]spot {
	t.Helper()
	all, kinds := map[string][]spot{}, faults()
	for _, f := range flows {
		var calls []call
		for range 2 { // first what programs keep
			t.Run("no fault: "+f.name, func(t *testing.T) { calls, _ = w.run(t, f, nil) })
		}
		for at, call := range calls {
			for _, kind := range kinds {
				if kind.hits(call) && (*soak || !kind.volume) {
					all[f.name] = append(all[f.name], spot{at, call, kind})
				}
			}
		}
	}
	return all
}

// sample keeps one spot for each place in the program and each fault, in turn
// from all flows that come there; one of three for the places of seldom.
func sample(all map[string][]spot) map[string][]spot {
	type owned struct {
		flow string
		spot
	}
	places := map[string][]owned{}
	var order []string
	for _, f := range flows {
		for _, s := range all[f.name] {
			place := s.call.site() + ": " + s.fault.name
			if places[place] == nil {
				order = append(order, place)
			}
			places[place] = append(places[place], owned{f.name, s})
		}
	}
	some := map[string][]spot{}
	for n, place := range order {
		here := places[place]
		if n%3 != 0 && slices.ContainsFunc(seldom, func(f flow) bool { return f.name == here[0].flow }) {
			continue
		}
		o := here[n*7%len(here)]
		some[o.flow] = append(some[o.flow], o.spot)
	}
	return some
}

// TestSingleFaults: each place that calls AWS meets each fault that it can meet.
// With -soak that is each call of each flow, else each kind of call once.
func TestSingleFaults(t *testing.T) {
	w := newWorld(t, inMemory)
	spots := matrix(t, w)
	total := count(spots)
	if !*soak {
		spots = sample(spots)
	}
	t.Logf("%d of %d single faults", count(spots), total)
	if n := count(spots); n < 168 {
		t.Errorf("%d single faults, at least 168", n)
	}
	for _, f := range flows {
		t.Run("L11 L12 L13 L15 "+f.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, inMemory)
			w.run(t, f, nil) // what programs keep
			for _, s := range spots[f.name] {
				t.Run(s.name(), func(t *testing.T) {
					if _, met := w.run(t, f, s.fault, &plan{fault: s.fault, at: s.at}); met == 0 {
						t.Error("no fault was met")
					}
				})
			}
		})
	}
}

func count(spots map[string][]spot) (n int) {
	for _, s := range spots {
		n += len(s)
	}
	return n
}

// TestMain lets garbage grow: what lives is little, what is thrown away much.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}
