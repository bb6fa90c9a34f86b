package request_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

const us = "https://idp.test/saml/metadata"

// asked judges a request of b with these children as the identity provider us.
func asked(t *testing.T, b *samltest.SP, attributes, children string) (*idp.Login, error) {
	t.Helper()
	r := b.Request(now)
	r.Attributes, r.Children = attributes, children
	in, err := binding.POST(samltest.FormType, samltest.POSTBody(r.XML(), nil))
	if err != nil {
		t.Fatal(err)
	}
	req, err := request.Parse(in)
	if err != nil {
		return nil, err
	}
	return request.Judge(req, in, &b.ServiceProvider, request.Env{SSOURL: samltest.SSO, Now: now, EntityID: us})
}

func entries(ids ...string) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, `<samlp:IDPEntry ProviderID=%q Name="x" Loc="https://evil.test/"/>`, id)
	}
	return b.String()
}

func scoping(list string) string {
	return `<samlp:Scoping><samlp:IDPList>` + list + `</samlp:IDPList></samlp:Scoping>`
}

// TestScoping: IIP-SSO07, what is optional is ignored or refused as Core says.
func TestScoping(t *testing.T) {
	for name, children := range map[string]string{
		"empty":                   `<samlp:Scoping/>`,
		"ProxyCount 0":            `<samlp:Scoping ProxyCount="0"/>`,
		"ProxyCount":              `<samlp:Scoping ProxyCount="18446744073709551615"/>`,
		"we alone":                scoping(entries(us)),
		"we among others":         scoping(entries("https://other.test", us)),
		"others, and more to get": scoping(entries("https://other.test") + `<samlp:GetComplete>https://evil.test/list</samlp:GetComplete>`),
		"RequesterID":             `<samlp:Scoping><samlp:RequesterID>urn:x</samlp:RequesterID><samlp:RequesterID>urn:y</samlp:RequesterID></samlp:Scoping>`,
		"all of it": `<samlp:Scoping ProxyCount="1"><samlp:IDPList>` + entries(us) + `<samlp:GetComplete>https://evil.test/</samlp:GetComplete></samlp:IDPList>
			<samlp:RequesterID>urn:x</samlp:RequesterID></samlp:Scoping>`,
		"conditions": `<saml:Conditions NotBefore="2001-01-01T00:00:00Z" NotOnOrAfter="2002-01-01T00:00:00.5Z"><saml:AudienceRestriction>
			<saml:Audience>https://other.test</saml:Audience></saml:AudienceRestriction><saml:OneTimeUse/><saml:ProxyRestriction Count="0"/></saml:Conditions>`,
		"extensions": `<samlp:Extensions><x xmlns="urn:x" any="1"><y>z</y></x></samlp:Extensions>`,
	} {
		t.Run("SSO07 "+name, func(t *testing.T) {
			login, err := asked(t, samltest.B(), "", children)
			accepted(t, login, err)
		})
	}
	t.Run("not for us", func(t *testing.T) {
		for _, ids := range [][]string{{"https://other.test"}, {us + "/"}, {strings.ToUpper(us)}, {"https://a.test", "https://b.test"}} {
			b := samltest.B()
			login, err := asked(t, b, "", scoping(entries(ids...)))
			answered(t, login, err, saml.StatusResponder, saml.StatusNoAvailableIDP, b.ACS[0].Location)
		}
	})
	t.Run("towards a service provider with an issuer of its own, that is our name", func(t *testing.T) {
		b := samltest.B()
		b.Issuer = "https://idp.test/two"
		login, err := asked(t, b, "", scoping(entries(b.Issuer)))
		accepted(t, login, err)
		login, err = asked(t, b, "", scoping(entries(us)))
		answered(t, login, err, saml.StatusResponder, saml.StatusNoAvailableIDP, b.ACS[0].Location)
		b.IssuerByDomain = map[string]string{"example.com": "https://idp.test/three"}
		login, err = asked(t, b, "", scoping(entries("https://idp.test/three")))
		accepted(t, login, err)
	})
	for name, children := range map[string]string{
		"ProxyCount below 0":     `<samlp:Scoping ProxyCount="-1"/>`,
		"ProxyCount of words":    `<samlp:Scoping ProxyCount="many"/>`,
		"empty IDPList":          scoping(""),
		"GetComplete alone":      scoping(`<samlp:GetComplete>https://evil.test/</samlp:GetComplete>`),
		"GetComplete first":      scoping(`<samlp:GetComplete>https://evil.test/</samlp:GetComplete>` + entries(us)),
		"GetComplete twice":      scoping(entries(us) + strings.Repeat(`<samlp:GetComplete>https://evil.test/</samlp:GetComplete>`, 2)),
		"entry without a name":   scoping(`<samlp:IDPEntry Name="x"/>`),
		"entry with empty name":  scoping(`<samlp:IDPEntry ProviderID=" "/>`),
		"entry with a child":     scoping(`<samlp:IDPEntry ProviderID="x"><samlp:IDPEntry ProviderID="y"/></samlp:IDPEntry>`),
		"entry of a namespace":   scoping(`<IDPEntry xmlns="urn:x" ProviderID="x"/>`),
		"too many entries":       scoping(strings.Repeat(`<samlp:IDPEntry ProviderID="x"/>`, 201)),
		"two lists":              `<samlp:Scoping>` + strings.Repeat(`<samlp:IDPList>`+entries(us)+`</samlp:IDPList>`, 2) + `</samlp:Scoping>`,
		"list after RequesterID": `<samlp:Scoping><samlp:RequesterID>x</samlp:RequesterID><samlp:IDPList>` + entries(us) + `</samlp:IDPList></samlp:Scoping>`,
		"empty RequesterID":      `<samlp:Scoping><samlp:RequesterID/></samlp:Scoping>`,
		"text":                   `<samlp:Scoping>evil</samlp:Scoping>`,
		"unknown attribute":      `<samlp:Scoping Evil="1"/>`,
		"conditions of words":    `<saml:Conditions NotBefore="then"/>`,
		"unknown condition":      `<saml:Conditions><x xmlns="urn:x"/></saml:Conditions>`,
		"two Scoping":            `<samlp:Scoping/><samlp:Scoping/>`,
	} {
		t.Run("SSO07 refused: "+name, func(t *testing.T) {
			login, err := asked(t, samltest.B(), "", children)
			refused(t, login, err, idp.XMLSchema)
		})
	}
}

// TestAttributeConsumingServiceIndex: one that is registered is kept; any other
// is no error, and nothing of it is.
func TestAttributeConsumingServiceIndex(t *testing.T) {
	b := samltest.B()
	b.AttributeServices = []idp.AttributeService{{Index: 1}, {Index: 7}}
	for index, want := range map[string]string{"1": "1", "7": "7", "0": "", "2": "", "65535": ""} {
		login, err := asked(t, b, `AttributeConsumingServiceIndex="`+index+`"`, "")
		got := ""
		if l := accepted(t, login, err); l.AttributeIndex != nil {
			got = fmt.Sprint(*l.AttributeIndex)
		}
		if got != want {
			t.Errorf("index %s: %q is kept", index, got)
		}
	}
	for _, index := range []string{"-1", "65536", "99999999999999999999999", "1.5", "0x1", "", " ", "one", "1e3"} {
		t.Run("SSO07 index "+index, func(t *testing.T) {
			login, err := asked(t, b, `AttributeConsumingServiceIndex="`+index+`"`, "")
			refused(t, login, err, idp.XMLSchema)
		})
	}
}
