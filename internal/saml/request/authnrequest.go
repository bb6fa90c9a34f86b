package request

import (
	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

const formatEncrypted = "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"

// AuthnRequest is what a message claims. Strings that are empty were absent.
type AuthnRequest struct {
	message.Head           // Issuer is always there
	ACSURL          string // AssertionConsumerServiceURL
	ACSIndex        *int   // AssertionConsumerServiceIndex; never together with ACSURL
	ProtocolBinding string
	ForceAuthn      bool
	IsPassive       bool

	// AttributeIndex is AttributeConsumingServiceIndex; nil: none.
	AttributeIndex *int

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

	// IDPs are the entityIDs of Scoping's IDPList; nil: there is none, or one
	// that is not complete.
	IDPs []string

	// ChannelBindings are those of Extensions (SAML Channel Binding Extensions
	// 2.1.1): the channels that the service provider sees to a program.
	ChannelBindings []idp.ChannelBinding

	root *etree.Element
}

// Parse reads the AuthnRequest of a message. Errors are refusals (LOCAL-400).
func Parse(in *binding.Inbound) (*AuthnRequest, error) {
	root, err := message.Parse(in, false)
	if err != nil {
		return nil, err
	}
	return Read(root)
}

// Read reads the AuthnRequest that an element is, in a tree that xmlsafe made.
// Errors are refusals.
func Read(root *etree.Element) (*AuthnRequest, error) {
	if err := message.CheckSignatures(root, idp.BindingSOAP); err != nil {
		return nil, err
	}
	return read(root)
}

// read reads an AuthnRequest element.
func read(root *etree.Element) (*AuthnRequest, error) {
	if !xmlsafe.Is(root, message.ProtocolNS, "AuthnRequest") {
		return nil, message.Schema("root is not samlp:AuthnRequest")
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

func (r *AuthnRequest) readAttributes() (err error) {
	var a *message.Attrs
	r.Head, a, err = message.ReadHead(r.root, "ForceAuthn", "IsPassive", "ProtocolBinding",
		"AssertionConsumerServiceIndex", "AssertionConsumerServiceURL", "AttributeConsumingServiceIndex", "ProviderName")
	if err != nil {
		return err
	}
	r.ForceAuthn = a.Boolean("ForceAuthn")
	r.IsPassive = a.Boolean("IsPassive")
	r.ProtocolBinding = a.URI("ProtocolBinding")
	r.ACSURL = a.URI("AssertionConsumerServiceURL")
	r.ACSIndex = a.Index("AssertionConsumerServiceIndex")
	r.AttributeIndex = a.Index("AttributeConsumingServiceIndex")
	if a.Err == nil && r.ACSIndex != nil && r.ACSURL != "" {
		return message.Schema("both AssertionConsumerServiceURL and AssertionConsumerServiceIndex")
	}
	return a.Err
}

func (r *AuthnRequest) readChildren() error {
	parts, err := message.Children(r.root,
		message.Name{Space: message.AssertionNS, Local: "Issuer"}, message.Name{Space: message.ProtocolNS, Local: "Extensions"}, message.Name{Space: message.AssertionNS, Local: "Subject"},
		message.Name{Space: message.ProtocolNS, Local: "NameIDPolicy"}, message.Name{Space: message.AssertionNS, Local: "Conditions"},
		message.Name{Space: message.ProtocolNS, Local: "RequestedAuthnContext"}, message.Name{Space: message.ProtocolNS, Local: "Scoping"})
	if err != nil {
		return err
	}
	issuer, extensions, subject, policy, conditions, context, scoping := parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6]
	if r.Issuer, err = message.ReadIssuer(issuer); err != nil {
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
		if err := r.readContext(context); err != nil {
			return err
		}
	}
	if err := checkConditions(conditions); err != nil {
		return err
	}
	return r.readScoping(scoping)
}

func (r *AuthnRequest) readNameIDPolicy(e *etree.Element) error {
	a, err := message.Attributes(e, "Format", "SPNameQualifier", "AllowCreate")
	if err != nil {
		return err
	}
	a.Boolean("AllowCreate") // never refuses an identifier
	r.NameIDFormat, r.SPNameQualifier = a.Values["Format"], a.Values["SPNameQualifier"]
	if a.Err != nil {
		return a.Err
	}
	_, err = message.Children(e)
	return err
}

func (r *AuthnRequest) readSubject(e *etree.Element) error {
	if _, err := message.Attributes(e); err != nil {
		return err
	}
	// No SubjectConfirmation: SAML Profiles 4.1.4.1.
	parts, err := message.Children(e, message.Name{Space: message.AssertionNS, Local: "BaseID"}, message.Name{Space: message.AssertionNS, Local: "NameID"}, message.Name{Space: message.AssertionNS, Local: "EncryptedID"})
	if err != nil {
		return err
	}
	if len(e.ChildElements()) != 1 {
		return message.Schema("Subject without exactly one identifier")
	}
	nameID := parts[1]
	if nameID == nil {
		r.SubjectUnknown = true
		return nil
	}
	id, err := message.ReadNameID(nameID)
	if err != nil {
		return err
	}
	r.Subject = &idp.LoginSubject{
		NameID: id.Value, Format: id.Format, NameQualifier: id.NameQualifier, SPNameQualifier: id.SPNameQualifier,
	}
	return nil
}

func (r *AuthnRequest) readContext(e *etree.Element) error {
	a, err := message.Attributes(e, "Comparison")
	if err != nil {
		return err
	}
	r.ACRComparison = "exact"
	if c, ok := a.Values["Comparison"]; ok {
		r.ACRComparison = c
	}
	switch r.ACRComparison {
	case "exact", "minimum", "better", "maximum":
	default:
		return message.Schema("unknown Comparison")
	}
	for _, c := range e.ChildElements() {
		value, err := message.Text(c)
		switch {
		case err != nil:
			return err
		case xmlsafe.Is(c, message.AssertionNS, "AuthnContextClassRef"):
			r.ACR = append(r.ACR, value)
		case xmlsafe.Is(c, message.AssertionNS, "AuthnContextDeclRef"):
			r.ACRDecl = true
		default:
			return message.Schema("unknown child of RequestedAuthnContext")
		}
	}
	if r.ACRDecl == (len(r.ACR) > 0) {
		return message.Schema("RequestedAuthnContext without classes, or with classes and declarations")
	}
	return message.OnlyElements(e)
}
