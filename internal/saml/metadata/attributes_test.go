package metadata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

// with puts extensions into the entity and services into the role.
func with(t *testing.T, extensions, services string) []byte {
	t.Helper()
	s := string(fixture(t, "minimal.xml"))
	s = strings.Replace(s, "<md:SPSSODescriptor", `<md:Extensions>`+extensions+`</md:Extensions><md:SPSSODescriptor xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`, 1)
	return []byte(strings.Replace(s, "</md:SPSSODescriptor>", services+"</md:SPSSODescriptor>", 1))
}

// says is an mdattr:EntityAttributes with one attribute.
func says(name string, values ...string) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString("<saml:AttributeValue>" + v + "</saml:AttributeValue>")
	}
	return fmt.Sprintf(`<mdattr:EntityAttributes xmlns:mdattr="urn:oasis:names:tc:SAML:metadata:attribute" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">`+
		`<saml:Attribute Name=%q NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">%s</saml:Attribute></mdattr:EntityAttributes>`, name, b.String())
}

const (
	category = "http://macedir.org/entity-category"
	research = "http://refeds.org/category/research-and-scholarship"
)

func TestEntityAttributes(t *testing.T) {
	ours := identities()[0]
	data := with(t, says(category, "\n  "+research+"\n", "https://refeds.org/category/personalized", research), "")
	want := []idp.EntityAttribute{{Name: category, Value: research}, {Name: category, Value: "https://refeds.org/category/personalized"}}
	sp, notes := read(t, data, metadata.ReadOptions{})
	if d := cmp.Diff(want, sp.EntityAttributes); d != "" || len(sp.TrustedEntityAttributes()) > 0 || !strings.Contains(fmt.Sprint(notes), "nobody vouches") {
		t.Errorf("%s, notes %q", d, notes)
	}
	t.Run("IDP03 verified", func(t *testing.T) {
		sp, _ := read(t, sign(t, data, ours, "", false), metadata.ReadOptions{PinnedCert: ours.cert})
		if d := cmp.Diff(want, sp.TrustedEntityAttributes()); d != "" {
			t.Error(d)
		}
	})
	t.Run("signed by whoever", func(t *testing.T) {
		sp, _ := read(t, sign(t, data, identities()[1], "", false), metadata.ReadOptions{})
		if len(sp.TrustedEntityAttributes()) > 0 {
			t.Errorf("%+v", sp)
		}
	})
	t.Run("around a signed entity", func(t *testing.T) {
		file := string(sign(t, fixture(t, "aggregate.xml"), ours, "https://one.example.test/", false))
		file = strings.Replace(file, `Name="inner">`, `Name="inner"><md:Extensions>`+says(category, research)+`</md:Extensions>`, 1)
		sp, _ := read(t, []byte(file), metadata.ReadOptions{PinnedCert: ours.cert, EntityID: "https://one.example.test/"})
		if sp.MetadataSigned != metadata.Verified || len(sp.EntityAttributes) > 0 {
			t.Errorf("%+v", sp)
		}
	})
	for name, extensions := range map[string]string{
		"markup":                      says(category, research+"<x/>"),
		"empty":                       says(category, " "),
		"long":                        says(category, strings.Repeat("a", 1025)),
		"line break":                  says(category, "a&#10;b"),
		"no name":                     says("", research),
		"long name":                   says(strings.Repeat("a", 1025), research),
		"control character of C1":     says(category, "a&#x9b;b"),
		"another namespace":           strings.Replace(says(category, research), "SAML:metadata:attribute", "SAML:metadata:attributes", 1),
		"deeper":                      `<x xmlns="urn:x">` + says(category, research) + `</x>`,
		"in an assertion":             strings.Replace(strings.Replace(says(category, research), "<saml:Attribute ", "<saml:Assertion><saml:Attribute ", 1), "</mdattr:", "</saml:Assertion></mdattr:", 1),
		"of the role, not the entity": "",
	} {
		t.Run(name, func(t *testing.T) {
			data := with(t, extensions, "")
			if extensions == "" {
				data = []byte(strings.Replace(string(data), "<md:AssertionConsumerService", "<md:Extensions>"+says(category, research)+"</md:Extensions><md:AssertionConsumerService", 1))
			}
			if sp, _ := read(t, data, metadata.ReadOptions{}); len(sp.EntityAttributes) > 0 {
				t.Errorf("%+v", sp.EntityAttributes)
			}
		})
	}
}

func TestRequestedAttributes(t *testing.T) {
	yes := true
	service := func(attributes, content string) string {
		return `<md:AttributeConsumingService ` + attributes + `><md:ServiceName xml:lang="en">x</md:ServiceName>` + content + `</md:AttributeConsumingService>`
	}
	sp, _ := read(t, with(t, "", service(`index="3"`, `<md:RequestedAttribute Name="mail" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"/>`)+
		service(`index="65535" isDefault="1"`, `<md:RequestedAttribute Name="role" NameFormat="urn:x" isRequired="1"><saml:AttributeValue>staff</saml:AttributeValue></md:RequestedAttribute>`)+
		service(`index="-1"`, ``)), metadata.ReadOptions{})
	want := []idp.AttributeService{
		{Index: 3, Requested: []idp.RequestedAttribute{{Name: "mail"}}},
		{Index: 65535, IsDefault: &yes, Requested: []idp.RequestedAttribute{{Name: "role", NameFormat: "urn:x", Required: true, Values: []string{"staff"}}}},
		{Index: 2},
	}
	if d := cmp.Diff(want, sp.AttributeServices); d != "" {
		t.Error(d)
	}
	for name, attribute := range map[string]string{
		"no name":         `<md:RequestedAttribute/>`,
		"empty name":      `<md:RequestedAttribute Name=" "/>`,
		"long name":       `<md:RequestedAttribute Name="` + strings.Repeat("a", 2000) + `"/>`,
		"control":         `<md:RequestedAttribute Name="a&#x85;b"/>`,
		"value of markup": `<md:RequestedAttribute Name="a"><saml:AttributeValue><x/></saml:AttributeValue></md:RequestedAttribute>`,
		"empty value":     `<md:RequestedAttribute Name="a"><saml:AttributeValue/></md:RequestedAttribute>`,
		"long format":     `<md:RequestedAttribute Name="a" NameFormat="` + strings.Repeat("a", 2000) + `"/>`,
	} {
		t.Run(name, func(t *testing.T) {
			sp, notes := read(t, with(t, "", service(`index="1"`, attribute)), metadata.ReadOptions{})
			if len(sp.AttributeServices) != 1 || len(sp.AttributeServices[0].Requested) > 0 || !strings.Contains(fmt.Sprint(notes), "left out") {
				t.Errorf("%+v, %q", sp.AttributeServices, notes)
			}
		})
	}
	t.Run("too many", func(t *testing.T) {
		err := refusal(t, with(t, "", service(`index="1"`, strings.Repeat(`<md:RequestedAttribute Name="a"/>`, 501))), metadata.ReadOptions{})
		if !strings.Contains(err.Error(), "more than 500") {
			t.Error(err)
		}
	})
}
