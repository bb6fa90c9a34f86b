package keys

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// State is where a signing key is in its life.
type State string

// States of a key. A release that does not know a state leaves its records
// alone: it neither publishes them nor signs with them.
const (
	Requested State = "requested" // has no certificate yet; a program that may sign makes it
	Next      State = "next"      // published, does not sign yet
	Active    State = "active"    // signs; there is exactly one
	Previous  State = "previous"  // published, does not sign any more
	Retired   State = "retired"   // neither
	Dedicated State = "dedicated" // signs for, and is published to, the service providers that name it
	Decrypts  State = "decrypts"  // not for signing: others encrypt for us with it
)

// Record says which key a certificate belongs to and what it is used for. It
// holds nothing secret.
type Record struct {
	ID          string     `json:"id"`          // key-1, key-2, ... in the order of their creation
	Ref         string     `json:"ref"`         // what an Opener opens: a file name or a KMS key ARN
	Certificate []byte     `json:"certificate"` // DER; none while it is requested
	State       State      `json:"state"`
	Wanted      State      `json:"wanted,omitempty"` // of a requested key: what it becomes, Next or Dedicated
	CreatedAt   idp.Millis `json:"created_at"`
	AnnouncedAt idp.Millis `json:"announced_at,omitzero"` // since when the metadata has it; zero: since CreatedAt
	ActivatedAt idp.Millis `json:"activated_at,omitzero"`
	Version     int64      `json:"version"` // of the stored item; 0 = not stored yet
}

// Records stores the ring's records.
type Records interface {
	// List returns all records, in any order.
	List(ctx context.Context) ([]Record, error)
	// Save stores all of the records or, with an error, none: each only if
	// the stored version equals its Version (0: absent), which grows by one.
	Save(ctx context.Context, records ...Record) error
}

// Opener opens the key that a Record's Ref names.
type Opener func(ctx context.Context, ref string) (Key, error)

// sameKey reports whether both records name the same key and certificate.
func (r Record) sameKey(o Record) bool {
	return r.ID == o.ID && r.Ref == o.Ref && bytes.Equal(r.Certificate, o.Certificate)
}

// published reports whether the metadata shows the certificate.
func (r Record) published() bool {
	return r.State == Active || r.State == Next || r.State == Previous
}

func (r Record) parse() (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		return nil, fmt.Errorf("parse certificate of %s: %w", r.ID, err)
	}
	return cert, nil
}

// sortRecords puts the signing key first, then next, requested, previous,
// dedicated and retired ones, the younger first. Of two active records, which
// an Activate of an older release may have left, the one activated last signs.
func sortRecords(records []Record) {
	order := []State{Dedicated, Previous, Requested, Next, Active} // Retired, not in it, comes last
	rank := func(r Record) int { return -slices.Index(order, r.State) }
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(b.ActivatedAt, a.ActivatedAt),
			cmp.Compare(b.CreatedAt, a.CreatedAt),
			cmp.Compare(a.ID, b.ID),
		)
	})
}
