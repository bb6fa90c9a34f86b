package binding

import (
	"bytes"
	"compress/flate"
	"io"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Redirect decodes the query string of the HTTP-Redirect binding with DEFLATE
// encoding (SAML Bindings 3.4.4). rawQuery must be as the browser sent it.
func Redirect(rawQuery string) (*Inbound, error) {
	p, err := split(rawQuery)
	if err != nil {
		return nil, err
	}
	in := &Inbound{Binding: idp.BindingRedirect, Response: p.Has("SAMLResponse")}
	if p.Has("SAMLEncoding") {
		if v, err := p.Value("SAMLEncoding"); err != nil || v != deflate {
			return nil, idp.Refuse(idp.BindingEncoding, "SAMLEncoding other than DEFLATE")
		}
	}
	if err := in.relayState(p); err != nil {
		return nil, err
	}
	if err := in.querySignature(p); err != nil {
		return nil, err
	}
	compressed, err := p.decode(false)
	if err != nil {
		return nil, err
	}
	if in.XML, err = inflate(compressed); err != nil {
		return nil, err
	}
	return in, nil
}

// querySignature collects the signature and the octets that it covers:
// the message, RelayState if there is one, SigAlg, in this order, as received.
func (in *Inbound) querySignature(p Parameters) (err error) {
	if p.Has("SigAlg") != p.Has("Signature") {
		return idp.Refuse(idp.BindingParams, "only one of SigAlg and Signature")
	}
	if !p.Has("SigAlg") {
		return nil
	}
	if in.SigAlg, err = p.Value("SigAlg"); err != nil {
		return err
	}
	signature, err := p.Value("Signature")
	if err != nil {
		return err
	}
	if in.Signature, err = decode(signature, true); err != nil {
		return err
	}
	signed := p.message() + "=" + p[p.message()]
	if p.Has("RelayState") {
		signed += "&RelayState=" + p["RelayState"]
	}
	in.Signed = []byte(signed + "&SigAlg=" + p["SigAlg"])
	return nil
}

// inflate decompresses one raw DEFLATE stream (RFC 1951) that fills all of
// compressed.
func inflate(compressed []byte) ([]byte, error) {
	rest := bytes.NewReader(compressed)
	out, err := io.ReadAll(io.LimitReader(flate.NewReader(rest), maxXML+1))
	switch {
	case len(out) > maxXML:
		return nil, idp.Refuse(idp.DeflateLimit, "inflates to more than %d bytes", maxXML)
	case err != nil && compressed[0] == '<':
		return nil, idp.Refuse(idp.BindingEncoding, "message is not deflated")
	case err != nil:
		return nil, idp.Refuse(idp.DeflateFormat, "not a DEFLATE stream")
	case rest.Len() > 0:
		return nil, idp.Refuse(idp.DeflateFormat, "bytes after the DEFLATE stream")
	case len(out) == 0:
		return nil, idp.Refuse(idp.DeflateFormat, "empty message")
	}
	return out, nil
}
