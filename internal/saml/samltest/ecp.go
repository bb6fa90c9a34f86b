package samltest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// ECP is the public URL of the endpoint for programs in tests.
const ECP = "https://idp.test/saml/ecp"

// SOAPType is the content type of an envelope.
const SOAPType = "text/xml; charset=utf-8"

// NextActor are the attributes of a header block that whoever receives it must
// understand, in an Envelope.
const NextActor = `S:mustUnderstand="1" S:actor="http://schemas.xmlsoap.org/soap/actor/next"`

// Programs lets programs sign in: with a PAOS endpoint, which is not the
// default one, and one that is.
func Programs(sp *idp.ServiceProvider) {
	yes := true
	sp.ECP = true
	sp.ACS = append(sp.ACS,
		idp.Endpoint{Index: 1, Binding: idp.BindingPAOS, Location: sp.EntityID + "/paos-other"},
		idp.Endpoint{Index: 2, Binding: idp.BindingPAOS, Location: sp.EntityID + "/paos", IsDefault: &yes})
}

// ECPRequest makes a minimal fresh request as a program brings it.
func (sp *SP) ECPRequest(now time.Time) Request {
	r := sp.Request(now)
	r.Destination, r.ACS = ECP, sp.EntityID+"/paos"
	r.Attributes = `ProtocolBinding="` + idp.BindingPAOS + `"`
	return r
}

// Envelope puts header blocks and a message into a SOAP envelope. The prefix S
// is the envelope's.
func Envelope(header, message string) string {
	if header != "" {
		header = "<S:Header>" + header + "</S:Header>"
	}
	return `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/">` + header + "<S:Body>" + message + "</S:Body></S:Envelope>"
}

// ChannelBindings writes a cb:ChannelBindings for Extensions, or with
// attributes of the envelope for its header.
func ChannelBindings(kind, value, attributes string) string {
	return `<cb:ChannelBindings xmlns:cb="urn:oasis:names:tc:SAML:protocol:ext:channel-binding" Type="` + kind + `" ` + attributes + `>` + value + `</cb:ChannelBindings>`
}

// ECPAnswer is an envelope that a program received.
type ECPAnswer struct {
	Fault           string // faultcode; empty: none
	ACS             string // of ecp:Response
	Authenticated   bool
	ChannelBindings []string // of the header
	SessionKey      []byte   // of the header
	Response        []byte   // as it was sent
	Status          string   // of the Response; the second code where there is one
	Assertion       *etree.Element
}

// ReadECP reads an answer without the code that wrote it.
func ReadECP(envelope string) (*ECPAnswer, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(envelope); err != nil {
		return nil, err
	}
	a := &ECPAnswer{}
	if fault := doc.FindElement("/Envelope/Body/Fault/faultcode"); fault != nil {
		a.Fault = strings.TrimPrefix(fault.Text(), "S:")
		return a, nil
	}
	header := doc.FindElement("/Envelope/Header")
	root := doc.FindElement("/Envelope/Body/Response")
	if header == nil || root == nil {
		return nil, fmt.Errorf("neither fault nor response: %s", envelope)
	}
	for _, block := range header.ChildElements() {
		switch block.FullTag() {
		case "ecp:Response":
			a.ACS = block.SelectAttrValue("AssertionConsumerServiceURL", "")
		case "ecp:RequestAuthenticated":
			a.Authenticated = true
		case "cb:ChannelBindings":
			a.ChannelBindings = append(a.ChannelBindings, block.Text())
		case "samlec:GeneratedKey":
			a.SessionKey, _ = base64.StdEncoding.DecodeString(block.Text())
		default:
			return nil, fmt.Errorf("unknown header block %s", block.FullTag())
		}
	}
	codes := root.FindElements("./Status//StatusCode")
	a.Status = codes[len(codes)-1].SelectAttrValue("Value", "")
	a.Assertion = root.FindElement("./Assertion")
	from, to := strings.Index(envelope, "<samlp:Response"), strings.LastIndex(envelope, "</samlp:Response>")
	a.Response = []byte(envelope[from : to+len("</samlp:Response>")])
	return a, nil
}

// Program is a client that follows the whole profile: it opens a page of the
// service provider, which this is as well, asks the identity provider, and
// brings the answer back.
type Program struct {
	SP                 *SP
	IdP                http.RoundTripper
	Username, Password string
	Clock              func() time.Time
	Consume            Consumer

	// Elsewhere is where an attacker who pretends to be the service provider
	// wants the answer to go.
	Elsewhere string
}

// Open opens the page and returns who the service provider takes the program
// for.
func (p *Program) Open() (who string, err error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(p.page()); err != nil {
		return "", err
	}
	consumer := doc.FindElement("/Envelope/Header/Request[@responseConsumerURL]").SelectAttrValue("responseConsumerURL", "")
	if header := doc.FindElement("/Envelope/Header"); header != nil { // ECP 2.0, 2.3.3: none of it is for the identity provider
		doc.Root().RemoveChild(header)
	}
	body, err := doc.WriteToString()
	if err != nil {
		return "", err
	}
	r, err := http.NewRequest(http.MethodPost, ECP, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", SOAPType)
	r.SetBasicAuth(p.Username, p.Password)
	resp, err := p.IdP.RoundTrip(r)
	if err != nil {
		return "", err
	}
	envelope, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	answer, err := ReadECP(string(envelope))
	switch {
	case err != nil:
		return "", err
	case answer.Fault != "":
		return "", fmt.Errorf("%d fault %s", resp.StatusCode, envelope)
	case answer.ACS != consumer:
		return "", errors.New("the service provider wants the answer elsewhere than the identity provider lets it go")
	}
	return p.Consume(answer.ACS, p.id(), answer.Response)
}

func (p *Program) id() string { return fmt.Sprintf("_program-%d", p.Clock().UnixNano()) }

// page is what the service provider answers to a program (SAML Profiles
// 4.2.4.1).
func (p *Program) page() string {
	req := p.SP.ECPRequest(p.Clock())
	req.ID = p.id()
	consumer := req.ACS
	if p.Elsewhere != "" {
		consumer = p.Elsewhere
	}
	return Envelope(`<paos:Request xmlns:paos="urn:liberty:paos:2003-08" `+NextActor+` responseConsumerURL="`+consumer+`" service="urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp"/>`+
		`<ecp:Request xmlns:ecp="urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp" `+NextActor+`><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">`+p.SP.EntityID+`</saml:Issuer></ecp:Request>`+
		`<ecp:RelayState xmlns:ecp="urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp" `+NextActor+`>state</ecp:RelayState>`,
		p.SP.SignXML(req.XML(), Signing{}))
}

// Consumer is the PAOS endpoint of a service provider: it judges the Response of
// an envelope that came there, which answers a request, and says who it is about.
type Consumer func(at, requestID string, response []byte) (who string, err error)
