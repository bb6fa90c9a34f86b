package idp

import "time"

// AuditSeal is stored beside an audit event and ties it to the one before in
// its chain (docs/adr/0025-audit-chain.md).
type AuditSeal struct {
	Chain string `json:"c"`           // id of the chain's first event
	N     int    `json:"n"`           // place in the chain, from 1
	Key   int    `json:"k,omitempty"` // version of the master key; 0: a plain hash, by a writer that has no key
	Prev  []byte `json:"p,omitempty"` // MAC of the event before; none for the first
	MAC   []byte `json:"m"`           // HMAC-SHA-256, or SHA-256 where Key is 0
}

// AuditCheckpoint says what the audit trail held when an hour was over.
type AuditCheckpoint struct {
	Hour   string `json:"hour"` // AuditHour
	N      int    `json:"n"`    // 1 for the deployment's first; one more for each hour
	At     Millis `json:"at"`
	Events int    `json:"events"` // in this hour
	Digest []byte `json:"digest"` // SHA-256 of them, in order
	Prev   []byte `json:"prev"`   // MAC of the checkpoint before; none for the first
	Key    int    `json:"k"`      // version of the master key
	MAC    []byte `json:"m"`
}

// First is the hour of the deployment's first checkpoint: there is one for each
// hour since. Zero if Hour is none.
func (c *AuditCheckpoint) First() time.Time {
	hour, err := time.Parse(AuditHour, c.Hour)
	if err != nil {
		return time.Time{}
	}
	return hour.Add(-time.Duration(c.N-1) * time.Hour)
}

// AuditHour is the layout of an hour of the audit trail, in UTC.
const AuditHour = "2006-01-02T15"
