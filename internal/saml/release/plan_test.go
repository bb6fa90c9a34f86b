package release_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/release"
)

const category = "http://macedir.org/entity-category"

var (
	rs   = idp.EntityAttribute{Name: category, Value: "http://refeds.org/category/research-and-scholarship"}
	coco = idp.EntityAttribute{Name: category, Value: "https://refeds.org/category/code-of-conduct/v2"}
	yes  = true
	no   = false
)

// lines writes a plan: released|withheld|missing, by name.
func lines(t *testing.T, sp *idp.ServiceProvider, rules []idp.ReleaseRule, index *int) string {
	t.Helper()
	p, err := release.For(sp, rules, index)
	if err != nil {
		t.Fatal(err)
	}
	var out [3][]string
	for i, list := range [][]release.Line{p.Lines, p.Withheld} {
		for _, l := range list {
			text := l.Name
			if l.Rule != "" {
				text += "@" + l.Rule
			}
			out[i] = append(out[i], text)
		}
	}
	for _, m := range p.Missing {
		out[2] = append(out[2], m.Name)
	}
	return strings.Join([]string{strings.Join(out[0], " "), strings.Join(out[1], " "), strings.Join(out[2], " ")}, "|")
}

func asks(index int, isDefault *bool, list ...idp.RequestedAttribute) idp.AttributeService {
	return idp.AttributeService{Index: index, IsDefault: isDefault, Requested: list}
}

func TestPlan(t *testing.T) {
	must, may := func(n string) idp.RequestedAttribute { return idp.RequestedAttribute{Name: n, Required: true} },
		func(n string) idp.RequestedAttribute { return idp.RequestedAttribute{Name: n} }
	research := idp.ReleaseRule{ID: "rs", Whom: rs, Attributes: []string{"mail = email", "displayName = displayName"}}
	onRequest := idp.ReleaseRule{ID: "any", Attributes: []string{"sn = familyName", "mail = email"}}
	for _, c := range []struct {
		name  string
		sp    idp.ServiceProvider
		rules []idp.ReleaseRule
		want  string
	}{
		{"IDP02 its own mapping, whatever it asks for", idp.ServiceProvider{
			Attributes: []string{"mail = email"}, AttributeServices: []idp.AttributeService{asks(1, nil, may("sn"))},
		}, nil, "mail||"},
		{"IDP04 only what is requested", idp.ServiceProvider{
			Release: idp.ReleaseRequested, Attributes: []string{"mail = email", "sn = familyName !"}, AttributeServices: []idp.AttributeService{asks(1, nil, may("mail"))},
		}, nil, "mail|sn|"},
		{"IDP04 only what is required", idp.ServiceProvider{
			Release: idp.ReleaseRequired, Attributes: []string{"mail = email", "sn = familyName"}, AttributeServices: []idp.AttributeService{asks(1, nil, may("mail"), must("sn"))},
		}, nil, "sn|mail|"},
		{"only what is requested, and nothing is", idp.ServiceProvider{Release: idp.ReleaseRequested, Attributes: []string{"mail = email"}}, nil, "|mail|"},
		{"missing", idp.ServiceProvider{AttributeServices: []idp.AttributeService{asks(1, nil, must("role"), may("sn"))}}, nil, "||role"},
		{"what is withheld is missing where it is required", idp.ServiceProvider{
			Attributes: []string{"urn:oid:1|mail = email"}, AttributeServices: []idp.AttributeService{asks(1, nil, idp.RequestedAttribute{Name: "urn:oid:1", NameFormat: idp.AttrNameBasic, Required: true})},
		}, nil, "urn:oid:1||urn:oid:1"},
		{"IDP03 a category, verified", idp.ServiceProvider{EntityAttributes: []idp.EntityAttribute{coco, rs}, MetadataSigned: idp.MetadataVerified}, []idp.ReleaseRule{research}, "mail@rs displayName@rs||"},
		{"IDP03 a category that an administrator confirms", idp.ServiceProvider{ConfirmedEntityAttributes: []idp.EntityAttribute{rs}}, []idp.ReleaseRule{research}, "mail@rs displayName@rs||"},
		{"a category that it says of itself", idp.ServiceProvider{EntityAttributes: []idp.EntityAttribute{rs}}, []idp.ReleaseRule{research}, "||"},
		{"a category with a signature that nobody has verified", idp.ServiceProvider{EntityAttributes: []idp.EntityAttribute{rs}, MetadataSigned: idp.MetadataNotVerified}, []idp.ReleaseRule{research}, "||"},
		{"a confirmed category does not make another one true", idp.ServiceProvider{EntityAttributes: []idp.EntityAttribute{rs}, ConfirmedEntityAttributes: []idp.EntityAttribute{coco}}, []idp.ReleaseRule{research}, "||"},
		{"nearly the category", idp.ServiceProvider{MetadataSigned: idp.MetadataVerified, EntityAttributes: []idp.EntityAttribute{
			{Name: category, Value: rs.Value + "/"}, {Name: category, Value: strings.ToUpper(rs.Value)}, {Name: "x", Value: rs.Value}, {},
		}}, []idp.ReleaseRule{research}, "||"},
		{"the rule in the limits of the application's setting", idp.ServiceProvider{
			Release: idp.ReleaseRequested, ConfirmedEntityAttributes: []idp.EntityAttribute{rs}, AttributeServices: []idp.AttributeService{asks(1, nil, may("mail"))},
		}, []idp.ReleaseRule{research}, "mail@rs|displayName@rs|"},
		{"the rule's own limit", idp.ServiceProvider{ConfirmedEntityAttributes: []idp.EntityAttribute{rs}, AttributeServices: []idp.AttributeService{asks(1, nil, may("mail"), must("displayName"))}},
			[]idp.ReleaseRule{{ID: "rs", Whom: rs, Only: idp.ReleaseRequired, Attributes: research.Attributes}}, "displayName@rs|mail@rs|"},
		{"a rule for everybody is about what is asked for", idp.ServiceProvider{Attributes: []string{"role = \"x\""}, AttributeServices: []idp.AttributeService{asks(1, nil, may("sn"), must("everything"))}},
			[]idp.ReleaseRule{onRequest}, "role sn@any|mail@any|everything"},
		{"a rule for everybody, and nobody asks", idp.ServiceProvider{}, []idp.ReleaseRule{onRequest}, "|sn@any mail@any|"},
		{"its own mapping goes first", idp.ServiceProvider{Attributes: []string{"mail = userPrincipalName"}, ConfirmedEntityAttributes: []idp.EntityAttribute{rs}},
			[]idp.ReleaseRule{research}, "mail displayName@rs||"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := lines(t, &c.sp, c.rules, nil); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestServices: which AttributeConsumingService counts.
func TestServices(t *testing.T) {
	ask := func(n string) idp.RequestedAttribute { return idp.RequestedAttribute{Name: n} }
	sp := idp.ServiceProvider{Release: idp.ReleaseRequested, Attributes: []string{"a = email", "b = email", "c = email"}}
	at := func(i int) *int { return &i }
	for _, c := range []struct {
		name     string
		services []idp.AttributeService
		index    *int
		want     string
	}{
		{"isDefault", []idp.AttributeService{asks(1, nil, ask("a")), asks(2, &yes, ask("b"))}, nil, "b|a c|"},
		{"the first that is not false", []idp.AttributeService{asks(1, &no, ask("a")), asks(2, nil, ask("b")), asks(3, nil, ask("c"))}, nil, "b|a c|"},
		{"the first", []idp.AttributeService{asks(1, &no, ask("a")), asks(2, &no, ask("b"))}, nil, "a|b c|"},
		{"by index", []idp.AttributeService{asks(1, nil, ask("a")), asks(2, &yes, ask("b"))}, at(1), "a|b c|"},
		{"by an index that there is not", []idp.AttributeService{asks(1, nil, ask("a")), asks(2, &yes, ask("b"))}, at(-3), "b|a c|"},
		{"none at all", nil, at(1), "|a b c|"},
	} {
		t.Run("IDP04 "+c.name, func(t *testing.T) {
			sp.AttributeServices = c.services
			if got := lines(t, &sp, nil, c.index); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRequestedValues(t *testing.T) {
	u := &idp.User{Attributes: map[string][]string{"groups": {"staff", "admin", "guest"}}}
	for _, c := range []struct {
		name, release string
		ask           []idp.RequestedAttribute
		want          []string
	}{
		{"these only", idp.ReleaseRequested, []idp.RequestedAttribute{{Name: "role", Values: []string{"staff", "root"}}}, []string{"staff"}},
		{"asked for twice", idp.ReleaseRequested, []idp.RequestedAttribute{{Name: "role", Values: []string{"staff"}}, {Name: "role"}}, []string{"staff", "admin", "guest"}},
		{"released unasked", idp.ReleasePermitted, []idp.RequestedAttribute{{Name: "role", Values: []string{"staff"}}}, []string{"staff", "admin", "guest"}},
		{"format of another", idp.ReleaseRequested, []idp.RequestedAttribute{{Name: "role", NameFormat: idp.AttrNameURI}}, nil},
	} {
		t.Run("IDP04 "+c.name, func(t *testing.T) {
			sp := idp.ServiceProvider{Release: c.release, Attributes: []string{"role = groups"}, AttributeServices: []idp.AttributeService{asks(1, nil, c.ask...)}}
			p, err := release.For(&sp, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range p.Lines {
				got = append(got, l.Of(u)...)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestMetadataAddsNothing: whatever metadata asks for and says of itself, no line
// comes into a plan that was not permitted, under no other name.
func TestMetadataAddsNothing(t *testing.T) {
	hostile := []string{
		"mail = email", `mail"`, "mail|x|uri = id", "<script>alert(1)</script>", strings.Repeat("a", 100_000), "", "\x00", "id", "*", ".*", "mail\u202e", "MAIL", "mail ", "../mail",
	}
	permitted := map[string]bool{"mail": true, "sn": true}
	rules := []idp.ReleaseRule{{ID: "any", Attributes: []string{"sn = familyName"}}, {ID: "rs", Whom: rs, Attributes: []string{"id = id"}}}
	for _, name := range hostile {
		for _, format := range []string{"", name, idp.AttrNameURI} {
			sp := idp.ServiceProvider{Attributes: []string{"mail = email"}}
			for i := range 3 {
				sp.AttributeServices = append(sp.AttributeServices, asks(i, &yes, idp.RequestedAttribute{Name: name, NameFormat: format, Required: true, Values: []string{name}}))
			}
			sp.EntityAttributes = []idp.EntityAttribute{{Name: name, Value: name}, rs}
			p, err := release.For(&sp, rules, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range p.Lines {
				if !permitted[l.Name] {
					t.Errorf("%.20q: %s is released", name, l.Name)
				}
			}
		}
	}
}

func TestBrokenLine(t *testing.T) {
	for i, c := range []struct {
		sp   idp.ServiceProvider
		rule idp.ReleaseRule
	}{{idp.ServiceProvider{Attributes: []string{"x"}}, idp.ReleaseRule{}}, {idp.ServiceProvider{}, idp.ReleaseRule{ID: "r", Attributes: []string{"x"}}}} {
		if _, err := release.For(&c.sp, []idp.ReleaseRule{c.rule}, nil); err == nil {
			t.Error(fmt.Sprint(i), "is taken")
		}
	}
}
