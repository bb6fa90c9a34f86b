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

// Parameters are the raw values of the parameters of a query or form that mean
// something to a protocol.
type Parameters map[string]string

// Split finds the known parameters of a query or form and keeps their values
// as received. Others are ignored. One that is there twice, or whose name is
// encoded, is refused: two programs could read two different requests.
func Split(form string, known []string) (Parameters, error) {
	if len(form) > maxForm {
		return nil, idp.Refuse(idp.XMLSize, "parameters of %d bytes, limit %d", len(form), maxForm)
	}
	found := make(Parameters, len(known))
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
	return found, nil
}

// split finds the parameters of SAML.
func split(form string) (Parameters, error) {
	found, err := Split(form, []string{"SAMLRequest", "SAMLResponse", "RelayState", "SAMLEncoding", "SigAlg", "Signature"})
	if err != nil {
		return nil, err
	}
	if found.Has("SAMLResponse") == found.Has("SAMLRequest") {
		return nil, idp.Refuse(idp.BindingParams, "not exactly one of SAMLRequest and SAMLResponse")
	}
	return found, nil
}

// Has reports whether a parameter is there, empty or not.
func (p Parameters) Has(name string) bool { _, ok := p[name]; return ok }

// message is the name of the parameter that holds the message.
func (p Parameters) message() string {
	if p.Has("SAMLResponse") {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

// Value undoes the percent-encoding. It is empty for what is not there.
func (p Parameters) Value(name string) (string, error) {
	v, err := url.QueryUnescape(p[name])
	if err != nil {
		return "", idp.Refuse(idp.BindingParams, "%s is not percent-encoded", name)
	}
	return v, nil
}

// Echo is the value of a parameter that is sent back unchanged with the answer:
// RelayState, wctx. It refuses one that is too long, and what an HTML form
// cannot send back unchanged: browsers replace NUL and bytes that are not UTF-8
// and turn every line break into CR LF.
func (p Parameters) Echo(name string) (value string, has bool, err error) {
	if !p.Has(name) {
		return "", false, nil
	}
	v, err := p.Value(name)
	if err != nil {
		return "", false, err
	}
	if len(v) > maxRelayState {
		return "", false, idp.Refuse(idp.RelayStateSize, "%s of %d bytes, limit %d", name, len(v), maxRelayState)
	}
	if !utf8.ValidString(v) || strings.ContainsAny(v, "\x00\r\n") {
		return "", false, idp.Refuse(idp.BindingParams, "%s that cannot be echoed unchanged", name)
	}
	return v, true, nil
}

func (in *Inbound) relayState(p Parameters) (err error) {
	in.RelayState, in.HasRelayState, err = p.Echo("RelayState")
	return err
}

// decode decodes the base64 of the message strictly: the standard alphabet,
// padded, with zero spare bits, and no line breaks unless allowed.
func (p Parameters) decode(lineBreaks bool) ([]byte, error) {
	v, err := p.Value(p.message())
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
