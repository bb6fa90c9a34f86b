package response

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
)

const (
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	bearer      = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
)

// Assert makes a successful Response with one assertion, signed as the service
// provider's settings say. An *idp.Error with a Reason attr.* means that the
// directory lacks something that the service provider needs.
func Assert(in Issue, s Signing) (*Issued, error) {
	if err := in.Check(); err != nil {
		return nil, fmt.Errorf("issue assertion: %w", err)
	}
	who, err := in.Describe()
	if err != nil {
		return nil, err
	}

	key, err := in.sessionKey()
	if err != nil {
		return nil, fmt.Errorf("issue assertion: %w", err)
	}
	root := newResponse(in.ResponseID, in.Login.ACS, in.Login.RequestID, in.Issuer, in.Now)
	status := root.CreateElement("samlp:Status")
	child(status, "samlp:StatusCode", "Value", saml.StatusSuccess)
	assertion := in.assertion(root, who, key)
	if err := protect(in.SP, root, assertion, s); err != nil {
		return nil, fmt.Errorf("issue assertion: %w", err)
	}

	issued, err := in.Issued(dsig.Serialize(root), who)
	if err != nil {
		return nil, err
	}
	issued.ChannelBindings, issued.SessionKey = in.ChannelBindings, key
	return issued, nil
}

// Encode is the value of the SAMLResponse form field: base64 without line
// breaks (SAML Bindings 3.5.4).
func Encode(xml []byte) string { return base64.StdEncoding.EncodeToString(xml) }

// newResponse makes a Response up to its Issuer.
func newResponse(id, acs, inResponseTo, issuer string, now time.Time) *etree.Element {
	root := etree.NewElement("samlp:Response")
	root.CreateAttr("xmlns:samlp", nsProtocol)
	root.CreateAttr("ID", id)
	root.CreateAttr("Version", "2.0")
	root.CreateAttr("IssueInstant", Instant(now))
	root.CreateAttr("Destination", acs)
	setIf(root, "InResponseTo", inResponseTo)
	child(root, "saml:Issuer", "xmlns:saml", nsAssertion).SetText(issuer)
	return root
}

// assertion adds the Assertion. It declares its namespaces itself, so that its
// form does not depend on the Response around it.
func (in *Issue) assertion(root *etree.Element, who *Person, key []byte) *etree.Element {
	a := child(root, "saml:Assertion", "xmlns:saml", nsAssertion)
	a.CreateAttr("ID", in.AssertionID)
	a.CreateAttr("Version", "2.0")
	a.CreateAttr("IssueInstant", Instant(in.Now))
	a.CreateElement("saml:Issuer").SetText(in.Issuer)
	in.subject(a, who)
	in.conditions(a)
	advice(a, in.ChannelBindings, key)
	in.authnStatement(a)
	attributeStatement(a, who.Attributes)
	return a
}

func (in *Issue) subject(assertion *etree.Element, who *Person) {
	subject := assertion.CreateElement("saml:Subject")
	if who.NameIDFormat != "" {
		el := child(subject, "saml:NameID", "Format", who.NameIDFormat)
		if in.SP.QualifyNameID {
			el.CreateAttr("NameQualifier", in.Issuer)
			el.CreateAttr("SPNameQualifier", in.SP.EntityID)
		}
		el.SetText(who.NameID)
	}
	data := child(subject, "saml:SubjectConfirmation", "Method", bearer).
		CreateElement("saml:SubjectConfirmationData")
	setIf(data, "InResponseTo", in.Login.RequestID)
	data.CreateAttr("NotOnOrAfter", Instant(in.Now.Add(lifetime)))
	data.CreateAttr("Recipient", in.Login.ACS)
}

func (in *Issue) conditions(assertion *etree.Element) {
	conditions := assertion.CreateElement("saml:Conditions")
	conditions.CreateAttr("NotBefore", Instant(in.Now.Truncate(time.Millisecond).Add(-backdate)))
	conditions.CreateAttr("NotOnOrAfter", Instant(in.Now.Add(lifetime)))
	conditions.CreateElement("saml:AudienceRestriction").
		CreateElement("saml:Audience").SetText(in.SP.EntityID)
}

func (in *Issue) authnStatement(assertion *etree.Element) {
	statement := child(assertion, "saml:AuthnStatement", "AuthnInstant", Instant(in.AuthnInstant))
	setIf(statement, "SessionIndex", in.SessionIndex)
	if !in.SessionNotOnOrAfter.IsZero() {
		statement.CreateAttr("SessionNotOnOrAfter", Instant(in.SessionNotOnOrAfter))
	}
	statement.CreateElement("saml:AuthnContext").
		CreateElement("saml:AuthnContextClassRef").SetText(in.ACR)
}

// child adds an element with one attribute.
func child(parent *etree.Element, tag, key, value string) *etree.Element {
	el := parent.CreateElement(tag)
	el.CreateAttr(key, value)
	return el
}

// setIf sets an attribute that is absent rather than empty.
func setIf(el *etree.Element, key, value string) {
	if value != "" {
		el.CreateAttr(key, value)
	}
}

// Instant is an xs:dateTime in UTC, to the millisecond (SAML Core 1.3.3).
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
