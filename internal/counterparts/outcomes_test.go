package counterparts_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
)

// notApplicable begins an outcome of a behaviour that a counterpart has not;
// the reason follows.
const notApplicable = "n.a.: "

// outcomes is what came out of TestBehaviours: "ok", "FAILED" or notApplicable,
// by counterpart and behaviour. What did not run is not in it.
var outcomes = table{cells: map[[2]string]string{}}

type table struct {
	mu    sync.Mutex
	cells map[[2]string]string
}

func (o *table) set(who, what, outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cells[[2]string{who, what}] = outcome
}

// print writes one row a counterpart and one column a behaviour, and the
// reasons of what is not applicable. It reports whether every behaviour ran.
// The word at the start makes the lines pass through the report of make test.
func (o *table) print(w io.Writer) (complete bool) {
	complete = true
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(columns, "counterpart")
	for _, b := range behaviours {
		fmt.Fprint(columns, "\t", b.name)
	}
	fmt.Fprintln(columns)
	var reasons []string
	for _, c := range counterparts {
		fmt.Fprint(columns, c.name)
		for _, b := range behaviours {
			outcome := o.cells[[2]string{c.name, b.name}]
			if why, ok := strings.CutPrefix(outcome, notApplicable); ok {
				outcome = "n.a."
				reasons = append(reasons, c.name+", "+b.name+": "+why)
			}
			if outcome == "" {
				outcome, complete = "did not run", false
			}
			fmt.Fprint(columns, "\t", outcome)
		}
		fmt.Fprintln(columns)
	}
	_ = columns.Flush() // a Builder takes all
	for line := range strings.Lines(text.String()) {
		fmt.Fprint(w, "figure: ", line)
	}
	for _, r := range reasons {
		fmt.Fprintln(w, "figure: n.a.", r)
	}
	return complete
}
