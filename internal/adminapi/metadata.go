package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// MetadataStatus says where a service provider's metadata comes from and how
// up to date it is. Times are in seconds; 0: none.
type MetadataStatus struct {
	URL          string           `json:"url"`
	Kind         string           `json:"kind"`               // file, aggregate, mdq
	PinnedKey    string           `json:"pinned_certificate"` // fingerprint; empty: signatures are not verified
	TrustURL     bool             `json:"trust_metadata_url"`
	Signature    string           `json:"signature"`   // of what is in force: verified, not verified; empty: not signed
	ValidUntil   int64            `json:"valid_until"` // of what is in force
	Expired      bool             `json:"expired"`     // and it is used all the same
	FetchedAt    int64            `json:"fetched_at"`
	NextAt       int64            `json:"next_at"`
	Failure      string           `json:"failure"` // of the last try; empty: it went well
	FailingSince int64            `json:"failing_since"`
	Pending      *PendingMetadata `json:"pending,omitempty"`
}

// PendingMetadata is a change that waits for an administrator.
type PendingMetadata struct {
	Change     string               `json:"change"` // names it in an Approval
	FoundAt    int64                `json:"found_at"`
	Signature  string               `json:"signature"`
	ValidUntil int64                `json:"valid_until"`
	Changes    []idp.MetadataChange `json:"changes"`
	Reasons    []string             `json:"reasons"`
}

// RefreshAnswer answers a refresh and an approval.
type RefreshAnswer struct {
	Result   string               `json:"result"` // unchanged, applied, pending, failed, gone
	Changes  []idp.MetadataChange `json:"changes"`
	Reasons  []string             `json:"reasons"`
	Metadata MetadataStatus       `json:"metadata"`
}

// MetadataPatch is the body of PATCH .../metadata. An address makes it the
// source of a service provider that had none.
type MetadataPatch struct {
	URL               *string `json:"url,omitempty"`                // of the file
	MDQURL            *string `json:"mdq_url,omitempty"`            // or the base of a metadata query server
	Aggregate         *bool   `json:"aggregate,omitempty"`          // the file is an aggregate, which may be large
	PinnedCertificate *string `json:"pinned_certificate,omitempty"` // PEM; empty: signatures are not verified
	TrustMetadataURL  *bool   `json:"trust_metadata_url,omitempty"`
}

// Approval is the body of POST .../metadata/approve.
type Approval struct {
	Change string `json:"change"` // of the PendingMetadata that was looked at
}
