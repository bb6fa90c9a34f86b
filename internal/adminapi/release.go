package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// ReleasePlan says what a service provider is given, whoever signs in, and why.
type ReleasePlan struct {
	Service *int          `json:"service,omitempty"` // index of its AttributeConsumingService; absent: it has none
	Default bool          `json:"default"`           // it counts where a request names none
	Lines   []ReleaseLine `json:"lines"`
	Missing []string      `json:"missing"` // names of attributes that metadata requires, and nothing gives
	Ignored []IgnoredRule `json:"ignored"` // rules that would apply if somebody vouched for what metadata says
}

// ReleaseLine is a mapping line that is permitted.
type ReleaseLine struct {
	Line     string `json:"line"`
	Released bool   `json:"released"` // false: metadata does not ask for it
	Rule     string `json:"rule"`     // id of the release rule; empty: its own mapping
	Asked    string `json:"asked"`    // how metadata asks for it: "", optional, required
}

// IgnoredRule is a rule about an entity attribute that nobody vouches for.
type IgnoredRule struct {
	Rule string              `json:"rule"`
	Whom idp.EntityAttribute `json:"entity_attribute"`
}

// NewReleaseRule is the body of POST /v1/admin/release-rules. It replaces the
// rule about the same entity attribute. Without one it is a rule for everybody.
type NewReleaseRule struct {
	Whom       idp.EntityAttribute `json:"entity_attribute,omitzero"`
	Only       string              `json:"only,omitempty"` // permitted, requested, required
	Attributes []string            `json:"attributes"`     // mapping lines

	AllowUnknownAttributes bool `json:"allow_unknown_attributes,omitempty"`
}

// ReleaseRuleAnswer answers POST /v1/admin/release-rules.
type ReleaseRuleAnswer struct {
	Rule  idp.ReleaseRule `json:"rule"`
	Notes []string        `json:"notes"`
}
