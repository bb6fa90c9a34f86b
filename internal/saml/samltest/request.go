package samltest

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"strings"
	"time"
)

// SSO is the public URL of the sign-in endpoint in tests.
const SSO = "https://idp.test/saml/sso"

// Request is an AuthnRequest. Empty fields are left out; Attributes and
// Children are raw XML, added to the root's attributes and after Issuer.
type Request struct {
	ID, Version, IssueInstant, Destination, Issuer, ACS string
	Attributes, Children                                string
}

// Request makes a minimal fresh request of sp.
func (sp *SP) Request(now time.Time) Request {
	return Request{
		ID:           "_" + sp.Slug + "-1",
		Version:      "2.0",
		IssueInstant: now.UTC().Format(time.RFC3339),
		Destination:  SSO,
		Issuer:       sp.EntityID,
		ACS:          sp.ACS[0].Location,
	}
}

// XML writes the request.
func (r Request) XML() string {
	var b strings.Builder
	b.WriteString(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`)
	for _, a := range [][2]string{
		{"ID", r.ID}, {"Version", r.Version}, {"IssueInstant", r.IssueInstant},
		{"Destination", r.Destination}, {"AssertionConsumerServiceURL", r.ACS},
	} {
		if a[1] != "" {
			b.WriteString(" " + a[0] + `="` + escape(a[1]) + `"`)
		}
	}
	if r.Attributes != "" {
		b.WriteString(" " + r.Attributes)
	}
	b.WriteString(">")
	if r.Issuer != "" {
		b.WriteString("<saml:Issuer>" + escape(r.Issuer) + "</saml:Issuer>")
	}
	b.WriteString(r.Children + "</samlp:AuthnRequest>")
	return b.String()
}

// Deflate compresses as the HTTP-Redirect binding does.
func Deflate(data []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is valid
	_, _ = w.Write(data)                               // a Buffer takes all
	_ = w.Close()
	return b.Bytes()
}

// RedirectQuery encodes a message, and the RelayState if it is not nil, for
// the HTTP-Redirect binding.
func RedirectQuery(message string, relayState *string) string {
	q := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(Deflate([]byte(message))))
	if relayState != nil {
		q += "&RelayState=" + url.QueryEscape(*relayState)
	}
	return q
}

// POSTBody encodes a message, and the RelayState if it is not nil, for the
// HTTP-POST binding.
func POSTBody(message string, relayState *string) []byte {
	b := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(message)))
	if relayState != nil {
		b += "&RelayState=" + url.QueryEscape(*relayState)
	}
	return []byte(b)
}

// FormType is the content type of POSTBody.
const FormType = "application/x-www-form-urlencoded"

func encode64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}
