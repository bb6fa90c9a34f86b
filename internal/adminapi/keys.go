package adminapi

// Key is a signing key with its certificate.
type Key struct {
	ID          string       `json:"id"`
	Ref         string       `json:"ref"`         // file name or KMS key ARN
	State       string       `json:"state"`       // requested, next, active, previous, dedicated, retired
	Certificate string       `json:"certificate"` // PEM; empty while it is requested
	SHA256      string       `json:"sha256"`      // fingerprint of the certificate, "AB:CD:..."
	NotBefore   int64        `json:"not_before"`  // seconds
	NotAfter    int64        `json:"not_after"`   // seconds
	CreatedAt   int64        `json:"created_at"`
	AnnouncedAt int64        `json:"announced_at,omitempty"`
	ActivatedAt int64        `json:"activated_at,omitempty"`
	Progress    *KeyProgress `json:"progress,omitempty"` // of a key that service providers may not know yet
}

// KeyProgress counts the service providers that know a key.
type KeyProgress struct {
	ServiceProviders int `json:"service_providers"` // all that this key signs for
	Confirmed        int `json:"confirmed"`         // an administrator said so
	Fetched          int `json:"fetched"`           // of the others: somebody fetched their metadata with it
}

// KeyAnswer is a key with what is known of each service provider.
type KeyAnswer struct {
	Key              Key       `json:"key"`
	ServiceProviders []KeySeen `json:"service_providers"` // empty unless the key has Progress
}

// KeySeen says whether a service provider knows a key. FetchedAt is when
// somebody first fetched its metadata with that key; the address is public, so
// it is a hint. ConfirmedAt is when an administrator said so.
type KeySeen struct {
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	EntityID    string `json:"entity_id"`
	FetchedAt   int64  `json:"fetched_at,omitempty"`
	ConfirmedAt int64  `json:"confirmed_at,omitempty"`
	ConfirmedBy string `json:"confirmed_by,omitempty"`
}

// NewKey is the body of POST /v1/admin/keys: the key to announce.
type NewKey struct {
	// Ref is a KMS key ARN of the deployment; empty: the one that was never
	// used. Without KMS the name of a key file; empty: a new one.
	Ref string `json:"ref,omitempty"`
	// Dedicated makes it sign for the service providers that name it only.
	Dedicated bool `json:"dedicated,omitempty"`
}

// KeyActivation is the body of POST /v1/admin/keys/{id}/activate.
type KeyActivation struct {
	Force bool `json:"force,omitempty"` // also a key that was announced a moment ago
}

// KeyConfirmation is the body of POST /v1/admin/keys/{id}/confirm.
type KeyConfirmation struct {
	ServiceProvider string `json:"service_provider"`   // slug
	Withdraw        bool   `json:"withdraw,omitempty"` // it was a mistake
}
