package admin_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

// withKey is metadata with an encryption key and what it declares.
func withKey(entityID string, cert []byte, methods ...string) adminapi.Document {
	var declared strings.Builder
	for _, m := range methods {
		fmt.Fprintf(&declared, `<EncryptionMethod Algorithm=%q/>`, m)
	}
	key := ""
	if cert != nil {
		key = `<KeyDescriptor use="encryption"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` +
			base64.StdEncoding.EncodeToString(cert) + `</X509Certificate></X509Data></KeyInfo>` + declared.String() + `</KeyDescriptor>`
	}
	return adminapi.Document(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + entityID + `">
		<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + key + `
		<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.test/acs" index="0"/>
		</SPSSODescriptor></EntityDescriptor>`)
}

const (
	aes128cbc = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
	aes128gcm = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
)

func TestEncryptionSetting(t *testing.T) {
	f := newFixture(t)
	cert := samltest.A().Cert.Raw
	req := adminapi.NewServiceProvider{Metadata: withKey("urn:x", cert, aes128gcm)}
	req.Slug, req.Encryption = ptr("x"), ptr("required")
	a := f.add(req)
	if sp := a.ServiceProvider; sp.Encryption != idp.EncryptRequired || len(sp.EncryptCerts) != 1 ||
		sp.EncryptionMethodsOf(cert)[0].Algorithm != aes128gcm || len(a.Notes) != 0 {
		t.Errorf("added %+v, notes %q", sp, a.Notes)
	}
	stored, err := f.store.ServiceProvider(t.Context(), "urn:x")
	must(t, err)
	if stored.Encryption != idp.EncryptRequired || len(stored.EncryptionMethodsOf(cert)) != 1 {
		t.Errorf("stored %+v", stored)
	}

	for _, c := range []struct{ patch, event, weakened string }{
		{`{"encryption":"if-key"}`, idp.AuditPolicyWeakened, "encryption"},
		{`{"encryption":"off"}`, idp.AuditPolicyWeakened, "encryption"},
		{`{"encryption":"required"}`, idp.AuditPolicyChanged, ""},
		{`{"allow_cbc":true}`, idp.AuditPolicyWeakened, "allow_cbc"},
	} {
		f.now = f.now.Add(time.Second)
		f.call("PATCH", spPath+"/x", c.patch, 200, nil)
		events, _, err := f.store.Events(t.Context(), f.now, "", 1)
		must(t, err)
		if e := events[0]; e.Event != c.event || e.Detail["weakened"] != c.weakened {
			t.Errorf("%s: audit = %+v", c.patch, e)
		}
	}

	t.Run("keys given by hand replace those of the metadata", func(t *testing.T) {
		f.t = t
		other := samltest.B().Cert.Raw
		var a adminapi.ServiceProviderAnswer
		f.call("PATCH", spPath+"/x", adminapi.ServiceProviderPatch{Settings: adminapi.Settings{
			EncryptionCertificates: &[]string{string(schematest.PEM(other))},
		}}, 200, &a)
		if sp := a.ServiceProvider; len(sp.EncryptCerts) != 1 || string(sp.EncryptCerts[0]) != string(other) || sp.EncryptionMethods != nil {
			t.Errorf("now %+v", sp)
		}
		f.refused("PATCH", spPath+"/x", `{"encryption_certificates":[]}`, idp.Invalid, "no encryption key is known")
	})
}

func TestEncryptionMistakes(t *testing.T) {
	f := newFixture(t)
	cert, short := samltest.A().Cert.Raw, samltest.RSA(1024).Cert.Raw
	for name, tt := range map[string]struct {
		metadata adminapi.Document
		settings adminapi.Settings
		words    []string
	}{
		"IIP-IDP09 required, no key": {withKey("urn:x", nil), adminapi.Settings{Encryption: ptr("required")},
			[]string{"encryption is required, but no encryption key is known", "import metadata", "encryption_certificates", "if-key or off"}},
		"required, short key": {withKey("urn:x", short), adminapi.Settings{Encryption: ptr("required")}, []string{"1024 bits", "2048"}},
		"IIP-MD10 CBC only": {withKey("urn:x", cert, aes128cbc), adminapi.Settings{Encryption: ptr("if-key")},
			[]string{"no AES-GCM, only aes128-cbc", "allow_cbc", "switch encryption off"}},
		"IIP-MD10 override": {withKey("urn:x", cert, aes128gcm), adminapi.Settings{Encryption: ptr("required"), EncryptionAlgorithm: ptr("aes256-gcm")},
			[]string{"does not declare aes256-gcm"}},
		"unknown setting":   {withKey("urn:x", cert), adminapi.Settings{Encryption: ptr("yes")}, []string{"off, if-key or required"}},
		"unknown algorithm": {withKey("urn:x", cert), adminapi.Settings{EncryptionAlgorithm: ptr("des")}, []string{"encryption_algorithm", "aes128-gcm"}},
		"RSA 1.5":           {withKey("urn:x", cert), adminapi.Settings{EncryptionTransport: ptr("rsa-1_5")}, []string{"encryption_transport", "rsa-oaep-mgf1p"}},
		"no certificate":    {withKey("urn:x", cert), adminapi.Settings{EncryptionCertificates: &[]string{"x"}}, []string{"encryption_certificates 1", "PEM"}},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.refused("POST", spPath, adminapi.NewServiceProvider{Metadata: tt.metadata, Settings: tt.settings}, idp.Invalid, tt.words...)
		})
	}
	f.t = t
	if len(f.events()) != 0 {
		t.Errorf("audit = %v, want none", f.events())
	}
}

func TestEncryptionNotes(t *testing.T) {
	f := newFixture(t)
	cert := samltest.A().Cert.Raw
	for i, tt := range []struct {
		metadata adminapi.Document
		settings adminapi.Settings
		note     string
	}{
		{withKey("urn:0", nil), adminapi.Settings{Encryption: ptr("if-key")}, "in plain until there is one"},
		{withKey("urn:1", cert, aes128cbc), adminapi.Settings{Encryption: ptr("if-key"), AllowCBC: ptr(true)}, "AES-CBC, which is legacy"},
		{withKey("urn:2", cert), adminapi.Settings{}, ""},
	} {
		tt.settings.Slug = ptr(fmt.Sprintf("sp-%d", i))
		a := f.add(adminapi.NewServiceProvider{Metadata: tt.metadata, Settings: tt.settings})
		if got := strings.Join(a.Notes, " "); !strings.Contains(got, tt.note) || tt.note == "" && got != "" {
			t.Errorf("%d: notes %q", i, got)
		}
	}
	// What no longer works may still be switched off and renamed.
	sp, err := f.store.ServiceProvider(t.Context(), "urn:2")
	must(t, err)
	sp.Encryption, sp.EncryptCerts = idp.EncryptRequired, nil
	must(t, f.store.SaveServiceProvider(t.Context(), sp))
	var a adminapi.ServiceProviderAnswer
	f.call("PATCH", spPath+"/sp-2", `{"disabled":true}`, 200, &a)
	if got := strings.Join(a.Notes, " "); !strings.Contains(got, "nobody can sign in") {
		t.Errorf("notes %q", got)
	}
	f.refused("PATCH", spPath+"/sp-2", `{"encryption":"if-key","encryption_algorithm":"des"}`, idp.Invalid, "encryption_algorithm")
}
