package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

const rulesPath = adminapi.Prefix + "/release-rules"

var research = idp.EntityAttribute{Name: "http://macedir.org/entity-category", Value: "http://refeds.org/category/research-and-scholarship"}

func TestReleaseRules(t *testing.T) {
	f := newFixture(t)
	rule := adminapi.NewReleaseRule{Whom: research, Attributes: []string{"mail = email"}}
	var a adminapi.ReleaseRuleAnswer
	f.call("POST", rulesPath, rule, 201, &a)
	first := a.Rule
	rule.Only, rule.Attributes, rule.AllowUnknownAttributes = "requested", []string{"mail = email", "role = groups"}, true
	f.now = f.now.Add(time.Second)
	f.call("POST", rulesPath, rule, 200, &a)
	if a.Rule.ID != first.ID || a.Rule.Only != "requested" || !cmp.Equal(a.Notes, []string{"No user has the attribute groups yet."}) {
		t.Errorf("%+v", a)
	}
	f.now = f.now.Add(time.Second)
	f.call("POST", rulesPath, adminapi.NewReleaseRule{Only: "required", Attributes: []string{"sn = familyName"}}, 201, &a)
	var list adminapi.Page[idp.ReleaseRule]
	f.call("GET", rulesPath, nil, 200, &list)
	if len(list.Items) != 2 || len(list.Items[0].Attributes) != 2 || list.Items[1].ID != "everybody" {
		t.Errorf("%+v", list)
	}
	f.now = f.now.Add(time.Second)
	f.call("DELETE", rulesPath+"/"+first.ID, nil, 204, nil)
	f.refused("DELETE", rulesPath+"/"+first.ID, nil, idp.NotFound)
	want := []string{"release_rule.added", "release_rule.changed", "release_rule.added", "release_rule.removed"}
	for i := range want {
		want[i] = "policy.changed " + want[i]
	}
	if d := cmp.Diff(want, f.events()); d != "" {
		t.Error(d)
	}
	f.noAudit()
	f.refused("POST", rulesPath, rule, idp.Busy)
	if rules, err := f.store.ReleaseRules(t.Context()); err != nil || len(rules.Rules) != 1 {
		t.Errorf("AD7 %+v, %v", rules, err)
	}
}

func TestReleaseRuleMistakes(t *testing.T) {
	f := newFixture(t)
	mail := []string{"mail = email"}
	for name, c := range map[string]struct {
		rule  adminapi.NewReleaseRule
		words string
	}{
		"everybody, unasked": {adminapi.NewReleaseRule{Attributes: mail}, "a rule for everybody"},
		"half a name":        {adminapi.NewReleaseRule{Whom: idp.EntityAttribute{Name: "x"}, Attributes: mail}, "entity_attribute"},
		"line break":         {adminapi.NewReleaseRule{Whom: idp.EntityAttribute{Name: "x", Value: "a\nb"}, Attributes: mail}, "entity_attribute"},
		"long":               {adminapi.NewReleaseRule{Whom: idp.EntityAttribute{Name: "x", Value: strings.Repeat("a", 1025)}, Attributes: mail}, "1024"},
		"nothing":            {adminapi.NewReleaseRule{Whom: research}, "attributes is empty"},
		"unknown limit":      {adminapi.NewReleaseRule{Whom: research, Only: "all", Attributes: mail}, "permitted, requested or required"},
		"syntax":             {adminapi.NewReleaseRule{Whom: research, Attributes: []string{"mail = email", "mail"}}, "attributes 2, column 5"},
		"unknown source":     {adminapi.NewReleaseRule{Whom: research, Attributes: []string{"mail = emial"}}, "did you mean email"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.refused("POST", rulesPath, c.rule, idp.Invalid, c.words)
		})
	}
	f.t = t
	for i := range 100 {
		f.call("POST", rulesPath, adminapi.NewReleaseRule{Whom: idp.EntityAttribute{Name: "x", Value: fmt.Sprint(i)}, Attributes: mail}, 201, nil)
	}
	f.refused("POST", rulesPath, adminapi.NewReleaseRule{Whom: research, Attributes: mail}, idp.Invalid, "100 release rules")
}

// TestReleaseSettings: what an administrator sets, and what weakens.
func TestReleaseSettings(t *testing.T) {
	f := newFixture(t)
	f.add(adminapi.NewServiceProvider{Metadata: withKey("urn:x", nil), Settings: adminapi.Settings{
		Slug: ptr("x"), Attributes: &[]string{"mail = email"}, Release: ptr("requested"), Consent: ptr("always"),
	}})
	var a adminapi.ServiceProviderAnswer
	for _, c := range []struct{ patch, event, weakened string }{
		{`{"consent":"once"}`, idp.AuditPolicyWeakened, "consent"},
		{`{"consent":"off"}`, idp.AuditPolicyWeakened, "consent"},
		{`{"consent":"once"}`, idp.AuditPolicyChanged, ""},
		{`{"release":"required"}`, idp.AuditPolicyChanged, ""},
		{`{"release":"permitted"}`, idp.AuditPolicyWeakened, "release"},
		{`{"confirmed_entity_attributes":[{"name":"a","value":"b"}]}`, idp.AuditPolicyWeakened, "confirmed_entity_attributes"},
		{`{"confirmed_entity_attributes":[]}`, idp.AuditPolicyChanged, ""},
	} {
		f.now = f.now.Add(time.Second)
		f.call("PATCH", spPath+"/x", c.patch, 200, &a)
		events, _, err := f.store.Events(t.Context(), f.now, "", 1)
		must(t, err)
		if e := events[0]; e.Event != c.event || e.Detail["weakened"] != c.weakened {
			t.Errorf("%s: audit = %+v", c.patch, e)
		}
	}
	want := []adminapi.ReleasePlan{{Lines: []adminapi.ReleaseLine{{Line: "mail = email", Released: true}}, Missing: []string{}, Ignored: []adminapi.IgnoredRule{}}}
	if d := cmp.Diff(want, a.Release); d != "" {
		t.Error(d)
	}
	for patch, words := range map[string]string{
		`{"release":"all"}`: "release is", `{"consent":"yes"}`: "consent is",
		`{"confirmed_entity_attributes":[{"name":"","value":"b"}]}`: "confirmed_entity_attributes 1",
	} {
		f.refused("PATCH", spPath+"/x", patch, idp.Invalid, words)
	}
}
