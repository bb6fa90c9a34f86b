package metadata

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
)

// ContentType is the media type of metadata (SAML Metadata, appendix A).
const ContentType = "application/samlmetadata+xml"

// CacheFor is what our metadata asks service providers to do: to look again
// after that time.
const CacheFor = 24 * time.Hour

// IdP is what our own metadata says.
type IdP struct {
	ID       string // of the document: an NCName, new for each one
	EntityID string // our issuer
	SSOURL   string // SingleSignOnService, by Redirect and POST
	ECPURL   string // SingleSignOnService, by SOAP (SAML Profiles 4.2); empty: none

	// SingleLogoutService by Redirect and POST, and by SOAP; empty: none.
	// Responses go to the same place.
	SLOURL, SLOSOAPURL string

	// Certificates are all signing keys that a service provider should know:
	// the current one, and those that are announced or not yet retired.
	Certificates []*x509.Certificate
	// Encryption is the key to encrypt identifiers for us with; nil: none.
	Encryption *x509.Certificate
	// RefusedAlgorithms are not listed among those that we verify.
	RefusedAlgorithms []string

	ValidUntil    time.Time     // whole seconds, UTC
	CacheDuration time.Duration // whole seconds; 0: not said
	NameIDFormats []string      // full URIs

	WantAuthnRequestsSigned bool

	// For people who choose among identity providers (MDUI). Each may be
	// empty; the addresses are https.
	DisplayName, LogoURL, InformationURL, PrivacyURL string
}

// Sign writes the metadata as one EntityDescriptor with an enveloped signature
// (RSA-SHA256, exclusive canonical XML) and an XML declaration, valid against
// saml-schema-metadata-2.0.xsd. It asks signer exactly once; cert is the
// certificate of signer's key and goes into the signature's KeyInfo.
func (m IdP) Sign(signer crypto.Signer, cert *x509.Certificate) ([]byte, error) {
	return m.SignRole(m.addRole, signer, cert)
}

// SignRole is Sign with the role of another protocol, which add puts into the
// EntityDescriptor. SSOURL is then the endpoint of that protocol.
func (m IdP) SignRole(add func(root *etree.Element), signer crypto.Signer, cert *x509.Certificate) ([]byte, error) {
	root, err := m.build()
	if err != nil {
		return nil, err
	}
	add(root)
	if err := dsig.Sign(root, signer, cert, false, dsig.First); err != nil {
		return nil, fmt.Errorf("sign metadata: %w", err)
	}
	return append([]byte(xml.Header), dsig.Serialize(root)...), nil
}

func (m IdP) build() (*etree.Element, error) {
	switch {
	case m.ID == "" || m.EntityID == "" || m.SSOURL == "":
		return nil, errors.New("metadata needs an ID, an entityID and an SSO URL")
	case len(m.Certificates) == 0:
		return nil, errors.New("metadata needs a signing certificate")
	case m.ValidUntil.IsZero():
		return nil, errors.New("metadata needs a validUntil")
	}
	root := etree.NewElement("md:EntityDescriptor")
	root.CreateAttr("xmlns:md", nsMD)
	root.CreateAttr("ID", m.ID)
	root.CreateAttr("entityID", m.EntityID)
	root.CreateAttr("validUntil", m.ValidUntil.UTC().Format(time.RFC3339))
	if s := int64(m.CacheDuration / time.Second); s > 0 {
		root.CreateAttr("cacheDuration", fmt.Sprintf("PT%dS", s))
	}
	return root, nil
}

// addRole writes the elements in the order of the schema (SAML Metadata 2.4).
func (m IdP) addRole(root *etree.Element) {
	role := root.CreateElement("md:IDPSSODescriptor")
	role.CreateAttr("WantAuthnRequestsSigned", strconv.FormatBool(m.WantAuthnRequestsSigned))
	role.CreateAttr("protocolSupportEnumeration", nsSAMLP)
	extensions := role.CreateElement("md:Extensions")
	m.addAlgorithms(extensions)
	m.addUI(extensions)
	if len(extensions.Child) == 0 { // the schema has no empty Extensions
		role.RemoveChild(extensions)
	}
	m.AddKeys(role)
	if m.Encryption != nil {
		addEncryptionMethods(addKey(role, "encryption", m.Encryption))
	}
	addEndpoints(role, "md:SingleLogoutService", m.SLOURL, idp.BindingRedirect, idp.BindingPOST)
	addEndpoints(role, "md:SingleLogoutService", m.SLOSOAPURL, idp.BindingSOAP)
	for _, f := range m.NameIDFormats {
		role.CreateElement("md:NameIDFormat").SetText(f)
	}
	addEndpoints(role, "md:SingleSignOnService", m.SSOURL, idp.BindingRedirect, idp.BindingPOST)
	addEndpoints(role, "md:SingleSignOnService", m.ECPURL, idp.BindingSOAP)
}

// AddKeys writes the signing keys into a role.
func (m IdP) AddKeys(role *etree.Element) {
	for _, cert := range m.Certificates {
		addKey(role, "signing", cert)
	}
}

func addKey(role *etree.Element, use string, cert *x509.Certificate) *etree.Element {
	key := role.CreateElement("md:KeyDescriptor")
	key.CreateAttr("use", use)
	info := key.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", nsDS)
	info.CreateElement("ds:X509Data").
		CreateElement("ds:X509Certificate").
		SetText(base64.StdEncoding.EncodeToString(cert.Raw))
	return key
}

func addEndpoints(role *etree.Element, tag, url string, bindings ...string) {
	if url == "" {
		return
	}
	for _, binding := range bindings {
		el := role.CreateElement(tag)
		el.CreateAttr("Binding", binding)
		el.CreateAttr("Location", url)
	}
}
