package metadata_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

const (
	xenc   = "http://www.w3.org/2001/04/xmlenc#"
	xenc11 = "http://www.w3.org/2009/xmlenc11#"
	sha1   = "http://www.w3.org/2000/09/xmldsig#sha1"
)

// withKeys is a service provider with the given KeyDescriptors.
func withKeys(descriptors string) []byte {
	text := `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="urn:x">
		<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + descriptors + `
		<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://x.test/acs" index="0"/>
		</md:SPSSODescriptor></md:EntityDescriptor>`
	return []byte(text)
}

func keyDescriptor(use string, id identity, methods string) string {
	if use != "" {
		use = fmt.Sprintf(" use=%q", use)
	}
	return fmt.Sprintf(`<md:KeyDescriptor%s><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>%s</md:KeyDescriptor>`,
		use, base64Of(id.cert.Raw), methods)
}

func TestEncryptionMethods(t *testing.T) {
	one, two, three := identities()[0], identities()[1], identities()[2]
	sp, notes := read(t, withKeys(
		keyDescriptor("signing", three, `<md:EncryptionMethod Algorithm="`+xenc+`aes128-cbc"/>`)+
			keyDescriptor("encryption", one, `
				<md:EncryptionMethod Algorithm="`+xenc11+`aes256-gcm"/>
				<md:EncryptionMethod Algorithm="`+xenc11+`rsa-oaep"><ds:DigestMethod Algorithm="`+xenc+`sha256"/><x:MGF xmlns:x="`+xenc11+`" Algorithm="`+xenc11+`mgf1sha256"/></md:EncryptionMethod>
				<md:EncryptionMethod Algorithm="`+xenc+`rsa-oaep-mgf1p"><ds:DigestMethod Algorithm="`+sha1+`"/><ds:DigestMethod Algorithm="`+xenc+`sha256"/></md:EncryptionMethod>
				<md:EncryptionMethod Algorithm="`+xenc+`rsa-oaep-mgf1p"><e:OAEPparams xmlns:e="`+xenc+`">AAAA</e:OAEPparams></md:EncryptionMethod>`)+
			keyDescriptor("", two, "")+
			keyDescriptor("encryption", one, `<md:EncryptionMethod Algorithm="`+xenc11+`aes256-gcm"/><md:EncryptionMethod Algorithm="`+xenc11+`aes128-gcm"/>`),
	), metadata.ReadOptions{})
	if len(notes) > 0 {
		t.Errorf("notes %q", notes)
	}
	t.Run("IIP-MD11 keys for encryption and without a use", func(t *testing.T) {
		if diff := cmp.Diff([][]byte{one.cert.Raw, two.cert.Raw}, sp.EncryptCerts); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("IIP-MD10 what each key declares", func(t *testing.T) {
		want := []idp.EncryptionMethod{
			{Algorithm: xenc11 + "aes256-gcm"},
			{Algorithm: xenc11 + "rsa-oaep", Digest: xenc + "sha256", MGF: xenc11 + "mgf1sha256"},
			{Algorithm: xenc + "rsa-oaep-mgf1p", Digest: sha1},
			{Algorithm: xenc + "rsa-oaep-mgf1p", Digest: xenc + "sha256"},
			{Algorithm: xenc + "rsa-oaep-mgf1p", Parameters: true},
			{Algorithm: xenc11 + "aes128-gcm"},
		}
		if diff := cmp.Diff(want, sp.EncryptionMethodsOf(one.cert.Raw)); diff != "" {
			t.Error(diff)
		}
		if len(sp.EncryptionMethods) != 1 {
			t.Errorf("methods %v", sp.EncryptionMethods)
		}
	})
	t.Run("stored and read again; without it the stored form is the old one", func(t *testing.T) {
		data, err := json.Marshal(sp)
		if err != nil {
			t.Fatal(err)
		}
		var again idp.ServiceProvider
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sp, &again); diff != "" {
			t.Error(diff)
		}
		data, err = json.Marshal(idp.ServiceProvider{})
		if err != nil || strings.Contains(string(data), "encryption") || strings.Contains(string(data), "-cbc") {
			t.Errorf("%s, %v", data, err)
		}
	})
}

func TestManyEncryptionMethods(t *testing.T) {
	id := identities()[0]
	sp, _ := read(t, withKeys(keyDescriptor("encryption", id, strings.Repeat(
		`<md:EncryptionMethod Algorithm="urn:x">`+strings.Repeat(`<ds:DigestMethod Algorithm="urn:y"/>`, 20)+`</md:EncryptionMethod>`, 100))), metadata.ReadOptions{})
	if got := sp.EncryptionMethodsOf(id.cert.Raw); len(got) != 1 {
		t.Errorf("%d methods", len(got))
	}
}
