package sso

import (
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// Protocol makes what an application is sent, in one protocol. How people are
// signed in does not depend on it.
type Protocol struct {
	// Assert makes the signed answer that signs a person in.
	Assert func(response.Issue, response.Signing) (*response.Issued, error)
	// Fail makes the signed answer that signs nobody in. Nil: the protocol has
	// none, and only the person is told.
	Fail func(*saml.StatusError, response.Failure, response.Signing) (*response.Issued, error)
	// Fields are the form that carries an answer.
	Fields func(xml []byte, relayState string, hasRelayState bool) []pages.Field
}

var saml2 = Protocol{
	Assert: response.Assert,
	Fail:   response.Fail,
	Fields: func(xml []byte, relayState string, hasRelayState bool) []pages.Field {
		return pages.Message("SAMLResponse", response.Encode(xml), relayState, hasRelayState)
	},
}

// protocol is that of a login.
func (h *Handlers) protocol(name string) (Protocol, error) {
	if name == idp.ProtocolSAML {
		return saml2, nil
	}
	p, ok := h.Protocols[name]
	if !ok {
		return p, idp.E(idp.AppDisabled, "this release does not speak %s", name)
	}
	return p, nil
}
