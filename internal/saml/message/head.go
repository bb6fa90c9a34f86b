package message

import (
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// Head is what every protocol message says about itself. Strings that are
// empty were absent.
type Head struct {
	ID           string // NCName of at most 1,024 characters
	IssueInstant time.Time
	Destination  string
	Issuer       string // entityID; see ReadIssuer
}

// Parse reads the XML of a request, or of a response, that a browser brought.
// Errors are refusals (LOCAL-400).
func Parse(in *binding.Inbound, response bool) (*etree.Element, error) {
	if in.Response != response {
		return nil, idp.Refuse(idp.BindingParams, "not the kind of message that is expected here")
	}
	root, err := xmlsafe.Parse(in.XML, xmlsafe.Message())
	if err != nil {
		return nil, err
	}
	if in.Binding == idp.BindingRedirect && dsig.HasSignature(root) {
		return nil, idp.Refuse(idp.BindingParams, "XML signature in a redirect")
	}
	return root, CheckSignatures(root, in.Binding)
}

// CheckSignatures refuses signatures where no protocol message has one.
func CheckSignatures(root *etree.Element, by string) error {
	switch {
	case !dsig.HasStraySignature(root):
		return nil
	case by == idp.BindingRedirect:
		return idp.Refuse(idp.BindingParams, "XML signature in a redirect")
	}
	return idp.Refuse(idp.SigShape, "Signature that is not a child of the root")
}

// ReadHead reads the attributes that all messages have, and those named more,
// which the caller takes from the Attrs.
func ReadHead(root *etree.Element, more ...string) (h Head, a *Attrs, err error) {
	a, err = Attributes(root, append(more, "ID", "Version", "IssueInstant", "Destination", "Consent")...)
	if err != nil {
		return h, nil, err
	}
	if version := a.Required("Version"); a.Err == nil && version != "2.0" {
		return h, nil, idp.Refuse(idp.SAMLVersion, "Version is not 2.0")
	}
	h.ID = a.ID("ID")
	h.IssueInstant = a.Instant("IssueInstant")
	h.Destination = a.URI("Destination")
	return h, a, a.Err
}

// ReadIssuer demands an entity identifier (SAML Core 8.3.6). e is nil where
// there is no Issuer.
func ReadIssuer(e *etree.Element) (string, error) {
	if e == nil {
		return "", Schema("no Issuer")
	}
	a, err := Attributes(e, "Format") // no qualifiers
	if err != nil {
		return "", err
	}
	if format, ok := a.Values["Format"]; ok && format != FormatEntity {
		return "", Schema("Issuer is not an entity identifier")
	}
	issuer, err := Text(e)
	if err == nil && len(issuer) > 1024 {
		err = Schema("Issuer longer than 1,024 characters")
	}
	return issuer, err
}

// NameID is an identifier of a person, as a message names it (SAML Core 2.2.3).
type NameID struct {
	Value           string
	Format          string
	NameQualifier   string
	SPNameQualifier string
}

// ReadNameID reads a saml:NameID.
func ReadNameID(e *etree.Element) (n NameID, err error) {
	a, err := Attributes(e, "Format", "NameQualifier", "SPNameQualifier", "SPProvidedID")
	if err != nil {
		return n, err
	}
	n = NameID{Format: a.Values["Format"], NameQualifier: a.Values["NameQualifier"], SPNameQualifier: a.Values["SPNameQualifier"]}
	n.Value, err = Text(e)
	return n, err
}
