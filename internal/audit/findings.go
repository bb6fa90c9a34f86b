package audit

import "fmt"

// Kinds of findings. Each means that somebody has written to the table who is
// not this program, or that part of it was restored or lost.
const (
	Altered       = "altered"                  // its seal does not fit: changed, moved, or made with another key
	Missing       = "missing"                  // events of a chain that are not there
	OutOfOrder    = "out_of_order"             // does not continue its chain
	Unsealed      = "unsealed"                 // has no seal
	Keyless       = "keyless"                  // sealed without a key by somebody who has one
	UnknownKey    = "unknown_key"              // sealed with a master key that this deployment does not have
	NoCheckpoint  = "no_checkpoint"            // the hour's checkpoint is not there
	BadCheckpoint = "bad_checkpoint"           // not made by us, or it does not follow the one before
	Changed       = "changed_since_checkpoint" // the hour held other events when it was over
)

// maxFindings are listed for an hour; the rest is counted.
const maxFindings = 50

// Finding is something wrong.
type Finding struct {
	Kind  string
	Event string // id, or the part of the table's key that stands for it; may be empty
	Words string
}

// States of an hour.
const (
	Open   = "open"   // not over, or a moment ago
	Closed = "closed" // has a checkpoint
	Before = "before" // nothing, before the deployment's first checkpoint
	None   = "none"   // should have a checkpoint
)

// Hour is what an hour of the trail holds.
type Hour struct {
	Hour       string // idp.AuditHour
	State      string
	Events     int
	Keyless    int    // of these by the function that has no key: complete since the hour was closed, not authenticated
	Chains     int    // that they come from
	Checkpoint []byte // its MAC, as it is in the log, too
	Number     int    // of the checkpoint
	Findings   []Finding
	Wrong      int // findings, those that are not listed too
}

func (h *Hour) find(kind, event, format string, args ...any) {
	h.Wrong++
	if len(h.Findings) < maxFindings {
		h.Findings = append(h.Findings, Finding{kind, clip(event), fmt.Sprintf(format, args...)})
	}
}

// clip keeps what somebody may have written in place of an id short and plain.
func clip(id string) string {
	if len(id) > 40 {
		id = id[:40]
	}
	q := fmt.Sprintf("%+q", id)
	return q[1 : len(q)-1]
}
