package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// AuditPage is one page of GET /v1/admin/audit?day=YYYY-MM-DD: the events of a
// day (UTC; default today), the newest first. With event= or user= only those
// that match; a page may then be empty although After is set.
type AuditPage = Page[idp.AuditEvent]

// ChainedEvent is an event with what its MAC says.
type ChainedEvent struct {
	idp.AuditEvent
	Authentic bool `json:"authentic"` // as one of our functions wrote it
}

// AuditChainPage is one page of GET /v1/admin/audit/chain?day=YYYY-MM-DD: all
// events of a day, the oldest first.
type AuditChainPage = Page[ChainedEvent]

// AuditSeal is the body of POST /v1/admin/audit/seals.
type AuditSeal struct {
	Seal string `json:"seal"` // DAY:EVENTS:DIGEST
}
