package adminapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// ServiceProviderSummary is one line of GET /v1/admin/service-providers.
type ServiceProviderSummary struct {
	EntityID string `json:"entity_id"`
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Preset   string `json:"preset"`
	Disabled bool   `json:"disabled"`
	Draft    bool   `json:"draft"`
	ECP      bool   `json:"ecp,omitempty"`   // lets programs sign in
	Opens    bool   `json:"opens,omitempty"` // can be opened from the launchpad
}

// ServiceProvider is one with all its settings.
type ServiceProvider struct {
	idp.ServiceProvider
	CreatedAt int64 `json:"created_at"`
	UpdatedAt int64 `json:"updated_at"`
}

// ServiceProviderOf makes the wire form.
func ServiceProviderOf(sp *idp.ServiceProvider) ServiceProvider {
	return ServiceProvider{*sp, sp.CreatedAt.Seconds(), sp.UpdatedAt.Seconds()}
}

// Document is a file in a request. It is sent as base64, because metadata may
// be UTF-16; XML text as it is, is understood too. Nil: no file.
type Document []byte

// MarshalJSON implements json.Marshaler.
func (d Document) MarshalJSON() ([]byte, error) { return json.Marshal([]byte(d)) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Document) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	if text == nil {
		return nil
	}
	trimmed := bytes.TrimSpace(bytes.TrimPrefix([]byte(*text), []byte("\ufeff")))
	if bytes.HasPrefix(trimmed, []byte("<")) {
		*d = Document(*text)
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(string(trimmed))
	if err != nil {
		return errors.New("a file is either base64 or text that begins with <")
	}
	*d = raw
	return nil
}

// Settings are what an administrator may say about a service provider, when it
// is added and later. What is absent is left to the preset, or as it is.
type Settings struct {
	Name                    *string   `json:"name,omitempty"`   // as people see it
	Slug                    *string   `json:"slug,omitempty"`   // [a-z0-9-]{1,40}
	Issuer                  *string   `json:"issuer,omitempty"` // one of Status.Issuers
	Disabled                *bool     `json:"disabled,omitempty"`
	NameID                  *string   `json:"name_id,omitempty"`     // mapping line
	Attributes              *[]string `json:"attributes,omitempty"`  // mapping lines
	ReplyURLs               *[]string `json:"reply_urls,omitempty"`  // WS-Federation: where it is answered, the default first
	Access                  *[]string `json:"access,omitempty"`      // "user:EMAIL", "attribute:NAME=VALUE"; empty: everyone
	Sign                    *string   `json:"sign,omitempty"`        // assertion, response, both
	QRPolicy                *string   `json:"qr_policy,omitempty"`   // any; off: passkeys only
	MinACR                  *string   `json:"min_acr,omitempty"`     // a class of ours, or qr, phr, phr-hw; empty: qr
	SigningKey              *string   `json:"signing_key,omitempty"` // id of a dedicated key; empty: the deployment's
	QRNumber                *bool     `json:"qr_number,omitempty"`   // a number to type on the phone
	RefuseProbation         *bool     `json:"refuse_probation,omitempty"`
	AlwaysAsk               *bool     `json:"always_ask,omitempty"`          // no SSO session signs in
	MaxSessionMinutes       *int      `json:"max_session_minutes,omitempty"` // how old an approval may be; 0: no limit
	IdPInitiated            *bool     `json:"idp_initiated,omitempty"`       // sign-ins may begin here
	DefaultRelayState       *string   `json:"default_relay_state,omitempty"` // of these
	StartURL                *string   `json:"start_url,omitempty"`           // where the application itself begins
	ECP                     *bool     `json:"ecp,omitempty"`                 // programs sign in, with app passwords
	SigningCertificates     *[]string `json:"signing_certificates,omitempty"`
	Encryption              *string   `json:"encryption,omitempty"`              // off, if-key, required
	EncryptionCertificates  *[]string `json:"encryption_certificates,omitempty"` // PEM; replace those of the metadata
	EncryptionAlgorithm     *string   `json:"encryption_algorithm,omitempty"`    // aes128-gcm, ...; empty: chosen
	EncryptionTransport     *string   `json:"encryption_transport,omitempty"`    // rsa-oaep-mgf1p, ...; empty: chosen
	AllowCBC                *bool     `json:"allow_cbc,omitempty"`               // legacy
	RequireSignedRequests   *bool     `json:"require_signed_requests,omitempty"`
	AllowSHA1               *bool     `json:"allow_sha1,omitempty"`
	AllowMissingDestination *bool     `json:"allow_missing_destination,omitempty"`
	ConfirmUnsignedLogout   *bool     `json:"confirm_unsigned_logout,omitempty"` // accept them, and ask the person
	SLO                     *[]string `json:"slo_urls,omitempty"`                // redirect=URL, post=URL, soap=URL; replace those of the metadata
	LegacySHA1Output        *bool     `json:"legacy_sha1_output,omitempty"`
	QualifyNameID           *bool     `json:"qualify_name_id,omitempty"`
	Release                 *string   `json:"release,omitempty"` // permitted, requested, required
	Consent                 *string   `json:"consent,omitempty"` // off, once, always

	// ConfirmedEntityAttributes are those that the administrator vouches for.
	ConfirmedEntityAttributes *[]idp.EntityAttribute `json:"confirmed_entity_attributes,omitempty"`

	DefaultACR *string            `json:"default_acr,omitempty"`
	ACRMap     *map[string]string `json:"acr_map,omitempty"`

	// AllowUnknownAttributes accepts mapping lines whose source attribute no
	// user has yet.
	AllowUnknownAttributes bool `json:"allow_unknown_attributes,omitempty"`
}

// Options are what only some presets ask for.
type Options struct {
	Domains      map[string]string `json:"domains,omitempty"`       // office365: domain -> issuer ("": derived)
	China        bool              `json:"china,omitempty"`         // office365: operated by 21Vianet
	MyDomain     string            `json:"my_domain,omitempty"`     // salesforce: example.my.salesforce.com
	ConnectionID string            `json:"connection_id,omitempty"` // atlassian: end of its SP entity URL
	Draft        bool              `json:"draft,omitempty"`         // atlassian: save before that is known
}

// NewServiceProvider is the body of POST /v1/admin/service-providers.
type NewServiceProvider struct {
	Settings

	Metadata          Document `json:"metadata,omitzero"`
	MetadataURL       string   `json:"metadata_url,omitempty"`       // fetched and kept up to date; with Metadata: for the record
	MDQURL            string   `json:"mdq_url,omitempty"`            // base of a metadata query server that is asked for EntityID
	TrustMetadataURL  bool     `json:"trust_metadata_url,omitempty"` // let changes be applied that only https vouches for
	PinnedCertificate string   `json:"pinned_certificate,omitempty"` // PEM: Metadata must be signed with its key
	Force             bool     `json:"force,omitempty"`              // take expired metadata
	EntityID          string   `json:"entity_id,omitempty"`          // which one of an aggregate, or by hand
	ACSURL            string   `json:"acs_url,omitempty"`            // by hand, without metadata
	Protocol          string   `json:"protocol,omitempty"`           // saml (also when empty), ws-federation; never changes
	Preset            string   `json:"preset,omitempty"`             // generic, office365, salesforce, atlassian
	Options           Options  `json:"options,omitzero"`
	DryRun            bool     `json:"dry_run,omitempty"` // judge and show, store nothing; answered with 200
}

// ServiceProviderPatch is the body of PATCH /v1/admin/service-providers/{slug}.
type ServiceProviderPatch struct {
	Settings

	// Options complete a draft.
	Options *Options `json:"options,omitempty"`
}

// ServiceProviderAnswer answers GET, POST and PATCH of one service provider.
type ServiceProviderAnswer struct {
	ServiceProvider ServiceProvider `json:"service_provider"`
	Notes           []string        `json:"notes"`        // what the administrator should know
	Instructions    []Field         `json:"instructions"` // what to enter on the other side
	Release         []ReleasePlan   `json:"release"`      // what is released, for each of its AttributeConsumingServices
	Metadata        *MetadataStatus `json:"metadata,omitempty"`
}

// Field is a value that the other side asks for.
type Field struct {
	Where string `json:"where"` // the screen or command
	Name  string `json:"name"`  // as it is written there
	Value string `json:"value"` // ready to paste
}
