package samltest

import (
	"net/url"
	"strings"
	"time"
)

// SLO is the public URL of the logout endpoint in tests.
const SLO = "https://idp.test/saml/slo"

// LogoutRequest is a LogoutRequest. Empty fields are left out; Attributes is raw
// XML of the root, Children is raw XML after Issuer.
type LogoutRequest struct {
	ID, Version, IssueInstant, NotOnOrAfter, Destination, Issuer string
	NameID, Format, NameIDAttributes                             string
	SessionIndexes                                               []string
	Attributes, Children                                         string
}

// Logout makes a fresh request of sp about a person.
func (sp *SP) Logout(now time.Time, nameID string, indexes ...string) LogoutRequest {
	return LogoutRequest{
		ID: "_" + sp.Slug + "-logout-1", Version: "2.0", IssueInstant: now.UTC().Format(time.RFC3339),
		Destination: SLO, Issuer: sp.EntityID, NameID: nameID, SessionIndexes: indexes,
	}
}

// XML writes the request.
func (r LogoutRequest) XML() string {
	var b strings.Builder
	b.WriteString(`<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`)
	for _, a := range [][2]string{
		{"ID", r.ID}, {"Version", r.Version}, {"IssueInstant", r.IssueInstant}, {"NotOnOrAfter", r.NotOnOrAfter}, {"Destination", r.Destination},
	} {
		if a[1] != "" {
			b.WriteString(" " + a[0] + `="` + escape(a[1]) + `"`)
		}
	}
	b.WriteString(" " + r.Attributes + ">")
	if r.Issuer != "" {
		b.WriteString("<saml:Issuer>" + escape(r.Issuer) + "</saml:Issuer>")
	}
	b.WriteString(r.Children)
	if r.NameID != "" {
		b.WriteString("<saml:NameID")
		if r.Format != "" {
			b.WriteString(` Format="` + escape(r.Format) + `"`)
		}
		b.WriteString(" " + r.NameIDAttributes + ">" + escape(r.NameID) + "</saml:NameID>")
	}
	for _, index := range r.SessionIndexes {
		b.WriteString("<samlp:SessionIndex>" + escape(index) + "</samlp:SessionIndex>")
	}
	b.WriteString("</samlp:LogoutRequest>")
	return b.String()
}

// LogoutResponse is a LogoutResponse. Empty fields are left out.
type LogoutResponse struct {
	ID, IssueInstant, Destination, Issuer, InResponseTo string
	Status, Second                                      string // names, like Success
}

// LoggedOut makes sp's answer to a LogoutRequest of ours.
func (sp *SP) LoggedOut(now time.Time, inResponseTo string) LogoutResponse {
	return LogoutResponse{
		ID: "_" + sp.Slug + "-response-1", IssueInstant: now.UTC().Format(time.RFC3339), Destination: SLO,
		Issuer: sp.EntityID, InResponseTo: inResponseTo, Status: "Success",
	}
}

// XML writes the response.
func (r LogoutResponse) XML() string {
	const status = "urn:oasis:names:tc:SAML:2.0:status:"
	var b strings.Builder
	b.WriteString(`<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Version="2.0"`)
	for _, a := range [][2]string{
		{"ID", r.ID}, {"IssueInstant", r.IssueInstant}, {"Destination", r.Destination}, {"InResponseTo", r.InResponseTo},
	} {
		if a[1] != "" {
			b.WriteString(" " + a[0] + `="` + escape(a[1]) + `"`)
		}
	}
	b.WriteString(">")
	if r.Issuer != "" {
		b.WriteString("<saml:Issuer>" + escape(r.Issuer) + "</saml:Issuer>")
	}
	second := ""
	if r.Second != "" {
		second = `<samlp:StatusCode Value="` + status + escape(r.Second) + `"/>`
	}
	b.WriteString(`<samlp:Status><samlp:StatusCode Value="` + status + escape(r.Status) + `">` + second + `</samlp:StatusCode></samlp:Status></samlp:LogoutResponse>`)
	return b.String()
}

// Soap wraps a message into a SOAP envelope.
func Soap(message string) string {
	return `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>` + message + `</S:Body></S:Envelope>`
}

// ResponseQuery is RedirectQuery for a response.
func ResponseQuery(message string, relayState *string) string {
	return strings.Replace(RedirectQuery(message, relayState), "SAMLRequest", "SAMLResponse", 1)
}

// ResponseBody is POSTBody for a response.
func ResponseBody(message string) []byte {
	return []byte("SAMLResponse=" + url.QueryEscape(encode64(message)))
}
