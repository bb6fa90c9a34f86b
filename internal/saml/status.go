// Package saml holds what its sub-packages share: the SAML statuses that an
// identity provider answers with. The protocol itself lives in
//
//   - xmlsafe:  strict, bounded parsing of XML from outside
//   - dsig:     XML and query signatures, verified and made
//   - binding:  HTTP-Redirect and HTTP-POST, decoding
//   - soap:     SOAP 1.1 envelopes
//   - message:  what requests and responses of all kinds have in common
//   - request:  AuthnRequests, parsed and judged
//   - logout:   LogoutRequests and LogoutResponses, parsed, judged and made
//   - acr:      authentication context classes and levels
//   - mapping:  the attribute and NameID mapping language
//   - release:  which attributes a service provider is given, and why
//   - response: Responses and Assertions, built and signed
//   - metadata: ours, written; service providers', read
//   - soap:     SOAP 1.1 envelopes
//   - ecp:      what programs send and receive (Enhanced Client or Proxy)
//   - preset:   settings for well-known service providers
//
// Nothing outside internal/saml imports etree, goxmldsig or crewjam/saml
// (except the demo's service provider, which is one).
package saml

// Status codes (SAML Core 3.2.2.2).
const (
	StatusSuccess         = "urn:oasis:names:tc:SAML:2.0:status:Success"
	StatusRequester       = "urn:oasis:names:tc:SAML:2.0:status:Requester"
	StatusResponder       = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	StatusVersionMismatch = "urn:oasis:names:tc:SAML:2.0:status:VersionMismatch"

	StatusAuthnFailed         = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
	StatusInvalidNameIDPolicy = "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy"
	StatusNoAuthnContext      = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
	StatusNoAvailableIDP      = "urn:oasis:names:tc:SAML:2.0:status:NoAvailableIDP"
	StatusNoPassive           = "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
	StatusPartialLogout       = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
	StatusRequestDenied       = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
	StatusUnknownPrincipal    = "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"
	StatusUnsupportedBinding  = "urn:oasis:names:tc:SAML:2.0:status:UnsupportedBinding"
)

// StatusError is a judgement that the service provider is told: its request
// was authentic, so it gets a signed Response with this status and no
// assertion (saml-profile: "SAML-ERR").
type StatusError struct {
	Top     string // StatusRequester, StatusResponder or StatusVersionMismatch
	Second  string // nested status code, or empty
	Message string // plain words for StatusMessage; never holds input from outside
}

// Error names the status.
func (e *StatusError) Error() string {
	if e.Second == "" {
		return e.Top + ": " + e.Message
	}
	return e.Second + ": " + e.Message
}
