package wsfed

import (
	"errors"
	"fmt"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
)

const (
	lifetime = time.Hour   // of an assertion; see the package's comment
	backdate = time.Minute // NotBefore, for applications whose clocks are behind
)

// Identifiers of the answer, in the versions that AD FS uses.
const (
	nsAssertion  = "urn:oasis:names:tc:SAML:1.0:assertion" // of SAML 1.1, too; also the TokenType
	nsTrust      = "http://schemas.xmlsoap.org/ws/2005/02/trust"
	nsPolicy     = "http://schemas.xmlsoap.org/ws/2004/09/policy"
	nsAddressing = "http://www.w3.org/2005/08/addressing"
	nsUtility    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

	bearer     = "urn:oasis:names:tc:SAML:1.0:cm:bearer"
	issueToken = "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue"
	noProofKey = "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey"
)

// Assert makes a successful answer: a RequestSecurityTokenResponse with one
// SAML 1.1 assertion, which is signed. Errors are as those of response.Assert.
func Assert(in response.Issue, key response.Signing) (*response.Issued, error) {
	if err := in.Check(); err != nil {
		return nil, fmt.Errorf("issue assertion: %w", err)
	}
	if in.SP.Encryption != idp.EncryptOff { // never in plain where something else was wanted
		return nil, errors.New("issue assertion: encryption is not offered with WS-Federation")
	}
	who, err := in.Describe()
	if err != nil {
		return nil, err
	}
	a, err := assertion(&in, who)
	if err != nil {
		return nil, fmt.Errorf("issue assertion: %w", err)
	}
	if err := dsig.Sign(a, key.Signer, key.Certificate, in.SP.LegacySHA1Output, dsig.Last); err != nil {
		return nil, fmt.Errorf("issue assertion: sign: %w", err)
	}
	return in.Issued(dsig.Serialize(answer(&in, a)), who)
}

// answer wraps the signed assertion (WS-Trust of February 2005, section 6).
func answer(in *response.Issue, assertion *etree.Element) *etree.Element {
	root := etree.NewElement("t:RequestSecurityTokenResponse")
	root.CreateAttr("xmlns:t", nsTrust)
	life := root.CreateElement("t:Lifetime")
	instantIn(life, "wsu:Created", in.Now)
	instantIn(life, "wsu:Expires", in.Now.Add(lifetime))
	applies := root.CreateElement("wsp:AppliesTo")
	applies.CreateAttr("xmlns:wsp", nsPolicy)
	endpoint := applies.CreateElement("wsa:EndpointReference")
	endpoint.CreateAttr("xmlns:wsa", nsAddressing)
	endpoint.CreateElement("wsa:Address").SetText(in.SP.EntityID)
	root.CreateElement("t:RequestedSecurityToken").AddChild(assertion)
	root.CreateElement("t:TokenType").SetText(nsAssertion)
	root.CreateElement("t:RequestType").SetText(issueToken)
	root.CreateElement("t:KeyType").SetText(noProofKey)
	return root
}

func instantIn(parent *etree.Element, tag string, at time.Time) {
	el := parent.CreateElement(tag)
	el.CreateAttr("xmlns:wsu", nsUtility)
	el.SetText(response.Instant(at))
}

// assertion is not signed yet (SAML 1.1 Core 2.3.2). It declares its namespace
// itself, so that its form does not depend on what is around it.
func assertion(in *response.Issue, who *response.Person) (*etree.Element, error) {
	a := etree.NewElement("saml:Assertion")
	for _, attr := range [][2]string{
		{"xmlns:saml", nsAssertion}, {"MajorVersion", "1"}, {"MinorVersion", "1"}, {"AssertionID", in.AssertionID},
		{"Issuer", in.Issuer}, {"IssueInstant", response.Instant(in.Now)},
	} {
		a.CreateAttr(attr[0], attr[1])
	}
	conditions := a.CreateElement("saml:Conditions")
	conditions.CreateAttr("NotBefore", response.Instant(in.Now.Add(-backdate)))
	conditions.CreateAttr("NotOnOrAfter", response.Instant(in.Now.Add(lifetime)))
	conditions.CreateElement("saml:AudienceRestrictionCondition").
		CreateElement("saml:Audience").SetText(in.SP.EntityID)
	if err := attributeStatement(a, who); err != nil {
		return nil, err
	}
	authn := a.CreateElement("saml:AuthenticationStatement")
	authn.CreateAttr("AuthenticationMethod", in.ACR)
	authn.CreateAttr("AuthenticationInstant", response.Instant(in.AuthnInstant))
	subject(authn, who)
	return a, nil
}

// attributeStatement adds the statement, unless it would be empty. Values have
// no xsi:type: an absent one stands for a string with all who read SAML 1.1.
func attributeStatement(a *etree.Element, who *response.Person) error {
	if len(who.Attributes) == 0 {
		return nil
	}
	statement := a.CreateElement("saml:AttributeStatement")
	subject(statement, who)
	for _, attribute := range who.Attributes {
		namespace, name, ok := splitClaim(attribute.Name)
		if !ok {
			return fmt.Errorf("attribute %q is not the URI of a claim", attribute.Name)
		}
		el := statement.CreateElement("saml:Attribute")
		el.CreateAttr("AttributeName", name)
		el.CreateAttr("AttributeNamespace", namespace)
		for _, v := range attribute.Values {
			el.CreateElement("saml:AttributeValue").SetText(v)
		}
	}
	return nil
}

func subject(statement *etree.Element, who *response.Person) {
	s := statement.CreateElement("saml:Subject")
	if who.NameIDFormat != "" {
		id := s.CreateElement("saml:NameIdentifier")
		id.CreateAttr("Format", who.NameIDFormat)
		id.SetText(who.NameID)
	}
	s.CreateElement("saml:SubjectConfirmation").
		CreateElement("saml:ConfirmationMethod").SetText(bearer)
}
