package response

import (
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
)

// Failure says where a failed status goes. The request was authentic and its
// ACS is registered; otherwise nothing may be sent (docs/saml-profile.md 3).
type Failure struct {
	Issuer       string // our entityID towards this service provider
	ACS          string
	InResponseTo string // empty: IdP-initiated
	ResponseID   string // an NCName
	Now          time.Time
	LegacySHA1   bool // of the service provider's LegacySHA1Output
}

// Fail makes a Response with a failed status: signed, without an assertion
// (SAML Core 3.2.2, Profiles 4.1.4.2).
func Fail(st *saml.StatusError, f Failure, s Signing) (*Issued, error) {
	if err := checkText(f.Issuer, f.ACS, f.ResponseID, st.Top); err != nil {
		return nil, fmt.Errorf("answer with a status: %w", err)
	}
	if illegal(f.InResponseTo) || illegal(st.Second) || illegal(st.Message) {
		return nil, fmt.Errorf("answer with a status: %w", errIllegal)
	}
	root := newResponse(f.ResponseID, f.ACS, f.InResponseTo, f.Issuer, f.Now)
	status := root.CreateElement("samlp:Status")
	code := child(status, "samlp:StatusCode", "Value", st.Top)
	if st.Second != "" {
		child(code, "samlp:StatusCode", "Value", st.Second)
	}
	if st.Message != "" {
		status.CreateElement("samlp:StatusMessage").SetText(st.Message)
	}
	if err := sign(root, s, f.LegacySHA1); err != nil {
		return nil, fmt.Errorf("answer with a status: %w", err)
	}
	return &Issued{XML: dsig.Serialize(root), ResponseID: f.ResponseID}, nil
}
