package wsfed

import (
	"crypto"
	"crypto/x509"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

const (
	nsFederation     = "http://docs.oasis-open.org/wsfed/federation/200706"
	nsSchemaInstance = "http://www.w3.org/2001/XMLSchema-instance"
)

// SignMetadata writes our federation metadata (WS-Federation 1.2, section 3.1):
// a signed EntityDescriptor whose one role is a security token service. m.SSOURL
// is the endpoint that browsers are sent to.
func SignMetadata(m metadata.IdP, signer crypto.Signer, cert *x509.Certificate) ([]byte, error) {
	return m.SignRole(func(root *etree.Element) { addService(root, m) }, signer, cert)
}

// addService writes the elements in the order of the schema.
func addService(root *etree.Element, m metadata.IdP) {
	role := root.CreateElement("md:RoleDescriptor")
	for _, attr := range [][2]string{
		{"xmlns:xsi", nsSchemaInstance}, {"xmlns:fed", nsFederation},
		{"xsi:type", "fed:SecurityTokenServiceType"}, {"protocolSupportEnumeration", nsFederation},
	} {
		role.CreateAttr(attr[0], attr[1])
	}
	if m.DisplayName != "" {
		role.CreateAttr("ServiceDisplayName", m.DisplayName)
	}
	m.AddKeys(role)
	role.CreateElement("fed:TokenTypesOffered").
		CreateElement("fed:TokenType").CreateAttr("Uri", nsAssertion)
	// The schema wants the first, for programs; there is none but the browsers'.
	for _, tag := range []string{"fed:SecurityTokenServiceEndpoint", "fed:PassiveRequestorEndpoint"} {
		endpoint := role.CreateElement(tag).CreateElement("wsa:EndpointReference")
		endpoint.CreateAttr("xmlns:wsa", nsAddressing)
		endpoint.CreateElement("wsa:Address").SetText(m.SSOURL)
	}
}
