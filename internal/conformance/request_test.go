package conformance_test

import (
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// refusedRequest is a case of a request that must not be answered at all: what
// it says cannot be trusted, or makes no sense.
func refusedRequest(id, section, what string, change func(*visit, *samltest.Request)) conformanceCase {
	return conformanceCase{id, section, what, func(v *visit) {
		r := v.request(v.plain)
		change(v, &r)
		v.rejected(v.redirect(r))
		v.rejected(v.post(v.plain, r.XML()))
	}}
}

// served is a case of a request that changes nothing about the answer.
func served(id, section, what string, change func(*visit, *samltest.Request)) conformanceCase {
	return conformanceCase{id, section, what, func(v *visit) {
		r := v.request(v.plain)
		change(v, &r)
		v.success(v.approve(v.redirect(r)), r, v.plain)
	}}
}

func children(xml string) func(*visit, *samltest.Request) {
	return func(_ *visit, r *samltest.Request) { r.Children = xml }
}

func attributes(xml string) func(*visit, *samltest.Request) {
	return func(_ *visit, r *samltest.Request) { r.Attributes = xml }
}

// issued changes the time of a request.
func issued(ago time.Duration) func(*visit, *samltest.Request) {
	return func(v *visit, r *samltest.Request) { r.IssueInstant = v.now().Add(-ago).UTC().Format(time.RFC3339) }
}

var requestCases = []conformanceCase{
	refusedRequest("C001", "Core 3.2.1", "no ID", func(_ *visit, r *samltest.Request) { r.ID = "" }),
	refusedRequest("C002", "Core 1.3.4", "ID that is no xs:ID", func(_ *visit, r *samltest.Request) { r.ID = "1 2" }),
	refusedRequest("C003", "Core 4.1.3", "Version 1.1", func(_ *visit, r *samltest.Request) { r.Version = "1.1" }),
	refusedRequest("C004", "Core 4.1.3", "Version 3.0", func(_ *visit, r *samltest.Request) { r.Version = "3.0" }),
	refusedRequest("C005", "Core 3.2.1", "no IssueInstant", func(_ *visit, r *samltest.Request) { r.IssueInstant = "" }),
	refusedRequest("C006", "Core 1.3.3", "IssueInstant an hour ago", issued(time.Hour)),
	refusedRequest("C007", "Core 1.3.3", "IssueInstant in an hour", issued(-time.Hour)),
	served("C008", "Core 1.3.3", "IssueInstant three minutes ago", issued(3*time.Minute)),
	served("C009", "Core 1.3.3", "IssueInstant with a fraction", func(v *visit, r *samltest.Request) {
		r.IssueInstant = v.now().UTC().Format("2006-01-02T15:04:05.0000000Z")
	}),
	refusedRequest("C010", "Core 3.2.1", "Destination is somebody else's", func(_ *visit, r *samltest.Request) { r.Destination = "https://other.test/sso" }),
	served("C011", "Core 3.2.1", "no Destination, unsigned", func(_ *visit, r *samltest.Request) { r.Destination = "" }),
	refusedRequest("P001", "Profiles 4.1.4.1", "no Issuer", func(_ *visit, r *samltest.Request) { r.Issuer = "" }),
	refusedRequest("P002", "Profiles 4.1.4.1", "Issuer that nobody knows", func(_ *visit, r *samltest.Request) { r.Issuer = "https://nobody.test/sp" }),
	refusedRequest("C012", "Core 8.3.6", "Issuer in another case", func(_ *visit, r *samltest.Request) { r.Issuer = strings.ToUpper(r.Issuer) }),
	served("C013", "Core 3.2.1", "Extensions that nobody knows", children(`<samlp:Extensions><x:y xmlns:x="urn:x" z="1">t<x:w/></x:y></samlp:Extensions>`)),
	served("C014", "Core 3.2.1", "Consent", attributes(`Consent="urn:oasis:names:tc:SAML:2.0:consent:obtained"`)),
	served("C015", "Core 3.4.1", "ProviderName", attributes(`ProviderName="Zoë's &lt;shop&gt; ✓"`)),
	served("C016", "Core 3.4.1", "ProviderName of 256 characters", attributes(`ProviderName="`+strings.Repeat("é", 256)+`"`)),
	served("C017", "Core 3.4.1", "Conditions", children(`<saml:Conditions/>`)),
	served("C018", "Core 3.4.1.2", "Scoping with ProxyCount 0", children(`<samlp:Scoping ProxyCount="0"/>`)),
	{"C019", "Core 3.4.1.2", "IDPList with us", func(v *visit) {
		r := v.request(v.plain)
		r.Children = idpList(v.ours.entityID)
		v.success(v.approve(v.redirect(r)), r, v.plain)
	}},
	{"C020", "Core 3.4.1.2", "IDPList without us: an answer, or a status that says so", func(v *visit) {
		r := v.request(v.plain)
		r.Children = idpList("https://other.test/idp")
		page := v.redirect(r)
		if page.Request.URL.Query().Get("l") != "" {
			v.success(v.approve(page), r, v.plain)
			return
		}
		a := v.read(page)
		second := v.attribute(a.root, "./Status/StatusCode/StatusCode", "Value")
		v.oneOf("status", second, statusPrefix+"NoAvailableIDP", statusPrefix+"NoSupportedIDP")
		v.failure(a, r, v.plain, "Responder", "")
	}},
	{"C021", "Core 3.4.1.4", "Subject is the person", func(v *visit) {
		r := v.request(v.plain)
		r.Children = subject(v.user.Email)
		assertion := v.success(v.approve(v.redirect(r)), r, v.plain)
		if got := v.one(assertion, "./Subject/NameID").Text(); got != v.user.Email {
			v.Errorf("NameID %q", got)
		}
	}},
	{"C022", "Core 3.4.1.4", "Subject is somebody else", func(v *visit) {
		v.onlyRefusals(subject(v.person().Email))
	}},
	{"C023", "Core 3.4.1.4", "Subject that nobody is", func(v *visit) {
		v.onlyRefusals(subject("nobody@nowhere.test"))
	}},
	{"C024", "Core 3.4.1.4", "Subject is somebody else than who is signed in", func(v *visit) {
		first := v.request(v.plain)
		v.success(v.approve(v.redirect(first)), first, v.plain)
		r := v.request(v.opaque)
		r.Children = subject(v.person().Email)
		if _, ok := v.goesOn(v.redirect(r)); ok {
			v.Error("the session answers for another person")
		}
	}},
	refusedRequest("P003", "Profiles 4.1.4.1", "Subject with a confirmation", children(
		`<saml:Subject><saml:NameID>x</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/></saml:Subject>`)),
	refusedRequest("C025", "Core 3.4.1", "children in another order", children(`<samlp:Scoping/><samlp:NameIDPolicy/>`)),
	refusedRequest("C026", "Core 3.4.1", "IsPassive that is no boolean", attributes(`IsPassive="yes"`)),
	{"C027", "Core 3.4.1", "another message than an AuthnRequest", func(v *visit) {
		message := strings.ReplaceAll(v.request(v.plain).XML(), "AuthnRequest", "AttributeQuery")
		v.rejected(v.query(samltest.RedirectQuery(message, nil)))
		v.rejected(v.post(v.plain, message))
	}},
	{"C028", "Core 1.2", "SAML 1.1", func(v *visit) {
		v.rejected(v.post(v.plain, strings.ReplaceAll(v.request(v.plain).XML(), nsProtocol, "urn:oasis:names:tc:SAML:1.0:protocol")))
	}},
	{"C029", "Core 1.3.1", "DTD", func(v *visit) {
		for _, dtd := range []string{
			`<!DOCTYPE samlp:AuthnRequest>`, `<!DOCTYPE x [<!ENTITY e "x">]>`, `<!DOCTYPE x SYSTEM "https://other.test/dtd">`,
		} {
			v.rejected(v.post(v.plain, dtd+v.request(v.plain).XML()))
		}
	}},
	{"P004", "Profiles 4.1.4.1", "a request is answered once", func(v *visit) {
		r := v.request(v.plain)
		v.success(v.approve(v.redirect(r)), r, v.plain)
		v.browser = v.idp.Browser(v.browser.IP)
		v.rejected(v.redirect(r))
	}},
}

func idpList(entityID string) string {
	return `<samlp:Scoping><samlp:IDPList><samlp:IDPEntry ProviderID="` + entityID + `"/></samlp:IDPList></samlp:Scoping>`
}

func subject(email string) string {
	return `<saml:Subject><saml:NameID Format="` + formatEmail + `">` + email + `</saml:NameID></saml:Subject>`
}

// onlyRefusals checks that a request gets no assertion whatever the person does,
// who cannot approve it, and that the service provider can be told.
func (v *visit) onlyRefusals(subject string) {
	v.Helper()
	r := v.request(v.plain)
	r.Children = subject
	sid, req := v.scan(v.redirect(r))
	if _, err := v.phone.Approve(v.Context(), req); err == nil {
		v.Fatal("somebody else could approve")
	}
	must(v, v.phone.Deny(v.Context(), req, "not_me"))
	a := v.read(v.browser.Finish(sid, r.ID[1:]))
	second := v.attribute(a.root, "./Status/StatusCode/StatusCode", "Value")
	v.oneOf("status", second, statusPrefix+"UnknownPrincipal", statusPrefix+"AuthnFailed")
	v.failure(a, r, v.plain, "Responder", "")
}
