package binding

import (
	"bytes"
	"mime"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// POST decodes the form of the HTTP-POST binding (SAML Bindings 3.5.4). The
// SimpleSign binding, which adds SigAlg and Signature, is not offered.
func POST(contentType string, body []byte) (*Inbound, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, idp.Refuse(idp.BindingParams, "POST of another type than a form")
	}
	p, err := split(string(body))
	if err != nil {
		return nil, err
	}
	if p.Has("SigAlg") || p.Has("Signature") {
		return nil, idp.Refuse(idp.BindingParams, "SimpleSign is not offered")
	}
	if p.Has("SAMLEncoding") {
		return nil, idp.Refuse(idp.BindingEncoding, "SAMLEncoding in a POST")
	}
	in := &Inbound{Binding: idp.BindingPOST, Response: p.Has("SAMLResponse")}
	if err := in.relayState(p); err != nil {
		return nil, err
	}
	if in.XML, err = p.decode(true); err != nil {
		return nil, err
	}
	if !looksLikeXML(in.XML) {
		return nil, idp.Refuse(idp.BindingEncoding, "message is not XML; a POST is not deflated")
	}
	return in, nil
}

// looksLikeXML tells XML, in whatever encoding, from a DEFLATE stream.
func looksLikeXML(b []byte) bool {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff", "\x00<"} {
		if bytes.HasPrefix(b, []byte(mark)) {
			return true
		}
	}
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == '<'
}
