package request_test

import (
	"crypto/x509"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	validator "github.com/mattermost/xml-roundtrip-validator"
	goxmldsig "github.com/russellhaering/goxmldsig"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// These tests keep what we know about the pinned libraries, and why our own
// code stands in front of them. When one fails after an upgrade, a fact has
// changed: read security-requirements section 2 again, then change the test.

// provider is a service provider as crewjam/saml knows it.
type provider struct{ sp *samltest.SP }

func (p provider) GetServiceProvider(*http.Request, string) (*crewjam.EntityDescriptor, error) {
	return &crewjam.EntityDescriptor{EntityID: p.sp.EntityID, SPSSODescriptors: []crewjam.SPSSODescriptor{{
		AssertionConsumerServices: []crewjam.IndexedEndpoint{{Binding: idp.BindingPOST, Location: p.sp.ACS[0].Location}},
	}}}, nil
}

// validate lets crewjam/saml judge a message.
func validate(sp *samltest.SP, message string) error {
	sso, _ := url.Parse(samltest.SSO)
	req := &crewjam.IdpAuthnRequest{
		IDP:           &crewjam.IdentityProvider{SSOURL: *sso, Certificate: sp.Cert, Key: sp.Key, ServiceProviderProvider: provider{sp}},
		HTTPRequest:   &http.Request{},
		RequestBuffer: []byte(message),
		Now:           now,
	}
	return req.Validate()
}

func TestFactF1MissingIssuerPanics(t *testing.T) {
	b := samltest.B()
	r := b.Request(now)
	r.Issuer = ""
	defer func() {
		if recover() == nil {
			t.Error("crewjam/saml no longer panics")
		}
	}()
	_ = validate(b, r.XML())
}

func TestFactF3CrewjamAccepts(t *testing.T) {
	b := samltest.B()
	good := b.Request(now).XML()
	future := b.Request(now.AddDate(10, 0, 0)).XML()
	stripped := strings.Replace(b.SignXML(good, samltest.Signing{}), "<ds:DigestValue>", "<ds:DigestValue>AAAA", 1)
	for name, message := range map[string]string{
		"F2 broken signature":          stripped,
		"F3 no ID":                     edit(t, good, ` ID="_sp-b-1"`, ""),
		"F3 ID that is no NCName":      edit(t, good, `_sp-b-1`, `1 &quot;&gt;x`),
		"F3 DOCTYPE":                   `<!DOCTYPE x [<!ELEMENT y ANY>]>` + good,
		"F3 text around the root":      good + "garbage",
		"F3 two roots":                 good + good,
		"F3 two Issuers":               edit(t, good, "<saml:Issuer>", "<saml:Issuer>https://evil.test</saml:Issuer><saml:Issuer>"),
		"F4 IssueInstant in ten years": future,
	} {
		t.Run(name, func(t *testing.T) {
			if err := validate(b, message); err != nil {
				t.Errorf("crewjam/saml now refuses: %v", err)
			}
			if login, err := post(b, message); err == nil || login != nil {
				t.Error("we accept it")
			}
		})
	}
}

func TestFactF6ValidatorAllocates(t *testing.T) {
	doc := "<a>" + strings.Repeat("<b/>", 1000) + "</a>"
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := validator.Validate(strings.NewReader(doc)); err != nil {
				b.Fatal(err)
			}
		}
	})
	if perToken := r.AllocedBytesPerOp() / 2002; perToken < 5000 {
		t.Errorf("the round-trip validator allocates only %d bytes per token; run it again in package xmlsafe", perToken)
	}
}

func TestFactF7GoxmldsigAccepts(t *testing.T) {
	weak := samltest.RSA(1024)
	weak = samltest.NewIdentity(weak.Key, now.Add(-time.Hour), now.Add(time.Hour))
	message := samltest.A().Request(now).XML()
	validate := func(signed string) error {
		ctx := goxmldsig.NewDefaultValidationContext(&goxmldsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{weak.Cert}})
		ctx.Clock = goxmldsig.NewFakeClockAt(now)
		doc := etree.NewDocument()
		if err := doc.ReadFromString(signed); err != nil {
			return err
		}
		_, err := ctx.Validate(doc.Root())
		return err
	}
	good := weak.SignXML(message, samltest.Signing{})
	for name, signed := range map[string]string{
		"RSA-1024, no KeyInfo": good,
		"SHA-1 digest":         weak.SignXML(message, samltest.Signing{Digest: samltest.SHA1}),
		"comment afterwards":   edit(t, good, "sp-a.test</", "sp-a<!-- -->.test</"),
		"content in ds:Object": edit(t, good, "</ds:Signature>", "<ds:Object><evil/></ds:Object></ds:Signature>"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := validate(signed); err != nil {
				t.Errorf("goxmldsig now refuses: %v", err)
			}
		})
	}
	t.Run("not KeyInfo without a certificate", func(t *testing.T) {
		if validate(weak.SignXML(message, samltest.Signing{KeyInfo: "<ds:KeyName>k</ds:KeyName>"})) == nil {
			t.Error("goxmldsig now accepts it, as Microsoft sends it")
		}
	})
}

func TestFactF9NoEntities(t *testing.T) {
	const doc = `<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>`
	var v struct {
		Text string `xml:",chardata"`
	}
	if err := xml.Unmarshal([]byte(doc), &v); err == nil {
		t.Error("encoding/xml expands entities")
	}
	if err := etree.NewDocument().ReadFromString(doc); err == nil {
		t.Error("etree expands entities")
	}
	for _, declaration := range []string{`version="1.0" encoding="UTF-16"`, `version="1.0" encoding="ISO-8859-1"`, `version="1.1"`} {
		if err := xml.Unmarshal([]byte("<?xml "+declaration+"?><r/>"), &v); err == nil {
			t.Errorf("encoding/xml reads %s", declaration)
		}
	}
}
