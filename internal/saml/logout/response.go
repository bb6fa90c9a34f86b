package logout

import (
	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// Response is what a LogoutResponse claims.
type Response struct {
	message.Head
	InResponseTo string
	Status       string // the top status code
	Second       string // the nested one, or empty

	root *etree.Element
}

// ParseResponse reads the LogoutResponse that a browser brought.
func ParseResponse(in *binding.Inbound) (*Response, error) {
	root, err := message.Parse(in, true)
	if err != nil {
		return nil, err
	}
	return readResponse(root)
}

// ReadResponse reads a LogoutResponse that came in a SOAP Body.
func ReadResponse(root *etree.Element) (*Response, error) {
	if err := message.CheckSignatures(root, idp.BindingSOAP); err != nil {
		return nil, err
	}
	return readResponse(root)
}

func readResponse(root *etree.Element) (*Response, error) {
	if !xmlsafe.Is(root, message.ProtocolNS, "LogoutResponse") {
		return nil, message.Schema("root is not samlp:LogoutResponse")
	}
	head, a, err := message.ReadHead(root, "InResponseTo")
	if err != nil {
		return nil, err
	}
	r := &Response{Head: head, InResponseTo: a.Values["InResponseTo"], root: root}
	parts, err := message.Children(root, message.Name{Space: message.AssertionNS, Local: "Issuer"},
		message.Name{Space: message.ProtocolNS, Local: "Extensions"}, message.Name{Space: message.ProtocolNS, Local: "Status"})
	if err != nil {
		return nil, err
	}
	if r.Issuer, err = message.ReadIssuer(parts[0]); err != nil {
		return nil, err
	}
	if parts[2] == nil {
		return nil, message.Schema("no Status")
	}
	r.Status, r.Second, err = readStatus(parts[2])
	return r, err
}

func readStatus(status *etree.Element) (top, second string, err error) {
	code := status.SelectElement("StatusCode")
	if code == nil || code.NamespaceURI() != message.ProtocolNS {
		return "", "", message.Schema("no StatusCode")
	}
	top, _ = xmlsafe.Attr(code, "Value")
	if nested := code.SelectElement("StatusCode"); nested != nil {
		second, _ = xmlsafe.Attr(nested, "Value")
	}
	if top == "" {
		return "", "", message.Schema("StatusCode without Value")
	}
	return top, second, nil
}

// JudgeResponse decides whether a LogoutResponse comes from sp. Whether it
// answers something is for the caller. One that came as the answer to a SOAP
// call of ours needs no signature, as TLS has told who answers (SAML Profiles
// 4.4.4.2), and no Destination. Errors are refusals.
func JudgeResponse(r *Response, in *binding.Inbound, sp *idp.ServiceProvider, env Env) (*Response, error) {
	root, signed, err := env.verify(r.root, r.Head, in, sp)
	if err != nil {
		return nil, err
	}
	if !signed && in.Binding != idp.BindingSOAP {
		return nil, idp.Refuse(idp.SLOUnsigned, "LogoutResponse is not signed")
	}
	if root != r.root {
		if r, err = readResponse(root); err != nil {
			return nil, err
		}
		if r.Issuer != sp.EntityID {
			return nil, idp.Refuse(idp.SigReference, "signed Issuer differs")
		}
	}
	return r, nil
}

// Done reports whether the sender has ended the session completely.
func (r *Response) Done() bool {
	return r.Status == saml.StatusSuccess && r.Second != saml.StatusPartialLogout
}
