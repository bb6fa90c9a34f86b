package logout

import (
	"errors"
	"fmt"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/soap"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
)

// lifetime of a LogoutRequest of ours, from its IssueInstant.
const lifetime = 5 * time.Minute

// Message is a LogoutRequest or LogoutResponse that is ready to be signed in
// the form of the binding that it goes by.
type Message struct {
	sp       *idp.ServiceProvider
	root     *etree.Element
	location string
	response bool
}

// NewRequest makes the LogoutRequest that tells sp that the sessions of p are
// over. to is the endpoint that it goes to; id an NCName. The NameID is
// encrypted where assertions to sp are.
func NewRequest(sp *idp.ServiceProvider, p *idp.LogoutTarget, to *idp.Endpoint, id string, now time.Time) (*Message, error) {
	m := newMessage(sp, "samlp:LogoutRequest", to.Location, id, p.Issuer, now)
	m.root.CreateAttr("NotOnOrAfter", response.Instant(now.Add(lifetime)))
	nameID := etree.NewElement("saml:NameID")
	nameID.CreateAttr("xmlns:saml", message.AssertionNS)
	if p.NameIDFormat != "" {
		nameID.CreateAttr("Format", p.NameIDFormat)
	}
	if p.Qualified {
		nameID.CreateAttr("NameQualifier", p.Issuer)
		nameID.CreateAttr("SPNameQualifier", p.SP)
	}
	nameID.SetText(p.NameID)
	recipient, err := xmlenc.For(sp)
	if err != nil {
		return nil, fmt.Errorf("encrypt NameID for %s: %w", sp.EntityID, err)
	}
	if recipient != nil {
		data, err := xmlenc.Encrypt(nameID, recipient.Certificate, recipient.Options)
		if err != nil {
			return nil, fmt.Errorf("encrypt NameID for %s: %w", sp.EntityID, err)
		}
		nameID = etree.NewElement("saml:EncryptedID")
		nameID.CreateAttr("xmlns:saml", message.AssertionNS)
		nameID.AddChild(data)
	}
	m.root.AddChild(nameID)
	for _, index := range p.SessionIndexes {
		m.root.CreateElement("samlp:SessionIndex").SetText(index)
	}
	return m, nil
}

// Answer says what a LogoutResponse tells.
type Answer struct {
	InResponseTo string
	Issuer       string            // our entityID towards the service provider
	Partial      bool              // some application was not reached
	Failed       *saml.StatusError // nil: the session ended
}

// NewResponse makes the LogoutResponse for sp (SAML Core 3.7.3.2). A logout that
// did not reach every application is a success with PartialLogout as the
// second-level status.
func NewResponse(sp *idp.ServiceProvider, a Answer, location, id string, now time.Time) *Message {
	m := newMessage(sp, "samlp:LogoutResponse", location, id, a.Issuer, now)
	m.response = true
	if a.InResponseTo != "" {
		m.root.CreateAttr("InResponseTo", a.InResponseTo)
	}
	top, second, words := saml.StatusSuccess, "", ""
	if a.Partial {
		second = saml.StatusPartialLogout
	}
	if a.Failed != nil {
		top, second, words = a.Failed.Top, a.Failed.Second, a.Failed.Message
	}
	status := m.root.CreateElement("samlp:Status")
	code := status.CreateElement("samlp:StatusCode")
	code.CreateAttr("Value", top)
	if second != "" {
		code.CreateElement("samlp:StatusCode").CreateAttr("Value", second)
	}
	if words != "" {
		status.CreateElement("samlp:StatusMessage").SetText(words)
	}
	return m
}

func newMessage(sp *idp.ServiceProvider, tag, location, id, issuer string, now time.Time) *Message {
	root := etree.NewElement(tag)
	root.CreateAttr("xmlns:samlp", message.ProtocolNS)
	root.CreateAttr("ID", id)
	root.CreateAttr("Version", "2.0")
	root.CreateAttr("IssueInstant", response.Instant(now))
	if location != "" { // an answer to a call has none
		root.CreateAttr("Destination", location)
	}
	e := root.CreateElement("saml:Issuer")
	e.CreateAttr("xmlns:saml", message.AssertionNS)
	e.SetText(issuer)
	return &Message{sp: sp, root: root, location: location}
}

// Location is where the message goes.
func (m *Message) Location() string { return m.location }

// Redirect is the signed address of the HTTP-Redirect binding.
func (m *Message) Redirect(relayState string, hasRelayState bool, s response.Signing) (string, error) {
	out := m.outbound(relayState, hasRelayState)
	return out.RedirectURL(func(query string) (string, error) {
		return dsig.SignQuery(query, s.Signer, s.Certificate, m.sp.LegacySHA1Output)
	})
}

// POST is the signed message of the HTTP-POST binding.
func (m *Message) POST(relayState string, hasRelayState bool, s response.Signing) (*binding.Outbound, error) {
	if err := m.sign(s); err != nil {
		return nil, err
	}
	return m.outbound(relayState, hasRelayState), nil
}

// SOAP is the signed message in an envelope.
func (m *Message) SOAP(s response.Signing) ([]byte, error) {
	if err := m.sign(s); err != nil {
		return nil, err
	}
	return soap.Wrap(nil, m.root), nil
}

func (m *Message) outbound(relayState string, hasRelayState bool) *binding.Outbound {
	return &binding.Outbound{
		Location: m.location, Response: m.response, XML: dsig.Serialize(m.root),
		RelayState: relayState, HasRelayState: hasRelayState,
	}
}

func (m *Message) sign(s response.Signing) error {
	if s.Signer == nil {
		return errors.New("no key to sign with")
	}
	if err := dsig.Sign(m.root, s.Signer, s.Certificate, m.sp.LegacySHA1Output, dsig.AfterIssuer); err != nil {
		return fmt.Errorf("sign logout message: %w", err)
	}
	return nil
}
