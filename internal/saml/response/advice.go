package response

import (
	"encoding/base64"
	"fmt"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
)

const (
	nsChannelBinding = "urn:oasis:names:tc:SAML:protocol:ext:channel-binding"
	nsSAMLEC         = "urn:ietf:params:xml:ns:samlec"
)

// sessionKey is the key that program and service provider are given in common
// (draft-ietf-kitten-sasl-saml-ec 5.3.1): nil unless the assertion is encrypted,
// or everybody on its way could read it.
func (in *Issue) sessionKey() ([]byte, error) {
	if in.SessionKey == nil {
		return nil, nil
	}
	to, err := xmlenc.For(in.SP)
	if err != nil {
		return nil, fmt.Errorf("encrypt assertion for %s: %w", in.SP.EntityID, err)
	}
	if to == nil {
		return nil, nil
	}
	return in.SessionKey, nil
}

// advice tells the service provider what the program was told in the envelope.
func advice(assertion *etree.Element, bindings []idp.ChannelBinding, key []byte) {
	if len(bindings) == 0 && key == nil {
		return
	}
	el := assertion.CreateElement("saml:Advice")
	for _, b := range bindings {
		el.AddChild(ChannelBinding(b))
	}
	if key != nil {
		el.AddChild(GeneratedKey(key))
	}
}

// ChannelBinding writes a cb:ChannelBindings (SAML Channel Binding Extensions
// 2.1).
func ChannelBinding(b idp.ChannelBinding) *etree.Element {
	e := etree.NewElement("cb:ChannelBindings")
	e.CreateAttr("xmlns:cb", nsChannelBinding)
	e.CreateAttr("Type", b.Type)
	e.SetText(b.Value)
	return e
}

// GeneratedKey writes a samlec:GeneratedKey.
func GeneratedKey(key []byte) *etree.Element {
	e := etree.NewElement("samlec:GeneratedKey")
	e.CreateAttr("xmlns:samlec", nsSAMLEC)
	e.SetText(base64.StdEncoding.EncodeToString(key))
	return e
}
