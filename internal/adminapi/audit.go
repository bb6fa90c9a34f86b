package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// AuditPage is one page of GET /v1/admin/audit?day=YYYY-MM-DD: the events of a
// day (UTC; default today), the newest first. With event= or user= only those
// that match; a page may then be empty although After is set.
type AuditPage = Page[idp.AuditEvent]

// AuditHour is an item of GET /v1/admin/audit/verify?day=YYYY-MM-DD: whether an
// hour of the audit trail is as it was written. The hours of a day (UTC; default
// today) come in their order; those that have not begun are left out.
type AuditHour struct {
	Hour     string         `json:"hour"`  // YYYY-MM-DDTHH
	State    string         `json:"state"` // open, closed (has a checkpoint), before (there were checkpoints), none (should have one)
	Events   int            `json:"events"`
	Keyless  int            `json:"unauthenticated"`  // of these; by the function that has no key
	Chains   int            `json:"chains"`           // that they come from
	Number   int            `json:"number,omitempty"` // of the checkpoint
	MAC      string         `json:"mac,omitempty"`    // of the checkpoint, hexadecimal, as the log has it
	Findings []AuditFinding `json:"findings"`         // what is wrong, the first 50
	Wrong    int            `json:"wrong"`            // how many findings there are, with those that are not listed
}

// AuditFinding is something that is wrong with the trail.
type AuditFinding struct {
	Kind  string `json:"kind"`            // internal/audit/findings.go
	Event string `json:"event,omitempty"` // id
	Words string `json:"words"`
}
