package conformance_test

import (
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

func policy(attributes string) string { return "<samlp:NameIDPolicy " + attributes + "/>" }

func format(uri string) string { return `Format="` + uri + `"` }

// identifier signs in with a policy and returns the identifier, which is one of
// the wanted format (empty: any).
func (v *visit) identifier(p *party, policy, format string) *etree.Element {
	v.Helper()
	v.idp.Clock.Add(pause)
	v.browser = v.idp.Browser(v.browser.IP)
	r := v.request(p)
	r.Children = policy
	id := v.one(v.success(v.approve(v.redirect(r)), r, p), "./Subject/NameID")
	if got := id.SelectAttrValue("Format", formatUnspecified); format != "" && got != format {
		v.Errorf("format %s, want %s", got, format)
	}
	if n := len([]rune(id.Text())); n == 0 || n > 256 {
		v.Errorf("an identifier of %d characters", n)
	}
	for name, want := range map[string]string{"NameQualifier": v.ours.entityID, "SPNameQualifier": p.entityID} {
		if got := id.SelectAttrValue(name, want); got != want {
			v.Errorf("%s %q", name, got)
		}
	}
	return id
}

// policyRefused is a case of a policy that cannot be met.
func policyRefused(id, section, what, attributes string) conformanceCase {
	return conformanceCase{id, section, what, func(v *visit) {
		r := v.request(v.plain)
		r.Children = policy(attributes)
		v.failure(v.read(v.redirect(r)), r, v.plain, "Requester", "InvalidNameIDPolicy")
	}}
}

var nameIDCases = []conformanceCase{
	{"C050", "Core 3.4.1.1", "no policy, empty policy, unspecified: the configured format", func(v *visit) {
		for _, p := range []string{"", policy(""), policy(format(formatUnspecified)), policy(`AllowCreate="false"`), policy(`AllowCreate="true"`)} {
			v.identifier(v.plain, p, formatEmail)
		}
	}},
	{"C051", "Core 8.3.2", "emailAddress", func(v *visit) {
		if got := v.identifier(v.plain, policy(format(formatEmail)), formatEmail).Text(); got != v.user.Email {
			v.Errorf("NameID %q", got)
		}
	}},
	{"C052", "Core 8.3.8", "transient: an xs:ID, another one each time", func(v *visit) {
		one := v.identifier(v.plain, policy(format(formatTransient)), formatTransient).Text()
		two := v.identifier(v.plain, policy(format(formatTransient)), formatTransient).Text()
		if one == two || !ncName.MatchString(one) || len(one) < 22 || strings.Contains(one, v.user.ID) {
			v.Errorf("identifiers %q, %q", one, two)
		}
	}},
	{"C053", "Core 8.3.7", "persistent: opaque, the same each time, another one elsewhere", func(v *visit) {
		one := v.identifier(v.persistent, policy(format(formatPersistent)+` AllowCreate="true"`), formatPersistent).Text()
		again := v.identifier(v.persistent, "", formatPersistent).Text()
		elsewhere := v.identifier(v.opaque, "", formatPersistent).Text()
		if one != again || one == elsewhere || one != strings.ToLower(one) ||
			strings.Contains(one, v.user.Email) || strings.Contains(one, strings.ToLower(v.user.ID)) {
			v.Errorf("identifiers %q, %q, elsewhere %q", one, again, elsewhere)
		}
	}},
	{"C054", "Core 3.4.1.1", "SPNameQualifier of the service provider", func(v *visit) {
		// It may be left out (Core 8.3.7); identifier checks it where it is not.
		v.identifier(v.plain, policy(`SPNameQualifier="`+v.plain.entityID+`"`), formatEmail)
		v.identifier(v.persistent, policy(`SPNameQualifier="`+v.persistent.entityID+`"`), formatPersistent)
	}},
	policyRefused("C055", "Core 3.4.1.1", "SPNameQualifier of somebody else", `SPNameQualifier="https://other.test/group"`),
	policyRefused("C056", "Core 3.4.1.1", "format that this service provider is not given", format(formatPersistent)),
	policyRefused("C057", "Core 3.4.1.1", "format that nobody knows", format("urn:x:unknown")),
	policyRefused("C058", "Core 8.3.6", "entity is no format of people", format("urn:oasis:names:tc:SAML:2.0:nameid-format:entity")),
	{"C059", "Core 2.4", "no identifier at all, where so configured", func(v *visit) {
		r := v.request(v.nameless)
		assertion := v.success(v.approve(v.redirect(r)), r, v.nameless)
		if got := assertion.FindElement("./Subject/NameID"); got != nil {
			v.Error(fmt.Sprint("NameID ", got.Text()))
		}
	}},
}
