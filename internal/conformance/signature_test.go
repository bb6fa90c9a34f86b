package conformance_test

import (
	"strings"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// signedQuery is a redirect query that a service provider has signed.
func (v *visit) signedQuery(p *party, r samltest.Request, method string, relay ...string) string {
	return p.SignQuery(samltest.RedirectQuery(r.XML(), first(relay)), method)
}

var signatureCases = []conformanceCase{
	{"B030", "Bindings 3.4.4.1", "signed query", func(v *visit) {
		r := v.request(v.signing)
		v.success(v.approve(v.query(v.signedQuery(v.signing, r, samltest.RSASHA256, "state"))), r, v.signing)
	}},
	{"B031", "Bindings 3.4.4.1", "signed query with lower-case percent-encoding", func(v *visit) {
		r := v.request(v.signing)
		query := samltest.RedirectQuery(r.XML(), ptr("a+b/c=="))
		for _, code := range []string{"%2B", "%2F", "%3D"} {
			query = strings.ReplaceAll(query, code, strings.ToLower(code))
		}
		v.success(v.approve(v.query(v.signing.SignQuery(query, samltest.RSASHA256))), r, v.signing)
	}},
	{"B032", "Bindings 3.4.4.1", "RelayState changed after signing", func(v *visit) {
		query := v.signedQuery(v.signing, v.request(v.signing), samltest.RSASHA256, "state")
		v.rejected(v.query(strings.Replace(query, "RelayState=state", "RelayState=other", 1)))
	}},
	{"B033", "Bindings 3.4.4.1", "RelayState taken away after signing", func(v *visit) {
		query := v.signedQuery(v.signing, v.request(v.signing), samltest.RSASHA256, "state")
		v.rejected(v.query(strings.Replace(query, "&RelayState=state", "", 1)))
	}},
	{"B034", "Bindings 3.4.5.2", "signed query without Destination", func(v *visit) {
		r := v.request(v.signing)
		r.Destination = ""
		v.rejected(v.query(v.signedQuery(v.signing, r, samltest.RSASHA256)))
	}},
	{"B035", "Bindings 3.5.5.2", "signed message by HTTP-POST", func(v *visit) {
		r := v.request(v.signing)
		v.success(v.approve(v.post(v.signing, v.signing.SignXML(r.XML(), samltest.Signing{}))), r, v.signing)
	}},
	{"B036", "Bindings 3.5.5.2", "signed message by HTTP-POST without Destination", func(v *visit) {
		r := v.request(v.signing)
		r.Destination = ""
		v.rejected(v.post(v.signing, v.signing.SignXML(r.XML(), samltest.Signing{})))
	}},
	{"M010", "Metadata 2.4.4", "AuthnRequestsSigned: unsigned is refused", func(v *visit) {
		v.rejected(v.redirect(v.request(v.signing)))
		v.rejected(v.post(v.signing, v.request(v.signing).XML()))
	}},
	{"C090", "Core 5.3", "signature by another key, though none is demanded", func(v *visit) {
		r := v.request(v.plain)
		v.rejected(v.post(v.plain, v.signing.SignXML(r.XML(), samltest.Signing{KeyInfo: v.signing.X509()})))
		v.rejected(v.query(v.signedQuery(v.signing, r, samltest.RSASHA256)))
	}},
	{"C091", "Core 5.4.2", "message changed after signing", func(v *visit) {
		signed := v.signing.SignXML(v.request(v.signing).XML(), samltest.Signing{})
		v.rejected(v.post(v.signing, strings.Replace(signed, `Version="2.0"`, `Version="2.0" ForceAuthn="true"`, 1)))
	}},
	{"C092", "Core 5.4.2", "signature about another element", func(v *visit) {
		r := v.request(v.signing)
		r.Children = `<samlp:Extensions><x xmlns="urn:x" ID="_x"/></samlp:Extensions>`
		v.rejected(v.post(v.signing, v.signing.SignXML(r.XML(), samltest.Signing{URI: "#_x"})))
	}},
	{"C093", "Core 5.4.4", "transform by XPath", func(v *visit) {
		xpath := `<ds:Transform Algorithm="` + samltest.Enveloped + `"/>` +
			`<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>self::node()</ds:XPath></ds:Transform>`
		v.rejected(v.post(v.signing, v.signing.SignXML(v.request(v.signing).XML(), samltest.Signing{Transforms: xpath})))
	}},
	{"C094", "Core 5.4.1", "RSA-SHA256, -384, -512", func(v *visit) {
		for _, method := range []string{samltest.RSASHA256, samltest.RSASHA384, samltest.RSASHA512} {
			v.idp.Clock.Add(pause)
			v.browser = v.idp.Browser(v.browser.IP)
			r := v.request(v.signing)
			v.success(v.approve(v.query(v.signedQuery(v.signing, r, method))), r, v.signing)
		}
	}},
	{"C095", "Core 5.4.1", "RSA-SHA1 is refused unless an administrator allows it", func(v *visit) {
		v.rejected(v.query(v.signedQuery(v.signing, v.request(v.signing), samltest.RSASHA1)))
	}},
}
