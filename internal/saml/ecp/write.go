package ecp

import (
	"fmt"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/soap"
)

// Answer is what a program receives and takes to the service provider.
type Answer struct {
	Login    *idp.Login // ACS; Signed
	Response *response.Issued
}

// XML is the envelope of the answer (SAML Profiles 4.2.4.2; ECP 2.0, 2.3.6).
// Its ecp:Response says where the service provider's own configuration lets the
// answer go, so that a program which was sent elsewhere does not follow.
func (a Answer) XML() ([]byte, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(a.Response.XML); err != nil {
		return nil, fmt.Errorf("read response of our own: %w", err)
	}
	return soap.Wrap(a.header(), doc.Root()), nil
}

func (a Answer) header() []*etree.Element {
	to := block("ecp:Response", "xmlns:ecp", ecpNS)
	soap.ForNext(to)
	to.CreateAttr("AssertionConsumerServiceURL", a.Login.ACS)
	header := []*etree.Element{to}
	if a.Login.Signed { // the program may trust what the request said to it
		authentic := block("ecp:RequestAuthenticated", "xmlns:ecp", ecpNS)
		soap.OfferNext(authentic)
		header = append(header, authentic)
	}
	for _, b := range a.Response.ChannelBindings {
		e := response.ChannelBinding(b)
		soap.ForNext(e)
		header = append(header, e)
	}
	if key := a.Response.SessionKey; key != nil {
		e := response.GeneratedKey(key)
		soap.OfferNext(e)
		header = append(header, e)
	}
	return header
}

func block(tag, prefix, namespace string) *etree.Element {
	e := etree.NewElement(tag)
	e.CreateAttr(prefix, namespace)
	return e
}
