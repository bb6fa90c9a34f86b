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
	r.Destination = v.programAddress(v.programs)
	r.ACS, r.Attributes = p.paos, `ProtocolBinding="`+bindingPAOS+`"`
	return r
}

// programAddress is where programs bring requests, by our metadata for a service
// provider; empty: nowhere.
func (v *visit) programAddress(p *party) string {
	v.Helper()
	return readOurs(v, v.get(v, idptest.Base+"/saml/metadata/"+p.slug)).sso[bindingSOAP]
}

// asks brings a request with the person's name and a password.
func (v *visit) asks(r samltest.Request, password string) (a *samltest.ECPAnswer, resp *http.Response) {
	v.Helper()
	req, err := http.NewRequestWithContext(v.Context(), http.MethodPost, r.Destination, strings.NewReader(samltest.Envelope("", r.XML())))
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
		if with, without := v.programAddress(v.programs), v.programAddress(v.plain); with == "" || without != "" {
			v.Errorf("at %q; elsewhere at %q", with, without)
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
		r, password := v.programRequest(v.programs), v.appPassword()
		v.configure(v.programs, adminapi.Settings{ECP: ptr(false)})
		defer v.configure(v.programs, adminapi.Settings{ECP: ptr(true)})
		a, resp := v.asks(r, password)
		if a == nil || a.Fault == "" {
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
