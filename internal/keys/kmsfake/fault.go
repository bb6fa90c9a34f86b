package kmsfake

import (
	"context"
	"net/http"
	"time"
)

// Always injects a fault into every request until Heal.
const Always = -1

// Fault is what goes wrong with a request.
type Fault struct {
	wait   time.Duration
	drop   bool
	answer *apiError
}

// Throttled is what KMS answers above its request quota.
func Throttled() Fault {
	return failing(http.StatusBadRequest, "ThrottlingException", "You have exceeded the rate at which you may call KMS.")
}

// Unavailable is a failure inside KMS (HTTP 500).
func Unavailable() Fault {
	return failing(http.StatusInternalServerError, "KMSInternalException", "An internal error occurred.")
}

// Status is an answer with this HTTP status, such as 503.
// The error has no name that the SDK knows, so that only the status counts.
func Status(status int) Fault {
	return failing(status, "UnknownError", http.StatusText(status))
}

// AccessDenied is what KMS answers without permission.
func AccessDenied() Fault {
	return failing(http.StatusBadRequest, "AccessDeniedException", "The caller is not authorized to perform this operation.")
}

// Disabled is what KMS answers for a disabled key.
func Disabled() Fault {
	return failing(http.StatusBadRequest, "DisabledException", "The key is disabled.")
}

// Dropped closes the connection without an answer.
func Dropped() Fault { return Fault{drop: true} }

// Slow answers after d, or not at all if the client goes away before.
func Slow(d time.Duration) Fault { return Fault{wait: d} }

func failing(status int, kind, text string) Fault {
	return Fault{answer: &apiError{status, kind, text}}
}

type injected struct {
	Fault
	op   string
	left int
}

// Inject lets the next requests of an operation (or Any) meet a fault: that
// many, or Always. Faults of the same operation follow one another.
func (f *Fake) Inject(op string, times int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, &injected{fault, op, times})
}

// Heal removes all faults, also wrong keys.
func (f *Fake) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
	for _, k := range f.keys {
		k.signsWith = nil
	}
}

// nextFault takes the fault for a request; the zero Fault does nothing.
func (f *Fake) nextFault(op string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.faults {
		if i.left == 0 || i.op != Any && i.op != op {
			continue
		}
		if i.left > 0 {
			i.left--
		}
		return i.Fault
	}
	return Fault{}
}

func (f Fault) delay(ctx context.Context) {
	if f.wait == 0 {
		return
	}
	timer := time.NewTimer(f.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (f Fault) err() error {
	if f.answer == nil {
		return nil
	}
	return f.answer
}
