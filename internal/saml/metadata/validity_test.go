package metadata_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// TestMaxValidity: what has no end, or a far one, where a limit is set.
func TestMaxValidity(t *testing.T) {
	const limit = 14 * 24 * time.Hour
	entity := func(attributes string) string {
		return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.test/" ID="_e"` + attributes + `>` +
			`<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
			`<md:AssertionConsumerService index="0" Binding="` + idp.BindingPOST + `" Location="https://sp.test/acs"/></md:SPSSODescriptor></md:EntityDescriptor>`
	}
	around := func(attributes, entity string) string {
		return `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"` + attributes + `>` + entity + `</md:EntitiesDescriptor>`
	}
	in := func(d time.Duration) string { return ` validUntil="` + now.Add(d).UTC().Format(time.RFC3339) + `"` }
	filler := strings.Repeat("<!--"+strings.Repeat(" ", 64<<10)+"-->", 40)
	signer := samltest.A()
	signed := signer.SignXML(entity(""), samltest.Signing{})
	for name, tt := range map[string]struct {
		file, refused string
		cert          *x509.Certificate
	}{
		"none":                          {entity(""), "no validUntil", nil},
		"the year 1":                    {entity(` validUntil="0001-01-01T00:00:00Z"`), "no validUntil", nil},
		"near":                          {entity(in(limit)), "", nil},
		"far":                           {entity(in(limit + time.Second)), "further ahead", nil},
		"past":                          {entity(in(-time.Second)), "expired", nil},
		"around":                        {around(in(limit), entity("")), "", nil},
		"around, far":                   {around(in(limit+time.Second), entity("")), "further ahead", nil},
		"only inside":                   {around("", entity(in(limit))), "no validUntil", nil},
		"around an entity that signed":  {around(in(limit), signed), "no validUntil", signer.Cert},
		"of the entity that was signed": {around("", signer.SignXML(entity(in(limit)), samltest.Signing{})), "", signer.Cert},
	} {
		t.Run(name, func(t *testing.T) {
			opts := metadata.ReadOptions{Now: now, MaxValidity: limit, PinnedCert: tt.cert}
			_, _, whole := metadata.ReadServiceProvider([]byte(tt.file), opts)
			many, err := metadata.ReadEntities(strings.NewReader(tt.file), opts, "https://sp.test/")
			if err != nil {
				t.Fatal(err)
			}
			end := "</md:EntitiesDescriptor>"
			large := strings.Replace(tt.file, end, filler+end, 1)
			if tt.cert != nil { // or it is verified as a whole
				large = strings.Replace(tt.file, end, strings.Repeat(filler, 4)+end, 1)
			}
			of, err := metadata.ReadEntities(strings.NewReader(large), opts, "https://sp.test/")
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{whole, many["https://sp.test/"].Err, of["https://sp.test/"].Err} {
				if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
					t.Errorf("got %v, want %q", err, tt.refused)
				}
			}
			opts.Force, opts.MaxValidity = true, 0
			if _, _, err := metadata.ReadServiceProvider([]byte(tt.file), opts); err != nil {
				t.Errorf("forced: %v", err)
			}
		})
	}
}
