package conformance_test

import (
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// programRequest is a request of a service provider that a program brings.
func (v *visit) programRequest(p *party) samltest.Request {
	r := v.request(p)
	r.Destination = v.programAddress()
	r.ACS, r.Attributes = v.programs.paos, `ProtocolBinding="`+bindingPAOS+`"`
	return r
}

// programAddress is where programs bring requests, by the metadata for a service
// provider that lets them in.
func (v *visit) programAddress() string {
	v.Helper()
	return readOurs(v, v.get(v, idptest.Base+"/saml/metadata/"+v.programs.slug)).sso[bindingSOAP]
}

// asks brings a request with the person's name and a password.
func (v *visit) asks(r samltest.Request, password string) (a *samltest.ECPAnswer, resp *http.Response) {
	v.Helper()
	req, err := http.NewRequestWithContext(v.Context(), http.MethodPost, v.programAddress(), strings.NewReader(samltest.Envelope("", r.XML())))
	must(v, err)
	req.Header.Set("Content-Type", samltest.SOAPType)
	req.SetBasicAuth(v.user.Email, password)
	resp = v.idp.Serve(req, v.browser.IP)
	if resp.StatusCode == http.StatusUnauthorized {
		return nil, resp
	}
	a, err = samltest.ReadECP(idptest.Body(v, resp))
	must(v, err)
	return a, resp
}

// appPassword lets an administrator make one.
func (v *visit) appPassword() string {
	v.Helper()
	made, err := v.admin(v).AddAppPassword(v.Context(), v.user.ID, adminapi.NewAppPassword{SP: v.programs.entityID, Name: "mail"})
	must(v, err)
	return made.Password
}

var programCases = []conformanceCase{
	{"M016", "Metadata 2.4.3", "an endpoint for programs, where they are let in", func(v *visit) {
		if v.programAddress() == "" || v.ours.sso[bindingSOAP] != "" {
			v.Errorf("at %q; for everybody at %q", v.programAddress(), v.ours.sso[bindingSOAP])
		}
	}},
	{"P060", "Profiles 4.2.3.4", "request by SOAP, HTTP Basic", func(v *visit) {
		r := v.programRequest(v.programs)
		a, resp := v.asks(r, v.appPassword())
		if resp.StatusCode != http.StatusOK || a.Fault != "" || a.ACS != v.programs.paos {
			v.Fatalf("%d %+v", resp.StatusCode, a)
		}
		schematest.Validate(v, a.Response)
		schematest.VerifySignature(v, a.Response, schematest.PEM(v.ours.certs[0].Raw))
		root := parse(v, a.Response)
		v.common(root)
		if got := v.attribute(root, "./Status/StatusCode", "Value"); got != statusPrefix+"Success" {
			v.Errorf("status %s", got)
		}
		assertion := v.one(root, "./Assertion")
		v.assertion(assertion, r, v.programs, v.programs.paos)
		if got := v.one(assertion, "./Subject/NameID").Text(); got != v.user.Email {
			v.Errorf("NameID %q", got)
		}
	}},
	{"P061", "Profiles 4.2.3.5", "wrong password", func(v *visit) {
		v.appPassword()
		_, resp := v.asks(v.programRequest(v.programs), "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
			v.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
	}},
	{"P062", "Profiles 4.2.3.4", "a service provider that lets no programs in", func(v *visit) {
		a, resp := v.asks(v.programRequest(v.plain), v.appPassword())
		if resp.StatusCode == http.StatusOK && a.Assertion != nil || a != nil && len(a.Response) > 0 && a.Assertion != nil {
			v.Errorf("%d %+v", resp.StatusCode, a)
		}
	}},
	{"P063", "Profiles 4.2.4.4", "an endpoint that metadata does not have", func(v *visit) {
		r := v.programRequest(v.programs)
		r.ACS = "https://evil.test/paos"
		a, resp := v.asks(r, v.appPassword())
		if a == nil || a.Fault == "" {
			v.Errorf("%d %+v", resp.StatusCode, a)
		}
	}},
}
