package binding

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Limits of security-requirements.md 4, in bytes.
const (
	maxParameter  = 32 << 10 // the message, base64
	maxXML        = 64 << 10
	maxRelayState = 1024
	maxForm       = 128 << 10 // query or body as a whole
)

// deflate is the one SAMLEncoding of the HTTP-Redirect binding.
const deflate = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"

// Inbound is a message as a browser brought it, decoded. Nothing is verified.
type Inbound struct {
	Binding       string // idp.BindingRedirect, idp.BindingPOST or idp.BindingSOAP
	Response      bool   // it came as SAMLResponse, not as SAMLRequest
	XML           []byte // at most 64 KiB
	RelayState    string // at most 1,024 bytes, valid UTF-8; to be echoed unchanged
	HasRelayState bool   // an empty RelayState is not an absent one

	// Of the HTTP-Redirect binding; all empty when the query is not signed.
	Signed    []byte // the octets that the signature covers
	SigAlg    string // URI
	Signature []byte
}

// parameters are the raw values of the SAML parameters of a query or form.
type parameters map[string]string

// known are the parameters that mean something to us. Others are ignored.
var known = []string{"SAMLRequest", "SAMLResponse", "RelayState", "SAMLEncoding", "SigAlg", "Signature"}

// split finds the SAML parameters and keeps their values as received.
func split(form string) (parameters, error) {
	if len(form) > maxForm {
		return nil, idp.Refuse(idp.XMLSize, "parameters of %d bytes, limit %d", len(form), maxForm)
	}
	found := make(parameters, len(known))
	for pair := range strings.SplitSeq(form, "&") {
		rawName, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, idp.Refuse(idp.BindingParams, "parameter name is not percent-encoded")
		}
		if !slices.Contains(known, name) {
			continue
		}
		if _, twice := found[name]; twice || name != rawName {
			return nil, idp.Refuse(idp.BindingParams, "%s twice or with an encoded name", name)
		}
		found[name] = value
	}
	if found.has("SAMLResponse") == found.has("SAMLRequest") {
		return nil, idp.Refuse(idp.BindingParams, "not exactly one of SAMLRequest and SAMLResponse")
	}
	return found, nil
}

func (p parameters) has(name string) bool { _, ok := p[name]; return ok }

// message is the name of the parameter that holds the message.
func (p parameters) message() string {
	if p.has("SAMLResponse") {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

// value undoes the percent-encoding.
func (p parameters) value(name string) (string, error) {
	v, err := url.QueryUnescape(p[name])
	if err != nil {
		return "", idp.Refuse(idp.BindingParams, "%s is not percent-encoded", name)
	}
	return v, nil
}

// relayState sets RelayState. It refuses what an HTML form cannot send back
// unchanged: browsers replace NUL and bytes that are not UTF-8 and turn every
// line break into CR LF.
func (in *Inbound) relayState(p parameters) error {
	if !p.has("RelayState") {
		return nil
	}
	v, err := p.value("RelayState")
	if err != nil {
		return err
	}
	if len(v) > maxRelayState {
		return idp.Refuse(idp.RelayStateSize, "RelayState of %d bytes, limit %d", len(v), maxRelayState)
	}
	if !utf8.ValidString(v) || strings.ContainsAny(v, "\x00\r\n") {
		return idp.Refuse(idp.BindingParams, "RelayState that cannot be echoed unchanged")
	}
	in.RelayState, in.HasRelayState = v, true
	return nil
}

// decode decodes the base64 of the message strictly: the standard alphabet,
// padded, with zero spare bits, and no line breaks unless allowed.
func (p parameters) decode(lineBreaks bool) ([]byte, error) {
	v, err := p.value(p.message())
	if err != nil {
		return nil, err
	}
	if len(v) > maxParameter {
		return nil, idp.Refuse(idp.XMLSize, "%s of %d bytes, limit %d", p.message(), len(v), maxParameter)
	}
	return decode(v, lineBreaks)
}

func decode(v string, lineBreaks bool) ([]byte, error) {
	if !lineBreaks && strings.ContainsAny(v, "\r\n") { // which the decoder skips
		return nil, idp.Refuse(idp.BadBase64, "base64 with line breaks")
	}
	b, err := base64.StdEncoding.Strict().DecodeString(v)
	if err != nil || len(b) == 0 {
		return nil, idp.Refuse(idp.BadBase64, "not base64, or empty")
	}
	return b, nil
}
