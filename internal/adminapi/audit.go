package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// AuditPage is one page of GET /v1/admin/audit?day=YYYY-MM-DD: the events of a
// day (UTC; default today), the newest first. With event= or user= only those
// that match; a page may then be empty although After is set.
type AuditPage = Page[idp.AuditEvent]
