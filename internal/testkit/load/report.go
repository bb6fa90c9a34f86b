package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// Report is how a drive went.
type Report struct {
	Took time.Duration

	mu      sync.Mutex
	signIns int
	steps   map[string][]time.Duration
	errors  map[string]int // by kind
}

func newReport() *Report {
	return &Report{steps: map[string][]time.Duration{}, errors: map[string]int{}}
}

// step begins a call; what it returns ends it, and hands the error on.
func (r *Report) step(name string) func(error) error {
	began := time.Now()
	return func(err error) error {
		took := time.Since(began)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.steps[name] = append(r.steps[name], took)
		return err
	}
}

// signIn counts one, or why it failed.
func (r *Report) signIn(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.errors[kindOf(err)]++
		return
	}
	r.signIns++
}

// SignIns is how many were completed.
func (r *Report) SignIns() int { return r.signIns }

// Errors is how many failed, by kind.
func (r *Report) Errors() map[string]int { return r.errors }

// PerSecond is the rate of completed sign-ins.
func (r *Report) PerSecond() float64 { return float64(r.signIns) / r.Took.Seconds() }

// Quantile is the time within which a share of the calls of a step ended.
func (r *Report) Quantile(step string, share float64) time.Duration {
	d := slices.Sorted(slices.Values(r.steps[step]))
	if len(d) == 0 {
		return 0
	}
	return d[min(len(d)-1, int(share*float64(len(d))))]
}

// Print writes the table of docs/operations.md.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%d sign-ins in %s: %.1f a second\n\n", r.signIns, r.Took.Round(time.Second/10), r.PerSecond())
	fmt.Fprintln(w, "| Call | Number | p50 | p99 | Longest |")
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for _, step := range slices.Sorted(maps.Keys(r.steps)) {
		q := func(share float64) string { return fmt.Sprintf("%.1f ms", r.Quantile(step, share).Seconds()*1000) }
		fmt.Fprintf(w, "| %s | %d | %s | %s | %s |\n", step, len(r.steps[step]), q(0.5), q(0.99), q(1))
	}
	for _, kind := range slices.Sorted(maps.Keys(r.errors)) {
		fmt.Fprintf(w, "\n%d times: %s\n", r.errors[kind], kind)
	}
}
