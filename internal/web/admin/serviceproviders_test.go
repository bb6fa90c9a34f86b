package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

const spPath = "/v1/admin/service-providers"

// md is the metadata of a small service provider.
func md(entityID string) string {
	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + entityID + `">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp-b.test/acs"/>
</SPSSODescriptor></EntityDescriptor>`
}

func ptr[T any](v T) *T { return &v }

func (f *fixture) add(req adminapi.NewServiceProvider) adminapi.ServiceProviderAnswer {
	f.t.Helper()
	var a adminapi.ServiceProviderAnswer
	f.call("POST", spPath, req, 201, &a)
	return a
}

func TestServiceProviderLife(t *testing.T) {
	f := newFixture(t)
	req := adminapi.NewServiceProvider{Metadata: adminapi.Document(md("https://sp-b.test"))}
	req.Name = ptr("Pay\u202eroll \U0001F4B6")

	dry := req
	dry.DryRun = true
	f.call("POST", spPath, dry, 200, nil)
	if len(f.events()) != 0 {
		t.Error("a dry run is in the audit trail")
	}

	a := f.add(req)
	sp := a.ServiceProvider
	if sp.EntityID != "https://sp-b.test" || sp.Slug != "payroll" || sp.Preset != "generic" || sp.NameID != "emailAddress = email" ||
		sp.Version != 1 || sp.CreatedAt != f.now.Unix() || sp.Name != "Payroll \U0001F4B6" {
		t.Errorf("created = %+v", sp)
	}
	if !strings.Contains(instruction(a, "metadata URL"), "/saml/metadata/payroll") {
		t.Errorf("instructions = %+v", a.Instructions)
	}
	t.Run("AD2 duplicate entityID", func(*testing.T) {
		f.refused("POST", spPath, req, idp.Conflict, "https://sp-b.test", "payroll")
	})

	other := f.add(adminapi.NewServiceProvider{EntityID: "urn:two", ACSURL: "https://two.test/acs", Settings: adminapi.Settings{Name: ptr("Payroll")}})
	if other.ServiceProvider.Slug != "payroll-2" {
		t.Errorf("second short name = %q", other.ServiceProvider.Slug)
	}
	taken := adminapi.NewServiceProvider{EntityID: "urn:three", ACSURL: "https://three.test/acs"}
	taken.Slug = ptr("payroll")
	f.refused("POST", spPath, taken, idp.Conflict, "payroll")

	var list adminapi.Page[adminapi.ServiceProviderSummary]
	f.call("GET", spPath, nil, 200, &list)
	if len(list.Items) != 2 || list.Items[0].Slug != "payroll" || list.Items[1].EntityID != "urn:two" {
		t.Errorf("list = %+v", list)
	}
	f.call("GET", spPath+"?entity_id=urn:two", nil, 200, &list)
	if len(list.Items) != 1 || list.Items[0].Slug != "payroll-2" {
		t.Errorf("by entityID = %+v", list)
	}

	f.call("PATCH", spPath+"/payroll", `{"access":["user:ana@example.com"],"disabled":true,"slug":"pay"}`, 200, &a)
	f.refused("GET", spPath+"/payroll", nil, idp.NotFound)
	h := f.call("GET", spPath+"/pay", nil, 200, &a)
	if !a.ServiceProvider.Disabled || a.ServiceProvider.Name == "" || h.Get("ETag") != `"2"` {
		t.Errorf("changed = %+v", a.ServiceProvider)
	}
	f.call("DELETE", spPath+"/pay", nil, 204, nil)
	f.refused("DELETE", spPath+"/pay", nil, idp.NotFound)
	f.refused("GET", spPath+"/NoSuch", nil, idp.NotFound)

	want := []string{
		"policy.changed service_provider.created", "policy.changed service_provider.created",
		"policy.changed service_provider.changed", "policy.changed service_provider.removed",
	}
	if diff := cmp.Diff(want, f.events()); diff != "" {
		t.Errorf("audit: %s", diff)
	}
}

func instruction(a adminapi.ServiceProviderAnswer, name string) string {
	for _, field := range a.Instructions {
		if strings.Contains(field.Name, name) {
			return field.Value
		}
	}
	return ""
}

func TestMetadataMistakes(t *testing.T) {
	f := newFixture(t)
	expired := strings.Replace(md("urn:x"), "<EntityDescriptor", `<EntityDescriptor validUntil="2020-01-01T00:00:00Z"`, 1)
	for name, c := range map[string]struct {
		md    string
		words []string
	}{
		"empty":             {"", []string{"metadata: "}},
		"not well-formed":   {strings.Replace(md("urn:x"), "</SPSSODescriptor>", "", 1), []string{"line"}},
		"DTD":               {`<!DOCTYPE x>` + md("urn:x"), []string{"document type"}},
		"an IdP":            {strings.ReplaceAll(md("urn:x"), "SPSSO", "IDPSSO"), []string{"identity provider"}},
		"no POST endpoint":  {strings.Replace(md("urn:x"), "HTTP-POST", "HTTP-Artifact", 1), []string{"HTTP-POST"}},
		"http endpoint":     {strings.Replace(md("urn:x"), "https://sp-b.test/acs", "http://sp-b.test/acs", 1), []string{"https://"}},
		"AD2 expired":       {expired, []string{"expired on 2020"}},
		"entityID is blank": {md(""), []string{"entityID"}},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.refused("POST", spPath, adminapi.NewServiceProvider{Metadata: adminapi.Document(c.md)}, idp.Invalid, c.words...)
		})
	}
	t.Run("AD2 pinned key, unsigned file", func(t *testing.T) {
		f.t = t
		f.refused("POST", spPath, adminapi.NewServiceProvider{Metadata: adminapi.Document(md("urn:x")), PinnedCertificate: certificate(t, f)},
			idp.Invalid, "sign")
	})
	f.t = t
	f.refused("POST", spPath, `{"metadata":"neither"}`, idp.Invalid, "base64")
	f.refused("POST", spPath, adminapi.NewServiceProvider{EntityID: "urn:x", PinnedCertificate: certificate(t, f)}, idp.Invalid, "missing")
	f.refused("POST", spPath, `{"entity_id":"urn:x"}`, idp.Invalid, "assertion consumer service")
	f.refused("POST", spPath, `{"entity_id":"urn:x","acs_url":"http://evil.test/acs"}`, idp.Invalid, "https://")
	if all, err := f.store.ServiceProviders(t.Context()); err != nil || len(all) != 0 || len(f.events()) != 0 {
		t.Errorf("stored %v, audit %v, %v; want nothing", all, f.events(), err)
	}

	forced := f.add(adminapi.NewServiceProvider{Metadata: adminapi.Document(expired), Force: true})
	if !strings.Contains(strings.Join(forced.Notes, " "), "expired") {
		t.Errorf("notes of expired metadata = %q", forced.Notes)
	}
}

// certificate is a PEM certificate: that of the deployment's signing key.
func certificate(t *testing.T, f *fixture) string {
	t.Helper()
	var page adminapi.Page[adminapi.Key]
	f.call("GET", "/v1/admin/keys", nil, 200, &page)
	return page.Items[0].Certificate
}

func TestSettingsMistakes(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		settings string
		words    []string
	}{
		{`"attributes":["a = email","IDPEmail = userPrincipalNam"]`, []string{"attributes 2, column 12", "did you mean userPrincipalName?", "\n           ^"}},
		{`"attributes":["a = Email"]`, []string{"did you mean email?"}},
		{`"attributes":["a = costCentre"]`, []string{"column 5", "allow_unknown_attributes"}},
		{`"attributes":["a = email;uper"]`, []string{"column 11", "transform"}},
		{`"name_id":"persistnt = email"`, []string{"name_id, column 1", "persistent"}},
		{`"name":"\u200b"`, []string{"name"}},
		{`"slug":"Pay roll"`, []string{"slug"}},
		{`"issuer":"https://other.example.com"`, []string{"LATCHKEY_ISSUERS", base + "/idp/two"}},
		{`"sign":"nothing"`, []string{"assertion"}},
		{`"access":["everybody"]`, []string{"access 1", "user:EMAIL"}},
		{`"acr_map":{"urn:x":"urn:y"}`, []string{"urn:y"}},
		{`"default_acr":"password"`, []string{"URI"}},
		{`"signing_certificates":["x"]`, []string{"signing_certificates 1", "PEM"}},
		{`"legacy_sha1_output":true`, []string{"SHA-1"}},
		{`"preset":"office365","options":{"domains":{"example.com":"https://other.example.com"}}`, []string{"example.com", "LATCHKEY_ISSUERS"}},
		{`"preset":"okta"`, []string{"okta", "generic"}},
	} {
		f.refused("POST", spPath, `{"entity_id":"urn:x","acs_url":"https://sp.test/acs",`+c.settings+`}`, idp.Invalid, c.words...)
	}
	if len(f.events()) != 0 {
		t.Errorf("audit = %v, want none", f.events())
	}
}

func TestKnownAttributes(t *testing.T) {
	f := newFixture(t)
	req := adminapi.NewServiceProvider{EntityID: "urn:x", ACSURL: "https://sp.test/acs"}
	req.Attributes = ptr([]string{"a = costCentre", "b = email"})
	req.AllowUnknownAttributes = true
	a := f.add(req)
	if got := strings.Join(a.Notes, " "); !strings.Contains(got, "No user has the attribute costCentre yet.") {
		t.Errorf("notes = %q", got)
	}
	// What is stored is not judged again; what some user has is known.
	f.call("PATCH", spPath+"/"+a.ServiceProvider.Slug, `{"name":"X"}`, 200, nil)
	f.call("POST", "/v1/admin/users", adminapi.NewUser{Email: "a@example.com", Attributes: map[string][]string{"room": {"1"}}}, 201, nil)
	f.call("PATCH", spPath+"/"+a.ServiceProvider.Slug, `{"attributes":["c = room"]}`, 200, nil)
}

func TestPresets(t *testing.T) {
	f := newFixture(t)
	t.Run("office365", func(t *testing.T) {
		f.t = t
		a := f.add(adminapi.NewServiceProvider{Preset: "office365", Options: adminapi.Options{
			Domains: map[string]string{"example.com": "", "example.org": base + "/idp/two"},
		}})
		want := map[string]string{"example.com": base + "/saml/metadata", "example.org": base + "/idp/two"}
		if diff := cmp.Diff(want, a.ServiceProvider.IssuerByDomain); diff != "" || a.ServiceProvider.NameID != "persistent = immutableId" {
			t.Errorf("%+v %s", a.ServiceProvider, diff)
		}
		strict := adminapi.NewServiceProvider{Preset: "office365", Options: adminapi.Options{China: true}}
		strict.AllowSHA1 = ptr(false)
		if a := f.add(strict); a.ServiceProvider.AllowSHA1 {
			t.Error("an explicit setting must win over the preset")
		}
	})
	t.Run("salesforce draft", func(t *testing.T) {
		f.t = t
		a := f.add(adminapi.NewServiceProvider{Preset: "salesforce", Options: adminapi.Options{MyDomain: "x.my.salesforce.com"}})
		if !a.ServiceProvider.Draft {
			t.Fatal("without a certificate it must be a draft")
		}
		f.call("PATCH", spPath+"/salesforce", adminapi.ServiceProviderPatch{Settings: adminapi.Settings{
			SigningCertificates: &[]string{certificate(t, f)},
		}}, 200, &a)
		if a.ServiceProvider.Draft || len(a.ServiceProvider.SigningCerts) != 1 || !a.ServiceProvider.RequireSignedRequests {
			t.Errorf("completed = %+v", a.ServiceProvider)
		}
	})
	t.Run("atlassian draft", func(t *testing.T) {
		f.t = t
		f.refused("POST", spPath, `{"preset":"atlassian"}`, idp.Invalid, "draft")
		a := f.add(adminapi.NewServiceProvider{Preset: "atlassian", Options: adminapi.Options{Draft: true}})
		f.call("PATCH", spPath+"/atlassian", `{"name":"Jira"}`, 200, &a)
		f.call("PATCH", spPath+"/atlassian", `{"options":{"connection_id":"abc-1"}}`, 200, &a)
		if sp := a.ServiceProvider; sp.Draft || sp.EntityID != "https://auth.atlassian.com/saml/abc-1" || sp.Name != "Jira" {
			t.Errorf("completed = %+v", sp)
		}
	})
}

func TestWeakened(t *testing.T) {
	f := newFixture(t)
	req := adminapi.NewServiceProvider{EntityID: "urn:x", ACSURL: "https://sp.test/acs"}
	req.Slug, req.RequireSignedRequests, req.Access = ptr("x"), ptr(true), ptr([]string{"user:a@example.com"})
	f.add(req)
	for _, c := range []struct{ patch, event, weakened string }{
		{`{"allow_sha1":true}`, idp.AuditPolicyWeakened, "allow_sha1"},
		{`{"require_signed_requests":false,"access":[]}`, idp.AuditPolicyWeakened, "access require_signed_requests"},
		{`{"allow_missing_destination":true}`, idp.AuditPolicyWeakened, "allow_missing_destination"},
		{`{"allow_sha1":false}`, idp.AuditPolicyChanged, ""},
		{`{"disabled":true}`, idp.AuditPolicyChanged, ""},
	} {
		f.now = f.now.Add(time.Second)
		f.call("PATCH", spPath+"/x", c.patch, 200, nil)
		events, _, err := f.store.Events(t.Context(), f.now, "", 1)
		must(t, err)
		if e := events[0]; e.Event != c.event || e.Detail["weakened"] != c.weakened || e.SP != "urn:x" {
			t.Errorf("%s: audit = %+v", c.patch, e)
		}
	}
	before := len(f.events())
	f.call("PATCH", spPath+"/x", `{"disabled":true}`, 200, nil) // changes nothing
	if len(f.events()) != before {
		t.Error("a patch that changes nothing is in the audit trail")
	}
	r := f.request("PATCH", spPath+"/x", `{"name":"Y"}`)
	r.Header.Set("If-Match", `"1"`)
	if w := f.send(r); w.Code != 412 {
		t.Errorf("stale version = %d, want 412", w.Code)
	}
}
