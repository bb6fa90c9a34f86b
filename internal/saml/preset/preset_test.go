package preset_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/saml/preset"
)

var update = flag.Bool("update", false, "write the golden files")

func us() preset.Us {
	return preset.Us{
		EntityID:       "https://id.example.test/saml/metadata",
		SSOURL:         "https://id.example.test/saml/sso",
		SLOURL:         "https://id.example.test/saml/slo",
		MetadataURL:    "https://id.example.test/saml/metadata",
		CertificatePEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("TEST ONLY: not really a certificate")})),
		DisplayName:    "Example's sign-in",
	}
}

// known is a service provider as metadata describes it.
func known(entityID, acs string) idp.ServiceProvider {
	return idp.ServiceProvider{
		EntityID:     entityID,
		ACS:          []idp.Endpoint{{Binding: idp.BindingPOST, Location: acs}},
		SigningCerts: [][]byte{[]byte("TEST ONLY")},
	}
}

// wsfed is one that speaks WS-Federation.
func wsfed(entityID, reply string) idp.ServiceProvider {
	sp := known(entityID, reply)
	sp.Protocol, sp.SigningCerts = idp.ProtocolWSFed, nil
	return sp
}

// TestGolden shows, for each preset, the settings that it makes and the values
// that the other side has to enter.
func TestGolden(t *testing.T) {
	for name, tt := range map[string]struct {
		preset string
		sp     idp.ServiceProvider
		opts   preset.Options
	}{
		"generic":            {preset.Generic, known("https://sp.example.test/", "https://sp.example.test/acs"), preset.Options{}},
		"office365":          {preset.Office365, idp.ServiceProvider{}, preset.Options{}},
		"office365-domains":  {preset.Office365, idp.ServiceProvider{}, preset.Options{Issuer: us().EntityID, Domains: map[string]string{"contoso.com": "", "Fabrikam.com": "", "litware.com": "urn:litware"}}},
		"office365-china":    {preset.Office365, idp.ServiceProvider{}, preset.Options{China: true}},
		"salesforce":         {preset.Salesforce, known("https://acme.my.salesforce.com", "https://acme.my.salesforce.com?so=00D000000000000"), preset.Options{}},
		"salesforce-sandbox": {preset.Salesforce, idp.ServiceProvider{}, preset.Options{MyDomain: "acme--dev.sandbox.my.salesforce.com"}},
		"generic-wsfed":      {preset.Generic, wsfed("urn:portal", "https://portal.example.test/_trust/"), preset.Options{}},
		"office365-wsfed":    {preset.Office365, idp.ServiceProvider{Protocol: idp.ProtocolWSFed}, preset.Options{Issuer: us().EntityID, Domains: map[string]string{"contoso.com": ""}}},
		"atlassian":          {preset.Atlassian, idp.ServiceProvider{}, preset.Options{ConnectionID: "6f6d8cc2-6d1f-4a5e-9a3c-2f0f4c1c0b9e"}},
		"atlassian-draft":    {preset.Atlassian, idp.ServiceProvider{}, preset.Options{Draft: true}},
	} {
		t.Run(name, func(t *testing.T) {
			sp := tt.sp
			if err := preset.Apply(tt.preset, &sp, tt.opts); err != nil {
				t.Fatal(err)
			}
			checkLines(t, &sp)
			golden(t, name, map[string]any{"settings": sp, "instructions": preset.Instructions(&sp, us())})

			again := sp
			if err := preset.Apply(tt.preset, &again, tt.opts); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sp, again); diff != "" {
				t.Errorf("applied twice: %s", diff)
			}
		})
	}
}

// checkLines checks that the mapping language understands every line.
func checkLines(t *testing.T, sp *idp.ServiceProvider) {
	t.Helper()
	if _, err := mapping.ParseNameID(sp.NameID); err != nil {
		t.Errorf("%q: %v", sp.NameID, err)
	}
	for _, line := range sp.Attributes {
		if _, err := mapping.ParseAttribute(line); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatTheAdministratorSetStays(t *testing.T) {
	for _, name := range preset.Names() {
		t.Run(name, func(t *testing.T) {
			sp := idp.ServiceProvider{
				EntityID:   "urn:example:sp",
				Name:       "Our own name",
				ACS:        []idp.Endpoint{{Index: 3, Binding: idp.BindingPOST, Location: "https://sp.example.test/acs"}},
				SLO:        []idp.Endpoint{{Binding: idp.BindingPOST, Location: "https://sp.example.test/slo"}},
				NameID:     "transient",
				Attributes: []string{"role = \"admin\""},
				Sign:       idp.SignBoth,
				DefaultACR: idp.ACRQR,
				ACRMap:     map[string]string{"x": idp.ACRQR},
			}
			want := sp
			opts := preset.Options{MyDomain: "acme.my.salesforce.com", ConnectionID: "abc"}
			if err := preset.Apply(name, &sp, opts); err != nil {
				t.Fatal(err)
			}
			// What no preset leaves to chance.
			want.Preset, want.Draft = name, sp.Draft
			want.AllowSHA1, want.AllowMissingDestination, want.RequireSignedRequests = sp.AllowSHA1, sp.AllowMissingDestination, sp.RequireSignedRequests
			want.ConfirmUnsignedLogout = sp.ConfirmUnsignedLogout
			if diff := cmp.Diff(want, sp); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestImportedMetadata(t *testing.T) {
	data, err := os.ReadFile("testdata/microsoft.xml")
	if err != nil {
		t.Fatal(err)
	}
	sp, _, err := metadata.ReadServiceProvider(data, metadata.ReadOptions{Now: time.Unix(1795370000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := preset.Apply(preset.Office365, sp, preset.Options{}); err != nil {
		t.Fatal(err)
	}
	if sp.Name != "Microsoft 365" || sp.RequireSignedRequests || !sp.AllowSHA1 || len(sp.ACS) != 2 {
		t.Errorf("got %+v", sp)
	}
}

func TestAtlassianDraftIsCompleted(t *testing.T) {
	var sp idp.ServiceProvider
	if err := preset.Apply(preset.Atlassian, &sp, preset.Options{Draft: true}); err != nil {
		t.Fatal(err)
	}
	if !sp.Draft || sp.EntityID == "" {
		t.Fatalf("a draft that cannot be saved: %+v", sp)
	}
	sp.NameID = "emailAddress = email;lower"
	if err := preset.Apply(preset.Atlassian, &sp, preset.Options{ConnectionID: "https://auth.atlassian.com/saml/abc-1"}); err != nil {
		t.Fatal(err)
	}
	if sp.Draft || sp.EntityID != "https://auth.atlassian.com/saml/abc-1" || !sp.HasACS("https://auth.atlassian.com/login/callback?connection=saml-abc-1") {
		t.Errorf("got %+v", sp)
	}
	if sp.NameID != "emailAddress = email;lower" {
		t.Errorf("the edited NameID was lost: %q", sp.NameID)
	}
}

func TestSalesforceWaitsForItsCertificate(t *testing.T) {
	var sp idp.ServiceProvider
	opts := preset.Options{MyDomain: "https://ACME.my.salesforce.com/"}
	if err := preset.Apply(preset.Salesforce, &sp, opts); err != nil {
		t.Fatal(err)
	}
	if !sp.Draft || !sp.RequireSignedRequests || sp.EntityID != "https://acme.my.salesforce.com" {
		t.Errorf("got %+v", sp)
	}
	sp.SigningCerts = [][]byte{[]byte("TEST ONLY")}
	if err := preset.Apply(preset.Salesforce, &sp, opts); err != nil {
		t.Fatal(err)
	}
	if sp.Draft {
		t.Error("still a draft")
	}
}

func TestOneIssuerForEachDomain(t *testing.T) {
	sp := idp.ServiceProvider{}
	add := func(domains map[string]string) error {
		return preset.Apply(preset.Office365, &sp, preset.Options{Issuer: "https://id.example.test/saml/metadata", Domains: domains})
	}
	if err := add(map[string]string{"contoso.com": ""}); err != nil {
		t.Fatal(err)
	}
	if err := add(map[string]string{"ana.com": "", "contoso.com": ""}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"contoso.com": "https://id.example.test/saml/metadata",
		"ana.com":     "https://id.example.test/saml/metadata?domain=ana.com",
	}
	if diff := cmp.Diff(want, sp.IssuerByDomain); diff != "" {
		t.Error(diff)
	}
	for domain, issuer := range map[string]string{"fabrikam.com": want["contoso.com"], "localhost": "urn:x", "a b.com": "urn:x", "": "urn:x"} {
		if err := add(map[string]string{domain: issuer}); idp.CodeOf(err) != idp.Invalid {
			t.Errorf("%q: %v", domain, err)
		}
	}
}

func TestRefused(t *testing.T) {
	good := known("https://sp.example.test/", "https://sp.example.test/acs")
	bad := func(location string) idp.ServiceProvider { return known("https://sp.example.test/", location) }
	for name, tt := range map[string]struct {
		preset string
		sp     idp.ServiceProvider
		opts   preset.Options
	}{
		"unknown preset":                 {"okta", good, preset.Options{}},
		"generic without metadata":       {preset.Generic, idp.ServiceProvider{}, preset.Options{}},
		"generic without endpoint":       {preset.Generic, idp.ServiceProvider{EntityID: "x"}, preset.Options{}},
		"salesforce without My Domain":   {preset.Salesforce, idp.ServiceProvider{}, preset.Options{}},
		"salesforce, other host":         {preset.Salesforce, idp.ServiceProvider{}, preset.Options{MyDomain: "my.salesforce.com.evil.test"}},
		"salesforce, host with a path":   {preset.Salesforce, idp.ServiceProvider{}, preset.Options{MyDomain: "evil.test/x.my.salesforce.com"}},
		"atlassian without ID":           {preset.Atlassian, idp.ServiceProvider{}, preset.Options{}},
		"atlassian, ID with other parts": {preset.Atlassian, idp.ServiceProvider{}, preset.Options{ConnectionID: "a&connection=b"}},
		"domain without issuer":          {preset.Office365, idp.ServiceProvider{}, preset.Options{Domains: map[string]string{"contoso.com": ""}}},
		"P4 javascript":                  {preset.Generic, bad("javascript:alert(1)"), preset.Options{Local: true}},
		"P4 data":                        {preset.Generic, bad("data:text/html,x"), preset.Options{Local: true}},
		"P4 http":                        {preset.Generic, bad("http://sp.example.test/acs"), preset.Options{Local: true}},
		"P4 http localhost, deployed":    {preset.Generic, bad("http://localhost/acs"), preset.Options{}},
		"entityID":                       {preset.Generic, known("a\u202eb", "https://sp.example.test/acs"), preset.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			sp := tt.sp
			if err := preset.Apply(tt.preset, &sp, tt.opts); idp.CodeOf(err) != idp.Invalid {
				t.Errorf("%v, %+v", err, sp)
			}
		})
	}
	local := bad("http://localhost:9000/acs")
	if err := preset.Apply(preset.Generic, &local, preset.Options{Local: true}); err != nil {
		t.Errorf("http://localhost in local mode: %v", err)
	}
}

func TestNamesAreClean(t *testing.T) {
	t.Run("Q21", func(t *testing.T) {
		sp := known("https://sp.example.test/", "https://sp.example.test/acs")
		sp.Name = "Bank\u202e\u200b of Knjiz\u030c " + strings.Repeat("x", 300)
		if err := preset.Apply("", &sp, preset.Options{}); err != nil {
			t.Fatal(err)
		}
		if want := metadata.CleanName("Bank of Knjiž " + strings.Repeat("x", 300)); sp.Name != want || sp.Preset != preset.Generic {
			t.Errorf("got %q, preset %q", sp.Name, sp.Preset)
		}
	})
}

func TestInstructionsForAnIssuerOfItsOwn(t *testing.T) {
	sp := known("https://sp.example.test/", "https://sp.example.test/acs")
	sp.Issuer = "urn:our:other:issuer"
	fields := preset.Instructions(&sp, us())
	if !slices.ContainsFunc(fields, func(f preset.Field) bool { return f.Value == sp.Issuer }) {
		t.Errorf("got %+v", fields)
	}
}
