package idp

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// SAML identifiers used all over the program.
const (
	BindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	BindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	BindingSOAP     = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"
	BindingPAOS     = "urn:oasis:names:tc:SAML:2.0:bindings:PAOS"

	NameIDPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	NameIDTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	NameIDEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	NameIDUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

	AttrNameURI         = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
	AttrNameBasic       = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
	AttrNameUnspecified = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"
)

// Authentication context classes of our own (approval-protocol.md 14).
const (
	ACRQR    = "urn:latchkey:acr:qr"
	ACRPHR   = "urn:latchkey:acr:phr"
	ACRPHRHW = "urn:latchkey:acr:phr-hw"
)

// Values of ServiceProvider.Protocol.
const (
	ProtocolSAML  = "" // SAML 2.0
	ProtocolWSFed = "ws-federation"
)

// Which elements of a Response are signed.
const (
	SignAssertion = "assertion" // the default
	SignResponse  = "response"
	SignBoth      = "both"
)

// Values of ServiceProvider.Encryption: whether assertions are encrypted.
const (
	EncryptOff      = ""
	EncryptIfKey    = "if-key"   // where a usable key is known
	EncryptRequired = "required" // nothing is sent without
)

// Values of ServiceProvider.MetadataSigned.
const (
	MetadataVerified    = "verified" // by a key that an administrator has pinned
	MetadataNotVerified = "not verified"
)

// Values of ServiceProvider.QRPolicy (approval-protocol.md 6.8).
const (
	QRPolicyAny = "any"
	QRPolicyOff = "off"
)

// ServiceProvider is one application as an administrator configured it.
// Its zero settings are the safe ones; EntityID is its identity everywhere.
type ServiceProvider struct {
	EntityID string `json:"entity_id"`
	Slug     string `json:"slug"`               // short unique name used in URLs and logs, [a-z0-9-]{1,40}
	Name     string `json:"name"`               // as people see it: NFC, at most 64 characters
	Preset   string `json:"preset"`             // generic, office365, salesforce, atlassian
	Protocol string `json:"protocol,omitempty"` // ProtocolSAML, ProtocolWSFed: the only one in which it is answered
	Disabled bool   `json:"disabled"`           // switched off by an administrator
	Draft    bool   `json:"draft"`              // saved before the other side's values were known; cannot sign in
	Issuer   string `json:"issuer"`             // our entityID towards this SP; empty: the deployment's
	Logo     string `json:"logo,omitempty"`     // path of a logo on this origin, or empty

	// IssuerByDomain picks the issuer by the domain of the user's
	// userPrincipalName (Microsoft federates each root domain with an issuer
	// of its own). When it is set, a user of another domain is refused.
	IssuerByDomain map[string]string `json:"issuer_by_domain,omitempty"`

	ACS            []Endpoint `json:"acs"`
	SLO            []Endpoint `json:"slo,omitempty"`
	SigningCerts   [][]byte   `json:"signing_certs,omitempty"`    // DER certificates; use=signing and no use
	EncryptCerts   [][]byte   `json:"encryption_certs,omitempty"` // DER certificates; use=encryption and no use
	NameIDFormats  []string   `json:"name_id_formats,omitempty"`  // as its metadata lists them
	MetadataURL    string     `json:"metadata_url,omitempty"`
	MetadataSigned string     `json:"metadata_signed,omitempty"` // MetadataVerified, MetadataNotVerified or empty (unsigned)

	// What its metadata says about attributes (release.go).
	EntityAttributes  []EntityAttribute  `json:"entity_attributes,omitempty"`
	AttributeServices []AttributeService `json:"attribute_services,omitempty"`

	// Requests
	RequireSignedRequests   bool `json:"require_signed_requests"`   // metadata's AuthnRequestsSigned or the administrator's wish
	AllowSHA1               bool `json:"allow_sha1"`                // legacy: accept RSA-SHA1 and SHA-1 digests when verifying
	AllowMissingDestination bool `json:"allow_missing_destination"` // a signed request may lack Destination

	// ConfirmUnsignedLogout accepts LogoutRequests without a signature, which
	// anybody can make: they end a session only after the person confirms.
	ConfirmUnsignedLogout bool `json:"confirm_unsigned_logout,omitempty"`

	// IdPInitiated lets sign-ins begin here (/saml/launch/<slug>), without a
	// request; DefaultRelayState goes with these. StartURL is where the
	// application itself begins: the launchpad leads there instead.
	IdPInitiated      bool   `json:"idp_initiated,omitempty"`
	DefaultRelayState string `json:"default_relay_state,omitempty"`
	StartURL          string `json:"start_url,omitempty"`

	// Responses
	Sign             string            `json:"sign"`                  // SignAssertion (also when empty), SignResponse, SignBoth
	LegacySHA1Output bool              `json:"legacy_sha1_output"`    // sign with RSA-SHA1; file keys only
	SigningKey       string            `json:"signing_key,omitempty"` // id of a dedicated key; empty: the deployment's
	NameID           string            `json:"name_id"`               // mapping line: "persistent = immutableId"; "none" sends no NameID
	Attributes       []string          `json:"attributes"`            // mapping lines, one attribute each
	ACRMap           map[string]string `json:"acr_map,omitempty"`     // requested class -> class of ours that satisfies it
	DefaultACR       string            `json:"default_acr"`           // class sent when the request asks none; empty: the true class

	// ConfirmedEntityAttributes are those that an administrator vouches for.
	ConfirmedEntityAttributes []EntityAttribute `json:"confirmed_entity_attributes,omitempty"`

	// Release says which permitted attributes are released: ReleasePermitted,
	// ReleaseRequested, ReleaseRequired. Consent says when people are asked
	// before: ConsentOff, ConsentOnce, ConsentAlways.
	Release string `json:"release,omitempty"`
	Consent string `json:"consent,omitempty"`

	// SPNameQualifier and NameQualifier on the NameID, only where configured.
	QualifyNameID bool `json:"qualify_name_id"`

	// Encryption of assertions (docs/saml-profile.md): EncryptOff,
	// EncryptIfKey, EncryptRequired. Algorithm and transport, by the names of
	// package xmlenc, override what is chosen of what metadata declares.
	Encryption          string `json:"encryption,omitempty"`
	EncryptionAlgorithm string `json:"encryption_algorithm,omitempty"`
	EncryptionTransport string `json:"encryption_transport,omitempty"`
	AllowCBC            bool   `json:"allow_cbc,omitempty"` // legacy: AES-CBC where there is no AES-GCM

	// EncryptionMethods are what metadata declares for each of EncryptCerts,
	// by the hexadecimal SHA-256 of the certificate, in its order. (They are
	// beside the certificates because older releases read those.)
	EncryptionMethods map[string][]EncryptionMethod `json:"encryption_methods,omitempty"`

	// QRPolicy says whether an approval by scanning a code is enough:
	// QRPolicyAny (also when empty) or QRPolicyOff, a passkey only.
	QRPolicy string `json:"qr_policy,omitempty"`

	// QRNumber makes the screen show a number that the person types on the
	// phone (approval-protocol.md 6.7).
	QRNumber bool `json:"qr_number,omitempty"`

	// MinACR is the class of ours that every sign-in must reach: ACRQR (also
	// when empty), ACRPHR, ACRPHRHW.
	MinACR string `json:"min_acr,omitempty"`

	// AlwaysAsk wants an approval for each sign-in: no SSO session is reused.
	AlwaysAsk bool `json:"always_ask,omitempty"`

	// MaxSessionMinutes is how old an approval may be to sign in by an SSO
	// session; 0: as old as the session may be.
	MaxSessionMinutes int `json:"max_session_minutes,omitempty"`

	// RefuseProbation keeps devices on probation out, as administrators'
	// applications should (approval-protocol.md 11.1).
	RefuseProbation bool `json:"refuse_probation,omitempty"`

	// ECP lets programs sign in by the Enhanced Client or Proxy profile, with
	// the app passwords of people (docs/adr/0024).
	ECP bool `json:"ecp,omitempty"`

	// Access lists who may sign in: "user:EMAIL", "attribute:NAME=VALUE".
	// Empty means everyone.
	Access []string `json:"access,omitempty"`

	CreatedAt Millis `json:"created_at"`
	UpdatedAt Millis `json:"updated_at"`

	Version int64 `json:"version"` // of the stored item; the ETag of the admin API
}

// Endpoint is an indexed endpoint of an SP's metadata.
type Endpoint struct {
	Index     int    `json:"index"`
	Binding   string `json:"binding"`
	Location  string `json:"location"`
	Response  string `json:"response_location,omitempty"`
	IsDefault *bool  `json:"is_default,omitempty"`
}

// ResponseLocation is where answers go (SAML Metadata 2.2.2).
func (e *Endpoint) ResponseLocation() string {
	if e.Response != "" {
		return e.Response
	}
	return e.Location
}

// EncryptionMethod is an md:EncryptionMethod: an algorithm that a key can be
// used with (SAML Metadata 2.4.1.1, XML Encryption 1.1 3.2).
type EncryptionMethod struct {
	Algorithm  string `json:"algorithm"`
	Digest     string `json:"digest,omitempty"`     // of RSA-OAEP
	MGF        string `json:"mgf,omitempty"`        // of RSA-OAEP
	Parameters bool   `json:"parameters,omitempty"` // it demands OAEPparams, which we don't send
}

// EncryptionMethodsOf are the declared methods of a certificate (DER).
func (sp *ServiceProvider) EncryptionMethodsOf(cert []byte) []EncryptionMethod {
	return sp.EncryptionMethods[CertID(cert)]
}

// CertID is the key of a certificate (DER) in EncryptionMethods.
func CertID(cert []byte) string {
	sum := sha256.Sum256(cert)
	return hex.EncodeToString(sum[:])
}

// DefaultACS is DefaultACSFor browsers, to which answers go by HTTP-POST.
func (sp *ServiceProvider) DefaultACS() *Endpoint { return sp.DefaultACSFor(BindingPOST) }

// DefaultACSFor is the endpoint an answer by a binding goes to when the request
// names none: isDefault, else the first one of that binding that does not say
// isDefault=false, else the first one (saml-profile.md 2). Nil when there is
// none.
func (sp *ServiceProvider) DefaultACSFor(binding string) *Endpoint {
	var candidate, any *Endpoint
	for i := range sp.ACS {
		e := &sp.ACS[i]
		if e.Binding != binding {
			continue
		}
		if any == nil {
			any = e
		}
		if e.IsDefault != nil && *e.IsDefault {
			return e
		}
		if candidate == nil && e.IsDefault == nil {
			candidate = e
		}
	}
	if candidate != nil {
		return candidate
	}
	return any
}

// HasACS reports whether location is, byte for byte, a registered POST endpoint.
func (sp *ServiceProvider) HasACS(location string) bool {
	return sp.hasACS(BindingPOST, location)
}

// Receives reports whether the answer to a login may still go where its request
// said.
func (sp *ServiceProvider) Receives(l *Login) bool {
	return sp.hasACS(cmp.Or(l.Binding, BindingPOST), l.ACS)
}

func (sp *ServiceProvider) hasACS(binding, location string) bool {
	return slices.ContainsFunc(sp.ACS, func(e Endpoint) bool {
		return e.Binding == binding && e.Location == location
	})
}

// SLOEndpoint is where logout messages go: the first one of the bindings, in their
// order; nil where there is none.
func (sp *ServiceProvider) SLOEndpoint(bindings ...string) *Endpoint {
	for _, b := range bindings {
		for i := range sp.SLO {
			if sp.SLO[i].Binding == b {
				return &sp.SLO[i]
			}
		}
	}
	return nil
}

// Admits reports whether the SP's access list lets u in.
func (sp *ServiceProvider) Admits(u *User) bool {
	if len(sp.Access) == 0 {
		return true
	}
	for _, rule := range sp.Access {
		kind, rest, _ := strings.Cut(rule, ":")
		switch kind {
		case "user":
			if strings.EqualFold(rest, u.Email) {
				return true
			}
		case "attribute":
			name, value, _ := strings.Cut(rest, "=")
			if slices.Contains(u.Attribute(name), value) {
				return true
			}
		}
	}
	return false
}
