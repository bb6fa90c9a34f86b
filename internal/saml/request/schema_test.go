package request_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

func TestSchema(t *testing.T) {
	b := samltest.B()
	r := b.Request(now)
	good := r.XML()
	e := func(old, new string) string { return edit(t, good, old, new) }
	with := func(children string) string { r := r; r.Children = children; return r.XML() }
	attr := func(a string) string { r := r; r.Attributes = a; return r.XML() }
	const issuer = `<saml:Issuer>https://sp-b.test</saml:Issuer>`
	const evil = `<saml:Issuer>https://evil.test</saml:Issuer>`
	for _, tt := range []struct {
		name, xml string
		reason    idp.Reason
	}{
		{"A01", e(issuer, ""), idp.XMLSchema},
		{"A02", e(issuer, `<Issuer xmlns="urn:x">https://sp-b.test</Issuer>`), idp.XMLSchema},
		{"A03 no ID", e(` ID="_sp-b-1"`, ""), idp.XMLSchema},
		{"A03 empty ID", e(`ID="_sp-b-1"`, `ID=""`), idp.XMLSchema},
		{"A03 ID that is no NCName", e(`ID="_sp-b-1"`, `ID="1 &quot;>x"`), idp.XMLSchema},
		{"ID with line break", e(`ID="_sp-b-1"`, `ID="_a&#10;sp:x"`), idp.XMLSchema},
		{"ID with NEL", e(`ID="_sp-b-1"`, `ID="_a&#x85;"`), idp.XMLSchema},
		{"ID with U+2028", e(`ID="_sp-b-1"`, `ID="_a&#x2028;"`), idp.XMLSchema},
		{"ID of 1,025 characters", e(`_sp-b-1`, "_"+strings.Repeat("a", 1024)), idp.XMLSchema},
		{"A12 twice", good + good, idp.XMLSchema},
		{"A12 garbage", good + "garbage", idp.XMLSchema},
		{"A13 evil first", e(issuer, evil+issuer), idp.XMLSchema},
		{"A13 evil last", e(issuer, issuer+evil), idp.XMLSchema},
		{"A14", attr(`AssertionConsumerServiceURL="https://evil.test/"`), idp.XMLSchema},
		{"X12 two Destination", attr(`Destination="https://evil.test/"`), idp.XMLSchema},
		{"X10 SAML 1.1", e("urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:1.0:protocol"), idp.XMLSchema},
		{"X10 saml rebound", with(`<saml:Subject xmlns:saml="urn:x"/>`), idp.XMLSchema},
		{"X10 LogoutRequest", strings.ReplaceAll(good, "AuthnRequest", "LogoutRequest"), idp.XMLSchema},
		{"X11", with(`<samlp:Extensions><x ID="_sp-b-1"/></samlp:Extensions>`), idp.XMLDuplicateID},
		{"A10", e("sp-b.test</", "sp-b<!-- -->.test</"), idp.XMLComment},
		{"X9 PI in Issuer", e("sp-b.test</", "sp-b.test<?x y?></"), idp.XMLSchema},
		{"X9 CDATA in Issuer", e("https://sp-b.test</", "<![CDATA[https://sp-b.test]]></"), idp.XMLSchema},
		{"P8 persistent", e("<saml:Issuer>", `<saml:Issuer Format="`+idp.NameIDPersistent+`">`), idp.XMLSchema},
		{"P8 NameQualifier", e("<saml:Issuer>", `<saml:Issuer NameQualifier="x">`), idp.XMLSchema},
		{"element in Issuer", e(issuer, "<saml:Issuer>https://sp-b.test<x/></saml:Issuer>"), idp.XMLSchema},
		{"A35 2.1", e(`Version="2.0"`, `Version="2.1"`), idp.SAMLVersion},
		{"A35 1.1", e(`Version="2.0"`, `Version="1.1"`), idp.SAMLVersion},
		{"P17 none", e(` Version="2.0"`, ""), idp.XMLSchema},
		{"P3 index and URL", attr(`AssertionConsumerServiceIndex="0"`), idp.XMLSchema},
		{"index out of range", attr(`AttributeConsumingServiceIndex="65536"`), idp.XMLSchema},
		{"boolean", attr(`IsPassive="yes"`), idp.XMLSchema},
		{"unknown attribute", attr(`Evil="1"`), idp.XMLSchema},
		{"qualified attribute", attr(`xmlns:x="urn:x" x:ID="1"`), idp.XMLSchema},
		{"empty URI", attr(`ProtocolBinding=""`), idp.XMLSchema},
		{"unknown child", with(`<saml:Assertion/>`), idp.XMLSchema},
		{"order", with(`<samlp:Scoping/><samlp:NameIDPolicy/>`), idp.XMLSchema},
		{"text between", with(`evil`), idp.XMLSchema},
		{"no IssueInstant", e("IssueInstant", "Consent"), idp.XMLSchema},
		{"IssueInstant that is none", e(r.IssueInstant, "2026-03-01"), idp.XMLSchema},
		{"IssueInstant with month 13", e(r.IssueInstant, "2026-13-01T12:00:00Z"), idp.XMLSchema},
		{"Subject with SubjectConfirmation", with(`<saml:Subject><saml:NameID>bob</saml:NameID><saml:SubjectConfirmation Method="x"/></saml:Subject>`), idp.XMLSchema},
		{"empty Subject", with(`<saml:Subject/>`), idp.XMLSchema},
		{"RequestedAuthnContext without classes", with(`<samlp:RequestedAuthnContext/>`), idp.XMLSchema},
		{"unknown Comparison", with(`<samlp:RequestedAuthnContext Comparison="x"><saml:AuthnContextClassRef>a</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>`), idp.XMLSchema},
	} {
		t.Run(tt.name, func(t *testing.T) {
			login, err := post(b, tt.xml)
			refused(t, login, err, tt.reason)
		})
	}
}

func TestAcceptedForms(t *testing.T) {
	b := samltest.B()
	long := b.Request(now)
	long.ID = "_" + strings.Repeat("a", 1023)
	long.Attributes = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" Consent="urn:x" ProviderName=""`
	long.Children = `<samlp:Extensions><x xmlns="urn:x"/></samlp:Extensions><saml:Conditions/><samlp:Scoping ProxyCount="0"/>`
	login, err := post(b, "\n"+long.XML()+"\n")
	if got := accepted(t, login, err); got.RequestID != long.ID || got.ACS != "https://sp-b.test/acs" || got.SP != b.EntityID {
		t.Errorf("login = %+v", got)
	}

	t.Run("P14 forms of IssueInstant", func(t *testing.T) {
		for _, instant := range []string{
			"2026-03-01T12:00:00Z", "2026-03-01T12:00:00.1234567Z", "2026-03-01T14:00:00+02:00",
			"2026-03-01T06:30:00.5-05:30", "2026-03-01T12:00:00", "2026-03-01T11:55:00Z", "2026-03-01T12:01:00Z",
		} {
			r := b.Request(now)
			r.IssueInstant = instant
			login, err := post(b, r.XML())
			accepted(t, login, err)
		}
	})
	for name, d := range map[string]time.Duration{
		"A18 -6 min": -6 * time.Minute, "A18 +2 min": 2 * time.Minute, "A18 +10 years": 10 * 8766 * time.Hour,
		"P14 just too old": -5*time.Minute - time.Second, "P14 just too early": time.Minute + time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			login, err := post(b, b.Request(now.Add(d)).XML())
			refused(t, login, err, idp.TimeWindow)
		})
	}
}
