package conformance_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

// signs is a case of what is signed where the administrator has chosen so.
func signs(id, what, setting string, response, assertion bool) conformanceCase {
	return conformanceCase{id, "Profiles 4.1.4.5", what, func(v *visit) {
		v.configure(v.plain, adminapi.Settings{Sign: &setting})
		defer v.configure(v.plain, adminapi.Settings{Sign: ptr("assertion")})
		r := v.request(v.plain)
		a := v.approve(v.redirect(r))
		v.success(a, r, v.plain)
		if (a.root.FindElement("./Signature") != nil) != response || (a.root.FindElement("./Assertion/Signature") != nil) != assertion {
			v.Errorf("other signatures in %s", a.SAMLResponse)
		}
	}}
}

// configure lets an administrator change a service provider.
func (v *visit) configure(p *party, settings adminapi.Settings) {
	v.Helper()
	_, err := v.admin(v).UpdateServiceProvider(v.Context(), p.slug, adminapi.ServiceProviderPatch{Settings: settings})
	must(v, err)
}

var responseCases = []conformanceCase{
	signs("P020", "assertion signed", "assertion", false, true),
	signs("P021", "response signed", "response", true, false),
	signs("P022", "both signed", "both", true, true),
	{"P023", "Profiles 4.1.4.2", "an answer is for one service provider", func(v *visit) {
		r := v.request(v.plain)
		a := v.approve(v.redirect(r))
		v.success(a, r, v.plain)
		for _, other := range []*party{v.signing, v.persistent} {
			if bytes.Contains(a.SAMLResponse, []byte(other.entityID)) {
				v.Errorf("%s is named", other.entityID)
			}
		}
	}},
	{"C096", "Core 2.7.3", "attributes, each once, with a name format", func(v *visit) {
		r := v.request(v.plain)
		assertion := v.success(v.approve(v.redirect(r)), r, v.plain)
		seen := map[string]bool{}
		for _, e := range v.one(assertion, "./AttributeStatement").SelectElements("Attribute") {
			name := e.SelectAttrValue("NameFormat", "") + " " + e.SelectAttrValue("Name", "")
			if seen[name] || len(e.SelectElements("AttributeValue")) == 0 {
				v.Errorf("attribute %s twice, or without a value", name)
			}
			seen[name] = true
		}
		if !seen["urn:oasis:names:tc:SAML:2.0:attrname-format:uri urn:oid:0.9.2342.19200300.100.1.3"] {
			v.Errorf("no mail among %v", seen)
		}
	}},
	{"C097", "Core 6", "encrypted assertion", func(v *visit) {
		r := v.request(v.encrypting)
		a := v.approve(v.redirect(r))
		v.envelope(a, r, v.encrypting)
		if a.root.FindElement(".//Assertion") != nil || bytes.Contains(a.SAMLResponse, []byte(v.user.Email)) {
			v.Fatalf("in plain: %s", a.SAMLResponse)
		}
		key, err := x509.MarshalPKCS8PrivateKey(v.encrypting.Key)
		must(v, err)
		keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
		plain := schematest.VerifyEncrypted(v, [][]byte{a.SAMLResponse}, keyPEM, schematest.PEM(v.ours.certs[0].Raw), true)
		assertion := v.one(parse(v, plain[0]), "./EncryptedAssertion/Assertion")
		v.assertion(assertion, r, v.encrypting, a.ACS)
		v.indexed(assertion)
		if got := v.one(assertion, "./Subject/NameID").Text(); got != v.user.Email {
			v.Errorf("NameID %q", got)
		}
	}},
	{"C099", "Core 2.7.3.1", "an attribute of any name and name format", func(v *visit) {
		r := v.request(v.nameless)
		e := v.one(v.success(v.approve(v.redirect(r)), r, v.nameless), "./AttributeStatement/Attribute")
		if e.SelectAttrValue("Name", "") != "Kürzel & <1>" || e.SelectAttrValue("NameFormat", "") != "urn:x:format" ||
			v.one(e, "./AttributeValue").Text() != "R&D" {
			v.Errorf("attribute %v", e.Attr)
		}
	}},
	{"C100", "Core 2.7.3", "each service provider is told what is for it", func(v *visit) {
		r := v.request(v.nameless)
		a := v.approve(v.redirect(r))
		v.success(a, r, v.nameless)
		if bytes.Contains(a.SAMLResponse, []byte(v.user.Email)) {
			v.Errorf("more than configured in %s", a.SAMLResponse)
		}
	}},
	{"C098", "Core 3.2.2.2", "a refusal is signed, and holds nothing of the person", func(v *visit) {
		r := v.request(v.plain)
		a := v.deny(v.redirect(r))
		v.failure(a, r, v.plain, "Responder", "AuthnFailed")
		if a.root.FindElement("./Signature") == nil || bytes.Contains(a.SAMLResponse, []byte(v.user.Email)) {
			v.Errorf("refusal %s", a.SAMLResponse)
		}
	}},
}
