package request

import (
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

const (
	protocolNS  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertionNS = "urn:oasis:names:tc:SAML:2.0:assertion"
	dsigNS      = "http://www.w3.org/2000/09/xmldsig#"
	xsiNS       = "http://www.w3.org/2001/XMLSchema-instance"

	formatEntity    = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
	formatEncrypted = "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"
)

// AuthnRequest is what a message claims. Strings that are empty were absent.
type AuthnRequest struct {
	ID              string // NCName of at most 1,024 characters
	IssueInstant    time.Time
	Destination     string
	Issuer          string // entityID; always there
	ACSURL          string // AssertionConsumerServiceURL
	ACSIndex        *int   // AssertionConsumerServiceIndex; never together with ACSURL
	ProtocolBinding string
	ForceAuthn      bool
	IsPassive       bool

	// NameIDPolicy
	NameIDFormat    string
	SPNameQualifier string

	// RequestedAuthnContext
	ACR           []string // AuthnContextClassRef, in order
	ACRComparison string   // exact, minimum, better, maximum; exact also when it is absent
	ACRDecl       bool     // declarations were asked for, which we have none of

	// Subject
	Subject        *idp.LoginSubject
	SubjectUnknown bool // a subject that we cannot read: BaseID or EncryptedID

	// ChannelBindings are those of Extensions (SAML Channel Binding Extensions
	// 2.1.1): the channels that the service provider sees to a program.
	ChannelBindings []idp.ChannelBinding

	root *etree.Element
}

// Parse reads the AuthnRequest of a message. Errors are refusals (LOCAL-400).
func Parse(in *binding.Inbound) (*AuthnRequest, error) {
	root, err := xmlsafe.Parse(in.XML, xmlsafe.Message())
	if err != nil {
		return nil, err
	}
	if in.Binding == idp.BindingRedirect && (dsig.HasSignature(root) || dsig.HasStraySignature(root)) {
		return nil, idp.Refuse(idp.BindingParams, "XML signature in a redirect")
	}
	return Read(root)
}

// Read reads the AuthnRequest that an element is, in a tree that xmlsafe made.
// Errors are refusals.
func Read(root *etree.Element) (*AuthnRequest, error) {
	if dsig.HasStraySignature(root) {
		return nil, idp.Refuse(idp.SigShape, "Signature that is not a child of the root")
	}
	return read(root)
}

// read reads an AuthnRequest element.
func read(root *etree.Element) (*AuthnRequest, error) {
	if !xmlsafe.Is(root, protocolNS, "AuthnRequest") {
		return nil, schema("root is not samlp:AuthnRequest")
	}
	r := &AuthnRequest{root: root}
	if err := r.readAttributes(); err != nil {
		return nil, err
	}
	if err := r.readChildren(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *AuthnRequest) readAttributes() error {
	a, err := attributes(r.root, "ID", "Version", "IssueInstant", "Destination", "Consent",
		"ForceAuthn", "IsPassive", "ProtocolBinding", "AssertionConsumerServiceIndex",
		"AssertionConsumerServiceURL", "AttributeConsumingServiceIndex", "ProviderName")
	if err != nil {
		return err
	}
	if version := a.required("Version"); a.err == nil && version != "2.0" {
		return idp.Refuse(idp.SAMLVersion, "Version is not 2.0")
	}
	r.ID = a.id("ID")
	r.IssueInstant = a.instant("IssueInstant")
	r.Destination = a.uri("Destination")
	r.ForceAuthn = a.boolean("ForceAuthn")
	r.IsPassive = a.boolean("IsPassive")
	r.ProtocolBinding = a.uri("ProtocolBinding")
	r.ACSURL = a.uri("AssertionConsumerServiceURL")
	r.ACSIndex = a.index("AssertionConsumerServiceIndex")
	a.index("AttributeConsumingServiceIndex")
	if a.err == nil && r.ACSIndex != nil && r.ACSURL != "" {
		return schema("both AssertionConsumerServiceURL and AssertionConsumerServiceIndex")
	}
	return a.err
}

func (r *AuthnRequest) readChildren() error {
	parts, err := children(r.root,
		name{assertionNS, "Issuer"}, name{protocolNS, "Extensions"}, name{assertionNS, "Subject"},
		name{protocolNS, "NameIDPolicy"}, name{assertionNS, "Conditions"},
		name{protocolNS, "RequestedAuthnContext"}, name{protocolNS, "Scoping"})
	if err != nil {
		return err
	}
	issuer, extensions, subject, policy, context := parts[0], parts[1], parts[2], parts[3], parts[5]
	if err := r.readIssuer(issuer); err != nil {
		return err
	}
	if extensions != nil {
		if r.ChannelBindings, err = ReadChannelBindings(extensions.ChildElements()); err != nil {
			return err
		}
	}
	if subject != nil {
		if err := r.readSubject(subject); err != nil {
			return err
		}
	}
	if policy != nil {
		if err := r.readNameIDPolicy(policy); err != nil {
			return err
		}
	}
	if context != nil {
		return r.readContext(context)
	}
	return nil
}

// readIssuer demands an entity identifier (SAML Core 8.3.6).
func (r *AuthnRequest) readIssuer(e *etree.Element) (err error) {
	if e == nil {
		return schema("no Issuer")
	}
	a, err := attributes(e, "Format") // no qualifiers
	if err != nil {
		return err
	}
	if format, ok := a.values["Format"]; ok && format != formatEntity {
		return schema("Issuer is not an entity identifier")
	}
	if r.Issuer, err = text(e); err != nil {
		return err
	}
	if len(r.Issuer) > 1024 {
		return schema("Issuer longer than 1,024 characters")
	}
	return nil
}

func (r *AuthnRequest) readNameIDPolicy(e *etree.Element) error {
	a, err := attributes(e, "Format", "SPNameQualifier", "AllowCreate")
	if err != nil {
		return err
	}
	a.boolean("AllowCreate") // never refuses an identifier
	r.NameIDFormat, r.SPNameQualifier = a.values["Format"], a.values["SPNameQualifier"]
	if a.err != nil {
		return a.err
	}
	_, err = children(e)
	return err
}

func (r *AuthnRequest) readSubject(e *etree.Element) error {
	if _, err := attributes(e); err != nil {
		return err
	}
	// No SubjectConfirmation: SAML Profiles 4.1.4.1.
	parts, err := children(e, name{assertionNS, "BaseID"}, name{assertionNS, "NameID"}, name{assertionNS, "EncryptedID"})
	if err != nil {
		return err
	}
	if len(e.ChildElements()) != 1 {
		return schema("Subject without exactly one identifier")
	}
	nameID := parts[1]
	if nameID == nil {
		r.SubjectUnknown = true
		return nil
	}
	a, err := attributes(nameID, "Format", "NameQualifier", "SPNameQualifier", "SPProvidedID")
	if err != nil {
		return err
	}
	value, err := text(nameID)
	if err != nil {
		return err
	}
	r.Subject = &idp.LoginSubject{
		NameID: value, Format: a.values["Format"],
		NameQualifier: a.values["NameQualifier"], SPNameQualifier: a.values["SPNameQualifier"],
	}
	return nil
}

func (r *AuthnRequest) readContext(e *etree.Element) error {
	a, err := attributes(e, "Comparison")
	if err != nil {
		return err
	}
	r.ACRComparison = "exact"
	if c, ok := a.values["Comparison"]; ok {
		r.ACRComparison = c
	}
	switch r.ACRComparison {
	case "exact", "minimum", "better", "maximum":
	default:
		return schema("unknown Comparison")
	}
	for _, c := range e.ChildElements() {
		value, err := text(c)
		switch {
		case err != nil:
			return err
		case xmlsafe.Is(c, assertionNS, "AuthnContextClassRef"):
			r.ACR = append(r.ACR, value)
		case xmlsafe.Is(c, assertionNS, "AuthnContextDeclRef"):
			r.ACRDecl = true
		default:
			return schema("unknown child of RequestedAuthnContext")
		}
	}
	if r.ACRDecl == (len(r.ACR) > 0) {
		return schema("RequestedAuthnContext without classes, or with classes and declarations")
	}
	return onlyElements(e)
}
