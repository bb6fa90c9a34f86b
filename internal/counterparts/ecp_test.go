package counterparts_test

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const nsECP = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp"

// program: a client without pages signs in with an app password, and is refused
// with another one (ECP 2.0).
func (s *stage) program() {
	s.idp.Update(s.one.entityID, func(sp *idp.ServiceProvider) { sp.ECP = true })
	defer s.idp.Update(s.one.entityID, func(sp *idp.ServiceProvider) { sp.ECP = false })
	ana, err := s.idp.Store.UserByEmail(s.Context(), "ana@example.com")
	must(s.T, err)
	admin, err := adminclient.New(s.idp.URL, http.DefaultClient, adminclient.Bearer(idp.Secret(idptest.AdminToken)))
	must(s.T, err)
	made, err := admin.AddAppPassword(s.Context(), ana.ID, adminapi.NewAppPassword{SP: s.one.entityID, Name: "mail"})
	must(s.T, err)

	v := newVisitor(s.T, s.idp, nil)
	challenge := v.paos(s.one.paos)
	if _, status := v.askAsProgram(challenge, "ana@example.com", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA"); status != http.StatusUnauthorized {
		s.Errorf("with a wrong password: %d", status)
	}
	exercised.refusal(s.by)
	answer, status := v.askAsProgram(challenge, "ana@example.com", made.Password)
	if status != http.StatusOK || answer.ACS != challenge.consumer {
		s.Fatalf("with the password: %d %+v\n%s", status, answer, s.idp.Log)
	}
	schematest.Validate(s, answer.Response)
	v.verify(answer.Response)
	exercised.message()
	home := v.call(challenge.consumer, "application/vnd.paos+xml", samltest.Envelope(challenge.relayState, string(answer.Response)), nil)
	if who := readSeen(s.T, home); single(who.Attributes["mail"]) != "ana@example.com" {
		s.Errorf("signed in as %+v", who)
	}
	exercised.signIn(s.by)
}

// challenge is what a service provider answers to a program.
type challenge struct {
	message    string // envelope for the identity provider: without header blocks
	consumer   string // where its answer goes
	relayState string // a header block that goes there, too
}

// paos opens a page as a program (SAML Bindings 3.3.3).
func (v *visitor) paos(address string) (c challenge) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	must(v.t, err)
	r.Header.Set("Accept", "text/html, application/vnd.paos+xml")
	r.Header.Set("PAOS", `ver="urn:liberty:paos:2003-08";"`+nsECP+`"`)
	p := v.do(r)
	doc := etree.NewDocument()
	must(v.t, doc.ReadFromString(p.body))
	header := doc.FindElement("/Envelope/Header")
	if header == nil {
		v.t.Fatalf("no envelope: %d %s", p.status, p.body)
	}
	c.consumer = header.FindElement("./Request[@responseConsumerURL]").SelectAttrValue("responseConsumerURL", "")
	if state := header.SelectElement("RelayState"); state != nil {
		var escaped strings.Builder
		must(v.t, xml.EscapeText(&escaped, []byte(state.Text())))
		c.relayState = `<ecp:RelayState xmlns:ecp="` + nsECP + `" ` + samltest.NextActor + `>` + escaped.String() + `</ecp:RelayState>`
	}
	doc.Root().RemoveChild(header)
	c.message, err = doc.WriteToString()
	must(v.t, err)
	return c
}

// askAsProgram takes a challenge to the identity provider.
func (v *visitor) askAsProgram(c challenge, name, password string) (*samltest.ECPAnswer, int) {
	v.t.Helper()
	p := v.call(v.idp.URL+"/saml/ecp", "text/xml", c.message, func(r *http.Request) { r.SetBasicAuth(name, password) })
	if p.status != http.StatusOK {
		return nil, p.status
	}
	a, err := samltest.ReadECP(p.body)
	must(v.t, err)
	return a, p.status
}

// call posts a body; change, which may be nil, sees the request.
func (v *visitor) call(address, mediaType, body string, change func(*http.Request)) page {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, address, strings.NewReader(body))
	must(v.t, err)
	r.Header.Set("Content-Type", mediaType)
	if change != nil {
		change(r)
	}
	return v.do(r)
}
