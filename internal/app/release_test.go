package app_test

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// given are the names of the attributes that a sign-in gives to B.
func given(t *testing.T, i *idptest.IdP, alice *person, attributes string) string {
	t.Helper()
	r := i.Good()
	r.Attributes = attributes
	p := idptest.ReadPost(t, alice.Finish(alice.approve(alice.Start(query(r))).SID, idptest.RandomKey()))
	var m struct {
		Attributes []struct {
			Name string `xml:"Name,attr"`
		} `xml:"Assertion>AttributeStatement>Attribute"`
	}
	must(t, xml.Unmarshal(p.SAMLResponse, &m))
	var names []string
	for _, a := range m.Attributes {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestAttributeRelease: from metadata and rules to the assertion.
func TestAttributeRelease(t *testing.T) {
	i := idptest.New(t)
	research := idp.EntityAttribute{Name: "http://macedir.org/entity-category", Value: "http://refeds.org/category/research-and-scholarship"}
	rules := &idp.ReleaseRules{Rules: []idp.ReleaseRule{
		{ID: idp.RuleID(research), Whom: research, Attributes: []string{"displayName = displayName"}},
		{ID: idp.RuleID(idp.EntityAttribute{}), Only: idp.ReleaseRequested, Attributes: []string{"sn = familyName", "givenName = givenName"}},
	}}
	must(t, i.Store.SaveReleaseRules(t.Context(), rules))
	asks := func(index int, names ...string) idp.AttributeService {
		s := idp.AttributeService{Index: index}
		for _, n := range names {
			s.Requested = append(s.Requested, idp.RequestedAttribute{Name: n, Required: true})
		}
		return s
	}
	alice := newPerson(i, i.Alice)
	for _, c := range []struct {
		name    string
		sp      func(*idp.ServiceProvider)
		request string
		want    string
	}{
		{"IDP02 its own mapping", func(sp *idp.ServiceProvider) { sp.Attributes = []string{"mail = email"} }, "", "mail"},
		{"a category that nobody vouches for", func(sp *idp.ServiceProvider) { sp.EntityAttributes = []idp.EntityAttribute{research} }, "", "mail"},
		{"a category, signed, not verified", func(sp *idp.ServiceProvider) { sp.MetadataSigned = idp.MetadataNotVerified }, "", "mail"},
		{"IDP03 a category, verified", func(sp *idp.ServiceProvider) { sp.MetadataSigned = idp.MetadataVerified }, "", "displayName mail"},
		{"IDP04 requested", func(sp *idp.ServiceProvider) {
			sp.AttributeServices = []idp.AttributeService{asks(1, "sn", "everything"), asks(5, "givenName", "mail")}
		}, "", "displayName mail sn"},
		{"IDP04 of a service", func(*idp.ServiceProvider) {}, `AttributeConsumingServiceIndex="5"`, "displayName givenName mail"},
		{"IDP04 of a service that there is not", func(*idp.ServiceProvider) {}, `AttributeConsumingServiceIndex="65535"`, "displayName mail sn"},
		{"only what is requested", func(sp *idp.ServiceProvider) { sp.Release = idp.ReleaseRequested }, `AttributeConsumingServiceIndex="5"`, "givenName mail"},
		{"nothing that is permitted", func(*idp.ServiceProvider) {}, "", "sn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			i.UpdateSP(spB, c.sp)
			if got := given(t, i, alice, c.request); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	t.Run("a removed rule is followed no more", func(t *testing.T) {
		rules.Rules = rules.Rules[:1]
		must(t, i.Store.SaveReleaseRules(t.Context(), rules))
		if got := given(t, i, alice, ""); got != "" {
			t.Errorf("%q", got)
		}
	})
	t.Run("a service that is gone meanwhile", func(t *testing.T) {
		r := i.Good()
		r.Attributes = `AttributeConsumingServiceIndex="5"`
		location := alice.Start(query(r))
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.AttributeServices = nil })
		assertion(t, alice.Finish(alice.approve(location).SID, idptest.RandomKey()))
	})
}
