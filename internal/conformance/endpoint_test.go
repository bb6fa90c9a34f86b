package conformance_test

import (
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// goesTo is a case of a request whose answer goes to an endpoint.
func goesTo(id, section, what string, change func(*visit, *samltest.Request), second bool) conformanceCase {
	return conformanceCase{id, section, what, func(v *visit) {
		r := v.request(v.plain)
		change(v, &r)
		want := v.plain.acs
		if second {
			want = v.plain.second
		}
		a := v.approve(v.redirect(r))
		v.success(a, r, v.plain)
		if a.ACS != want {
			v.Errorf("posted to %s, want %s", a.ACS, want)
		}
	}}
}

var endpointCases = []conformanceCase{
	goesTo("C030", "Core 3.4.1", "no endpoint: the default one", func(*visit, *samltest.Request) {}, false),
	goesTo("C031", "Core 3.4.1", "endpoint by URL", func(v *visit, r *samltest.Request) { r.ACS = v.plain.acs }, false),
	goesTo("C032", "Core 3.4.1", "another endpoint by URL", func(v *visit, r *samltest.Request) { r.ACS = v.plain.second }, true),
	goesTo("C033", "Core 3.4.1", "endpoint by URL and binding", func(v *visit, r *samltest.Request) {
		r.ACS, r.Attributes = v.plain.second, `ProtocolBinding="`+bindingPOST+`"`
	}, true),
	goesTo("C034", "Core 3.4.1", "endpoint by index", attributes(`AssertionConsumerServiceIndex="7"`), true),
	goesTo("C035", "Core 3.4.1", "binding alone: the default endpoint", attributes(`ProtocolBinding="`+bindingPOST+`"`), false),
	refusedRequest("C036", "Core 3.4.1", "URL that metadata does not have", func(_ *visit, r *samltest.Request) { r.ACS = "https://evil.test/acs" }),
	refusedRequest("C037", "Core 3.4.1", "URL with more than metadata has", func(v *visit, r *samltest.Request) { r.ACS = v.plain.second + "/.." }),
	refusedRequest("C038", "Core 3.4.1", "URL of another service provider", func(v *visit, r *samltest.Request) { r.ACS = v.signing.acs }),
	refusedRequest("C039", "Core 3.4.1", "URL and index exclude each other", func(v *visit, r *samltest.Request) {
		r.ACS, r.Attributes = v.plain.second, `AssertionConsumerServiceIndex="7"`
	}),
	{"C040", "Core 3.4.1", "unknown index: refused, or the default endpoint", func(v *visit) {
		r := v.request(v.plain)
		r.Attributes = `AssertionConsumerServiceIndex="8"`
		page := v.redirect(r)
		if page.StatusCode >= 400 {
			v.rejected(page)
			return
		}
		if a := v.approve(page); a.ACS != v.plain.acs {
			v.Errorf("posted to %s", a.ACS)
		}
	}},
	{"C041", "Core 3.2.2.2", "a binding that there is not", func(v *visit) {
		r := v.request(v.plain)
		r.Attributes = `ProtocolBinding="` + bindingArtifact + `"`
		a := v.read(v.redirect(r))
		v.failure(a, r, v.plain, "Requester", "UnsupportedBinding")
		if a.ACS != v.plain.acs {
			v.Errorf("posted to %s", a.ACS)
		}
	}},
}
