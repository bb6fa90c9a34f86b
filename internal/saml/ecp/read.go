package ecp

import (
	"errors"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/soap"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

const (
	ecpNS    = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp"
	paosNS   = "urn:liberty:paos:2003-08"
	samlecNS = "urn:ietf:params:xml:ns:samlec"
)

// The header blocks that are understood. A program takes out what the service
// provider put into the header; paosRequest is known here so that one which was
// left there, and says another address than ours, is noticed.
var (
	channelBindings = soap.Name{Space: request.ChannelBindingNS, Local: "ChannelBindings"}
	sessionKey      = soap.Name{Space: samlecNS, Local: "SessionKey"}
	paosRequest     = soap.Name{Space: paosNS, Local: "Request"}
)

// Message is what a program claims. Nothing of it is verified.
type Message struct {
	Request *request.AuthnRequest

	channels []idp.ChannelBinding // that the program sees
	consumer string               // responseConsumerURL, if the program left it in
}

// Parse reads an envelope. Errors are refusals, a *soap.Fault where the
// envelope itself is at fault.
func Parse(contentType string, body []byte) (*Message, error) {
	env, err := soap.Parse(contentType, body, channelBindings, sessionKey, paosRequest)
	if err != nil {
		return nil, err
	}
	m := &Message{}
	if m.Request, err = request.Read(env.Body); err != nil {
		return nil, err
	}
	if m.channels, err = request.ReadChannelBindings(env.Header); err != nil {
		return nil, err
	}
	paos, err := env.Find(paosRequest)
	if err != nil {
		return nil, err
	}
	if paos != nil {
		var ok bool
		if m.consumer, ok = xmlsafe.Attr(paos, "responseConsumerURL"); !ok {
			return nil, idp.Refuse(idp.XMLSchema, "paos:Request without responseConsumerURL")
		}
	}
	return m, nil
}

// Judge is request.Judge for a program. env.SSOURL is the address of our
// endpoint for programs. The ChannelBindings of the Login are those that both
// sides named.
func (m *Message) Judge(sp *idp.ServiceProvider, env request.Env) (*idp.Login, error) {
	env.Binding = idp.BindingPAOS
	login, err := request.Judge(m.Request, &binding.Inbound{}, sp, env)
	if login == nil {
		return nil, err
	}
	if m.consumer != "" && m.consumer != login.ACS {
		return nil, idp.Refuse(idp.ACSUnregistered, "responseConsumerURL is not where the answer goes")
	}
	if told := (*request.Answer)(nil); errors.As(err, &told) {
		return login, err
	}
	return login, m.bind(login)
}

// bind verifies the channel bindings (ECP 2.0, 2.3.6.2).
func (m *Message) bind(login *idp.Login) error {
	if len(login.ChannelBindings) == 0 && len(m.channels) == 0 {
		return nil
	}
	refused := func(why string) error {
		return &request.Answer{ACS: login.ACS, StatusError: saml.StatusError{
			Top: saml.StatusRequester, Second: saml.StatusRequestDenied, Message: why,
		}}
	}
	if !login.Signed {
		return refused("Channel bindings need a signed request.")
	}
	login.ChannelBindings = slices.DeleteFunc(login.ChannelBindings, func(b idp.ChannelBinding) bool {
		return !slices.Contains(m.channels, b)
	})
	if len(login.ChannelBindings) == 0 {
		return refused("The channel bindings of client and service provider do not match.")
	}
	return nil
}
