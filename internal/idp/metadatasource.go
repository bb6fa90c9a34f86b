package idp

// MetadataFacts is what the metadata of a service provider says, as far as it
// is used (SAML V2.0 Metadata 2.4.4). It is kept to tell what a later version
// changes, apart from what an administrator has set by hand.
type MetadataFacts struct {
	EntityID      string     `json:"entity_id"`
	ACS           []Endpoint `json:"acs"`
	SLO           []Endpoint `json:"slo,omitempty"`
	SigningCerts  [][]byte   `json:"signing_certs,omitempty"`    // DER
	EncryptCerts  [][]byte   `json:"encryption_certs,omitempty"` // DER
	NameIDFormats []string   `json:"name_id_formats,omitempty"`

	// EncryptionMethods are those of EncryptCerts, by CertID.
	EncryptionMethods map[string][]EncryptionMethod `json:"encryption_methods,omitempty"`
	AttributeServices []AttributeService            `json:"attribute_services,omitempty"`
	EntityAttributes  []EntityAttribute             `json:"entity_attributes,omitempty"`

	AuthnRequestsSigned  bool `json:"authn_requests_signed,omitempty"`
	WantAssertionsSigned bool `json:"want_assertions_signed,omitempty"`
}

// MetadataSource is where the metadata of a service provider comes from and
// how it is kept up to date (docs/adr/0019-metadata-refresh.md). It is an item
// of its own, so that a sign-in never reads it.
type MetadataSource struct {
	EntityID string `json:"entity_id"`

	URL string `json:"url"`                // of a file or an aggregate; with MDQ, of the server
	MDQ string `json:"mdq_form,omitempty"` // MDQPlain, MDQHash: URL is the base of a metadata query server
	// Aggregate: the file may be a large one, of which this is one entity.
	Aggregate bool `json:"aggregate,omitempty"`

	// PinnedCert, DER, is the certificate whose key must have signed.
	PinnedCert []byte `json:"pinned_cert,omitempty"`
	// TrustURL: the administrator lets changes be applied that only https
	// vouches for.
	TrustURL bool `json:"trust_url,omitempty"`

	ETag          string `json:"etag,omitempty"`
	LastModified  string `json:"last_modified,omitempty"`
	Signature     string `json:"signature,omitempty"`      // as ServiceProvider.MetadataSigned
	ValidUntil    Millis `json:"valid_until,omitempty"`    // 0: the metadata does not say
	CacheDuration int64  `json:"cache_duration,omitempty"` // seconds; 0: it does not say
	FetchedAt     Millis `json:"fetched_at,omitempty"`     // the last time that it was received, or found unchanged
	NextAt        Millis `json:"next_at,omitempty"`        // it is looked at again

	Facts   MetadataFacts    `json:"facts"`             // what is in force
	Pending *PendingMetadata `json:"pending,omitempty"` // what waits for an administrator

	Failure      string `json:"failure,omitempty"` // of the last try; empty: it went well
	FailingSince Millis `json:"failing_since,omitempty"`
	Expired      bool   `json:"expired,omitempty"` // ValidUntil has passed, and that was told

	Version int64 `json:"-"` // of the stored item
}

// Forms of a metadata query (draft-young-md-query-saml 2.1, 2.2).
const (
	MDQPlain = "plain" // the entityID, percent-encoded
	MDQHash  = "sha1"  // "{sha1}" and the hash of the entityID
)

// PendingMetadata is a version that is not applied without an administrator.
type PendingMetadata struct {
	ID         string           `json:"id"` // names this very change to whoever approves it
	FoundAt    Millis           `json:"found_at"`
	Facts      MetadataFacts    `json:"facts"`
	Signature  string           `json:"signature,omitempty"`
	ValidUntil Millis           `json:"valid_until,omitempty"`
	Changes    []MetadataChange `json:"changes"`
	Reasons    []string         `json:"reasons"` // why it waits
}

// MetadataChange is one difference between two versions.
type MetadataChange struct {
	What   string `json:"what"`             // acs.moved, signing_key.added, ...
	Before string `json:"before,omitempty"` // empty: added
	After  string `json:"after,omitempty"`  // empty: removed
}
