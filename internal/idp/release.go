package idp

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// EntityAttribute is one value of an attribute that says something about an
// entity, such as its membership in an entity category (SAML V2.0 Metadata
// Extension for Entity Attributes; RFC 8409). Both are compared byte for byte.
type EntityAttribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// AttributeService is an md:AttributeConsumingService: the attributes that one
// service of a service provider asks for (SAML V2.0 Metadata 2.4.4.1).
type AttributeService struct {
	Index     int                  `json:"index"`
	IsDefault *bool                `json:"is_default,omitempty"`
	Requested []RequestedAttribute `json:"requested,omitempty"`
}

// RequestedAttribute is an md:RequestedAttribute (SAML V2.0 Metadata 2.4.4.2).
type RequestedAttribute struct {
	Name       string   `json:"name"`
	NameFormat string   `json:"name_format,omitempty"` // empty: unspecified, which any format answers
	Required   bool     `json:"required,omitempty"`
	Values     []string `json:"values,omitempty"` // only these are of interest; none: any value
}

// Values of ServiceProvider.Release and ReleaseRule.Only: which of the permitted
// attributes are released.
const (
	ReleasePermitted = ""          // all of them
	ReleaseRequested = "requested" // those that metadata asks for
	ReleaseRequired  = "required"  // those that metadata marks as required
)

// ReleaseRule permits attributes to every service provider that has an entity
// attribute. It is a deployment's own: metadata only says whom it is about.
type ReleaseRule struct {
	ID   string          `json:"id"` // follows from Whom
	Whom EntityAttribute `json:"entity_attribute,omitzero"`

	// Only narrows the rule to what metadata asks for. A rule for everybody
	// (zero Whom) is always narrowed.
	Only       string   `json:"only,omitempty"`
	Attributes []string `json:"attributes"` // mapping lines
}

// RuleID names the only rule that there can be about whom: "everybody", or 16
// hexadecimal digits.
func RuleID(whom EntityAttribute) string {
	if whom == (EntityAttribute{}) {
		return "everybody"
	}
	sum := sha256.Sum256([]byte(whom.Name + "\x00" + whom.Value))
	return hex.EncodeToString(sum[:8])
}

// ReleaseRules are those of the deployment (item RELEASE), in a fixed order.
type ReleaseRules struct {
	Rules []ReleaseRule `json:"rules"`

	Version int64 `json:"-"`
}

// TrustedEntityAttributes are those that an administrator has confirmed, and
// those of metadata that a pinned key has verified. What metadata says of
// itself that nobody vouches for is not among them.
func (sp *ServiceProvider) TrustedEntityAttributes() []EntityAttribute {
	out := slices.Clone(sp.ConfirmedEntityAttributes)
	if sp.MetadataSigned == MetadataVerified {
		out = append(out, sp.EntityAttributes...)
	}
	return out
}

// ReleasesByMetadata reports whether release rules can apply.
func (sp *ServiceProvider) ReleasesByMetadata() bool {
	return len(sp.AttributeServices) > 0 || len(sp.TrustedEntityAttributes()) > 0
}

// AttributeService is the service with an index, or the default one where the
// request names none (nil) or one that there is not: isDefault, else the first
// that does not say isDefault=false, else the first (SAML Metadata 2.4.4.1, as
// for indexed endpoints). Nil when there is none.
func (sp *ServiceProvider) AttributeService(index *int) *AttributeService {
	var fallback *AttributeService
	rank := 0
	for i := range sp.AttributeServices {
		s := &sp.AttributeServices[i]
		if index != nil && s.Index == *index {
			return s
		}
		n := 1
		switch {
		case s.IsDefault == nil:
			n = 2
		case *s.IsDefault:
			n = 3
		}
		if n > rank {
			fallback, rank = s, n
		}
	}
	return fallback
}
