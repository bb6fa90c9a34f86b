package metadata

import (
	"crypto"
	"crypto/x509"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// Published is what the metadata of an identity provider says to others.
type Published struct {
	EntityID   string
	ValidUntil time.Time           // zero: it does not say
	Signing    []*x509.Certificate // of its keys that sign

	root *etree.Element
}

// ReadIdP reads the metadata of one identity provider, such as IdP.Sign writes it.
// The signature is not verified: see VerifiedBy. Its errors are *Error.
func ReadIdP(data []byte) (*Published, error) {
	root, err := parse(data, xmlsafe.Metadata())
	if err != nil {
		return nil, err
	}
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	role := child(root, nsMD, "IDPSSODescriptor")
	if role == nil {
		return nil, refuse("the file has no IDPSSODescriptor below its EntityDescriptor")
	}
	p := &Published{EntityID: attr(root, "entityID"), root: root}
	if s := attr(root, "validUntil"); s != "" {
		if p.ValidUntil, err = time.Parse(time.RFC3339, s); err != nil {
			return nil, refuse("validUntil is no time: %s", clip(s))
		}
	}
	for _, key := range children(role, nsMD, "KeyDescriptor") {
		if attr(key, "use") == "encryption" {
			continue
		}
		for _, x := range children(child(key, nsDS, "KeyInfo"), nsDS, "X509Data") {
			el := child(x, nsDS, "X509Certificate")
			if el == nil {
				continue
			}
			cert, err := parseCertificate(text(el))
			if err != nil {
				return nil, refuse("a signing certificate cannot be read: %v", err)
			}
			p.Signing = append(p.Signing, cert)
		}
	}
	if len(p.Signing) == 0 {
		return nil, refuse("the IDPSSODescriptor names no signing certificate")
	}
	return p, nil
}

// VerifiedBy checks that this key has signed the metadata.
func (p *Published) VerifiedBy(key crypto.PublicKey) error {
	_, err := dsig.Verify(p.root, []*x509.Certificate{{PublicKey: key}}, dsig.Policy{})
	return err //nolint:wrapcheck // says all there is to say
}
