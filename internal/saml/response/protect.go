package response

import (
	"fmt"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
)

// protect signs what is to be signed and encrypts what is to be encrypted, from
// the inside to the outside (SAML Core 6.1): the assertion is signed, then
// encrypted; the signature of the Response covers the encrypted form. There is
// no way from here to an assertion in plain where sp wants another: whatever
// goes wrong with encryption is an error.
func protect(sp *idp.ServiceProvider, root, assertion *etree.Element, s Signing) error {
	inner, outer, err := signed(sp.Sign)
	if err != nil {
		return err
	}
	to, err := xmlenc.For(sp)
	if err != nil {
		return fmt.Errorf("encrypt assertion for %s: %w", sp.EntityID, err)
	}
	if inner {
		if err := sign(assertion, s, sp.LegacySHA1Output); err != nil {
			return fmt.Errorf("sign assertion: %w", err)
		}
	}
	if to != nil {
		if err := encrypt(root, assertion, to); err != nil {
			return fmt.Errorf("encrypt assertion for %s: %w", sp.EntityID, err)
		}
	}
	if outer {
		if err := sign(root, s, sp.LegacySHA1Output); err != nil {
			return fmt.Errorf("sign response: %w", err)
		}
	}
	return nil
}

func signed(mode string) (assertion, response bool, err error) {
	switch mode {
	case idp.SignAssertion, "":
		return true, false, nil
	case idp.SignResponse:
		return false, true, nil
	case idp.SignBoth:
		return true, true, nil
	}
	return false, false, fmt.Errorf("unknown signing mode %q", mode)
}

func sign(el *etree.Element, s Signing, sha1 bool) error {
	return dsig.Sign(el, s.Signer, s.Certificate, sha1, dsig.AfterIssuer)
}

// encrypt puts an EncryptedAssertion in the assertion's place (SAML Core 2.3.4).
// The assertion declares its namespaces itself, so its form, and with it its
// signature, does not depend on where it is decrypted.
func encrypt(root, assertion *etree.Element, to *xmlenc.Recipient) error {
	data, err := xmlenc.Encrypt(assertion, to.Certificate, to.Options)
	if err != nil {
		return err
	}
	root.RemoveChild(assertion)
	child(root, "saml:EncryptedAssertion", "xmlns:saml", nsAssertion).AddChild(data)
	return nil
}
