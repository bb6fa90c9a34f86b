package adminapi

// Key is a signing key with its certificate.
type Key struct {
	ID          string `json:"id"`
	Ref         string `json:"ref"`         // file name or KMS key ARN
	State       string `json:"state"`       // next, active, previous, retired
	Certificate string `json:"certificate"` // PEM
	SHA256      string `json:"sha256"`      // fingerprint of the certificate, "AB:CD:..."
	NotBefore   int64  `json:"not_before"`  // seconds
	NotAfter    int64  `json:"not_after"`   // seconds
	CreatedAt   int64  `json:"created_at"`
	ActivatedAt int64  `json:"activated_at,omitempty"`
}

// NewKey is the body of POST /v1/admin/keys: the key to announce.
type NewKey struct {
	Ref string `json:"ref,omitempty"` // KMS key ARN; in local mode empty makes a new key file
}
