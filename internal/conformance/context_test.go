package conformance_test

// Classes that a request may name: two that are met by an approval, one that is
// not, one that nobody knows.
const (
	classes      = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
	password     = classes + "PasswordProtectedTransport"
	mobile       = classes + "MobileTwoFactorContract"
	kerberos     = classes + "Kerberos"
	unknownClass = "urn:x:class"
)

// requested is a RequestedAuthnContext; comparison may be empty.
func requested(comparison string, refs ...string) string {
	s := "<samlp:RequestedAuthnContext"
	if comparison != "" {
		s += ` Comparison="` + comparison + `"`
	}
	s += ">"
	for _, ref := range refs {
		s += "<saml:AuthnContextClassRef>" + ref + "</saml:AuthnContextClassRef>"
	}
	return s + "</samlp:RequestedAuthnContext>"
}

// contextMet is a case of a request that is answered with one of its classes.
func contextMet(id, what, context string, right ...string) conformanceCase {
	return conformanceCase{id, "Core 3.3.2.2.1", what, func(v *visit) {
		r := v.request(v.plain)
		r.Children = context
		assertion := v.success(v.approve(v.redirect(r)), r, v.plain)
		got := v.one(assertion, "./AuthnStatement/AuthnContext/AuthnContextClassRef").Text()
		if len(right) > 0 {
			v.oneOf("class", got, right...)
		}
	}}
}

// contextRefused is a case of a request that nobody can meet.
func contextRefused(id, what, context string) conformanceCase {
	return conformanceCase{id, "Core 3.3.2.2.1", what, func(v *visit) {
		r := v.request(v.plain)
		r.Children = context
		v.failure(v.read(v.redirect(r)), r, v.plain, "Responder", "NoAuthnContext")
	}}
}

var contextCases = []conformanceCase{
	contextMet("C060", "no comparison is exact", requested("", password), password),
	contextMet("C061", "exact", requested("exact", mobile), mobile),
	contextMet("C062", "exact, the first of several that can be met", requested("exact", kerberos, unknownClass, password, mobile), password),
	contextMet("C063", "minimum", requested("minimum", password)),
	contextMet("C064", "minimum, several", requested("minimum", kerberos, password)),
	contextMet("C065", "maximum", requested("maximum", mobile)),
	contextRefused("C066", "exact, a class that we have not", requested("exact", kerberos)),
	contextRefused("C067", "exact, classes that nobody knows", requested("exact", unknownClass, unknownClass+"2")),
	contextRefused("C068", "minimum, a class that nobody knows", requested("minimum", unknownClass)),
	contextRefused("C069", "maximum, a class that nobody knows", requested("maximum", unknownClass)),
	contextRefused("C070", "better than a class that nobody knows", requested("better", unknownClass)),
	contextRefused("C071", "declarations", `<samlp:RequestedAuthnContext><saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef></samlp:RequestedAuthnContext>`),
	refusedRequest("C072", "Core 3.3.2.2.1", "a comparison that there is not", children(requested("best", password))),
	refusedRequest("C073", "Core 3.3.2.2.1", "neither classes nor declarations", children(requested("exact"))),
	{"C074", "Core 2.7.2.2", "without a wish the class is one that is true", func(v *visit) {
		r := v.request(v.plain)
		assertion := v.success(v.approve(v.redirect(r)), r, v.plain)
		got := v.one(assertion, "./AuthnStatement/AuthnContext/AuthnContextClassRef").Text()
		if got == password || got == kerberos {
			v.Errorf("class %s, though nobody typed a password", got)
		}
	}},
}
