package obs

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Namespace is the CloudWatch namespace of all metrics.
const Namespace = "Latchkey"

// The metrics.
const (
	LoginStarted    = "LoginStarted"
	LoginApproved   = "LoginApproved"
	LoginDenied     = "LoginDenied"
	LoginExpired    = "LoginExpired"
	SignInCompleted = "SignInCompleted"
	RequestRejected = "RequestRejected" // dimension Reason
	RequestFailed   = "RequestFailed"   // answered with 5xx; dimension Reason
	SignUnexplained = "SignUnexplained" // uses of a signing key that no function explains, or that CloudTrail does not have
	AuditBroken     = "AuditBroken"     // hours of the audit trail that are not as they were written
	SignLatency     = "SignLatency"     // milliseconds of one signature
)

// Reason is the dimension of RequestRejected and RequestFailed: an idp.Reason or
// idp.Code.
const Reason = "Reason"

// Metrics takes measurements. Dimensions come from closed lists: every
// distinct set of values is a metric of its own, and is billed.
type Metrics interface {
	// Count adds one to a counter.
	Count(name string, dims map[string]string)
	// Observe records a duration in milliseconds.
	Observe(name string, ms float64, dims map[string]string)
}

// Discard takes measurements and forgets them.
var Discard Metrics = discard{}

type discard struct{}

func (discard) Count(string, map[string]string)            {}
func (discard) Observe(string, float64, map[string]string) {}

// EMF writes each measurement as a line of CloudWatch's Embedded Metric
// Format, from which CloudWatch Logs makes a metric without any API call.
func EMF(w io.Writer, namespace string, clock idp.Clock) Metrics {
	return &emf{w: w, namespace: namespace, clock: clock}
}

type emf struct {
	mu        sync.Mutex // one line, one write
	w         io.Writer
	namespace string
	clock     idp.Clock
}

func (e *emf) Count(name string, dims map[string]string) { e.write(name, "Count", 1, dims) }

func (e *emf) Observe(name string, ms float64, dims map[string]string) {
	e.write(name, "Milliseconds", ms, dims)
}

// The metadata object of the EMF specification.
type emfMetadata struct {
	Timestamp idp.Millis     `json:"Timestamp"`
	Metrics   []emfDirective `json:"CloudWatchMetrics"`
}

type emfDirective struct {
	Namespace  string      `json:"Namespace"`
	Dimensions [][]string  `json:"Dimensions"`
	Metrics    []emfMetric `json:"Metrics"`
}

type emfMetric struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

func (e *emf) write(name, unit string, value float64, dims map[string]string) {
	keys := []string{} // an empty set, not null
	line := map[string]any{}
	for _, k := range slices.Sorted(maps.Keys(dims)) {
		if dims[k] != "" { // CloudWatch refuses empty values
			keys = append(keys, k)
			line[k] = scrub(dims[k])
		}
	}
	line[name] = value
	line["_aws"] = emfMetadata{
		Timestamp: e.clock.Now(),
		Metrics: []emfDirective{{
			Namespace:  e.namespace,
			Dimensions: [][]string{keys},
			Metrics:    []emfMetric{{Name: name, Unit: unit}},
		}},
	}
	b, err := json.Marshal(line)
	if err != nil {
		return // NaN or infinity: a measurement that means nothing
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _ = e.w.Write(append(b, '\n')) // a lost measurement must not fail a sign-in
}
