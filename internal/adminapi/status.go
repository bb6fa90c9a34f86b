package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// Status answers GET /v1/admin/status: what the deployment is and what its
// administrator should look at.
type Status struct {
	Version          string     `json:"version"` // of the program, such as 1.2.3
	PublicURL        string     `json:"public_url"`
	EntityID         string     `json:"entity_id"`
	Issuers          []string   `json:"issuers"` // all our entityIDs, EntityID first
	SSOURL           string     `json:"sso_url"`
	MetadataURL      string     `json:"metadata_url"`
	DisplayName      string     `json:"display_name"`
	Local            bool       `json:"local"`
	ServerTime       idp.Millis `json:"server_time"` // milliseconds
	Keys             []Key      `json:"keys"`        // the one that signs first; without retired ones
	ServiceProviders int        `json:"service_providers"`
	Warnings         []Warning  `json:"warnings"`
}

// Warning is something that is or will be wrong, and what to do about it.
type Warning struct {
	Code    string `json:"code"` // key.unusable, key.expiring, key.requested, sp.draft, sp.unverifiable, sp.issuer, sp.signing_key, sp.metadata_pending, sp.metadata_failing, sp.metadata_expired
	Subject string `json:"subject"`
	Text    string `json:"text"`
}
