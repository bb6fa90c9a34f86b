package metadata

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzExtract: an entity that is taken out of an aggregate in passing is the
// one that reading the whole file finds, or is refused.
func FuzzExtract(f *testing.F) {
	const entity = `<EntityDescriptor entityID="urn:a"><SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://a.test/acs"/></SPSSODescriptor></EntityDescriptor>`
	for _, s := range []string{
		`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + entity + `</EntitiesDescriptor>`,
		`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" validUntil="2030-01-01T00:00:00Z"><!-- x --><EntitiesDescriptor cacheDuration="PT1H">` + entity + `</EntitiesDescriptor>` + strings.ReplaceAll(entity, "urn:a", "urn:b") + `</EntitiesDescriptor>`,
		`<m:EntitiesDescriptor xmlns:m="urn:oasis:names:tc:SAML:2.0:metadata">` + strings.NewReplacer("</", "</m:", "<", "<m:", "urn:a", "urn&#58;a").Replace(entity) + `</m:EntitiesDescriptor>`,
		`<?xml version="1.0"?>` + strings.Replace(entity, " entityID", ` xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID`, 1),
		`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><x:a xmlns:x="urn:x"><![CDATA[` + entity + `]]></x:a>` + entity + `</EntitiesDescriptor>`,
	} {
		f.Add([]byte(s))
	}
	opts := ReadOptions{Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	f.Fuzz(func(t *testing.T, data []byte) {
		streamed, err := readStream(bytes.NewReader(data), opts, []string{"urn:a"})
		if err != nil || streamed["urn:a"].Err != nil {
			return
		}
		whole, err := readWhole(data, opts, []string{"urn:a"})
		if err != nil || whole["urn:a"].Err != nil {
			return // the whole file is judged, too
		}
		a, b := streamed["urn:a"], whole["urn:a"]
		if !reflect.DeepEqual(a.Facts, b.Facts) || !a.ValidUntil.Equal(b.ValidUntil) || a.CacheDuration != b.CacheDuration || a.SP.Name != b.SP.Name {
			t.Errorf("%+v\n%+v", a.Facts, b.Facts)
		}
	})
}
