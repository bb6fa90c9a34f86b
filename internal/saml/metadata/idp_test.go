package metadata_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml/samlsp"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

func ours() metadata.IdP {
	return metadata.IdP{
		ID:            "_0b1c2d",
		EntityID:      "https://id.example.test/saml/metadata?a=1&b=<2>",
		SSOURL:        "https://id.example.test/saml/sso",
		Certificates:  []*x509.Certificate{identities()[0].cert},
		ValidUntil:    now.Add(7*24*time.Hour + 5*time.Millisecond),
		NameIDFormats: []string{idp.NameIDPersistent, idp.NameIDEmail},
	}
}

func TestOurMetadata(t *testing.T) {
	full := ours()
	full.SLOURL = "https://id.example.test/saml/slo"
	full.CacheDuration = time.Hour
	full.Certificates = append(full.Certificates, identities()[1].cert)
	full.WantAuthnRequestsSigned = true
	full.SLOSOAPURL = "https://id.example.test/saml/slo/soap"
	full.ECPURL = "https://id.example.test/saml/ecp"
	full.Encryption = identities()[2].cert
	full.DisplayName = `Example "Corp" & <Sons>`
	full.InformationURL = "https://id.example.test/about?a=1&b=2"
	full.PrivacyURL = "https://id.example.test/privacy"
	full.LogoURL = "https://id.example.test/logo.png"
	signer := identities()[0]

	for name, m := range map[string]metadata.IdP{"smallest": ours(), "full": full} {
		t.Run(name, func(t *testing.T) {
			counted := &countingSigner{Signer: signer.key}
			doc, err := m.Sign(counted, signer.cert)
			if err != nil {
				t.Fatal(err)
			}
			if counted.calls != 1 {
				t.Errorf("signed %d times", counted.calls)
			}
			schematest.Validate(t, doc)
			schematest.VerifySignature(t, doc, schematest.PEM(signer.cert.Raw), "EntityDescriptor")
			if got := strings.Count(string(doc), `use="signing"`); got != len(m.Certificates) {
				t.Errorf("%d keys", got)
			}
			if !strings.Contains(string(doc), `validUntil="2026-11-29T12:00:00Z"`) {
				t.Errorf("validUntil: %s", doc)
			}
			// Our own reader sees an identity provider with a good signature.
			got := refusal(t, doc, metadata.ReadOptions{PinnedCert: signer.cert})
			if !strings.Contains(got.Msg, `"https://id.example.test/saml/metadata?a=1&b=<2>" cannot be added: it is an identity provider`) {
				t.Error(got)
			}
		})
	}
}

// TestCrewjamReadsOurMetadata: all of it, by a program of other people.
func TestCrewjamReadsOurMetadata(t *testing.T) {
	m := ours()
	m.SLOURL, m.SLOSOAPURL = "https://id.example.test/saml/slo", "https://id.example.test/saml/slo/soap"
	m.ECPURL = "https://id.example.test/saml/ecp"
	m.Certificates = append(m.Certificates, identities()[1].cert)
	m.Encryption = identities()[2].cert
	doc, err := m.Sign(identities()[0].key, identities()[0].cert)
	if err != nil {
		t.Fatal(err)
	}
	read, err := samlsp.ParseMetadata(doc)
	if err != nil {
		t.Fatal(err)
	}
	role := read.IDPSSODescriptors[0]
	var got []string
	for _, k := range role.KeyDescriptors {
		der, err := base64.StdEncoding.DecodeString(k.KeyInfo.X509Data.X509Certificates[0].Data)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(identities(), func(id identity) bool { return string(id.cert.Raw) == string(der) })
		got = append(got, fmt.Sprint("key ", i, " ", k.Use))
		for _, method := range k.EncryptionMethods {
			got = append(got, method.Algorithm)
		}
	}
	for _, e := range role.SingleLogoutServices {
		got = append(got, "SLO "+e.Binding+" "+e.Location+e.ResponseLocation)
	}
	for _, e := range role.SingleSignOnServices {
		got = append(got, "SSO "+e.Binding+" "+e.Location)
	}
	want := []string{
		"key 0 signing", "key 1 signing", "key 2 encryption",
		"http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2009/xmlenc11#aes128-gcm",
		"http://www.w3.org/2009/xmlenc11#rsa-oaep", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
		"SLO urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect https://id.example.test/saml/slo",
		"SLO urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST https://id.example.test/saml/slo",
		"SLO urn:oasis:names:tc:SAML:2.0:bindings:SOAP https://id.example.test/saml/slo/soap",
		"SSO urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect https://id.example.test/saml/sso",
		"SSO urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST https://id.example.test/saml/sso",
		"SSO urn:oasis:names:tc:SAML:2.0:bindings:SOAP https://id.example.test/saml/ecp",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestAlgorithmSupport: IIP-MD09, what we verify, without what is refused.
func TestAlgorithmSupport(t *testing.T) {
	const more, rsa512 = "http://www.w3.org/2001/04/xmldsig-more#", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
	want := []string{
		"DigestMethod http://www.w3.org/2001/04/xmlenc#sha256 ", "DigestMethod " + more + "sha384 ", "DigestMethod http://www.w3.org/2001/04/xmlenc#sha512 ",
		"SigningMethod " + more + "rsa-sha256 2048", "SigningMethod " + more + "rsa-sha384 2048", "SigningMethod " + rsa512 + " 2048",
		"SigningMethod " + more + "ecdsa-sha256 ", "SigningMethod " + more + "ecdsa-sha384 ", "SigningMethod " + more + "ecdsa-sha512 ",
	}
	for _, refused := range []string{"", rsa512} {
		m := ours()
		m.RefusedAlgorithms = []string{refused}
		doc, err := m.Sign(identities()[0].key, identities()[0].cert)
		if err != nil {
			t.Fatal(err)
		}
		tree := etree.NewDocument()
		if err := tree.ReadFromBytes(doc); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, el := range tree.FindElement("//Extensions").ChildElements() {
			if el.NamespaceURI() != "urn:oasis:names:tc:SAML:metadata:algsupport" {
				t.Errorf("extension %s", el.FullTag())
			}
			got = append(got, el.Tag+" "+el.SelectAttrValue("Algorithm", "")+" "+el.SelectAttrValue("MinKeySize", ""))
		}
		expected := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return refused != "" && strings.Contains(s, refused) })
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("IIP-MD09 refused %q: %s", refused, diff)
		}
	}
}

func TestOurMetadataIncomplete(t *testing.T) {
	signer := identities()[0]
	for name, spoil := range map[string]func(*metadata.IdP){
		"no ID":          func(m *metadata.IdP) { m.ID = "" },
		"no entityID":    func(m *metadata.IdP) { m.EntityID = "" },
		"no SSO":         func(m *metadata.IdP) { m.SSOURL = "" },
		"no certificate": func(m *metadata.IdP) { m.Certificates = nil },
		"no validUntil":  func(m *metadata.IdP) { m.ValidUntil = time.Time{} },
	} {
		m := ours()
		spoil(&m)
		if doc, err := m.Sign(signer.key, signer.cert); err == nil {
			t.Errorf("%s: %s", name, doc)
		}
	}
	if _, err := ours().Sign(signer.key, identities()[1].cert); err == nil {
		t.Error("signed with a key that does not belong to the certificate")
	}
}

type countingSigner struct {
	crypto.Signer
	calls int
}

func (c *countingSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.calls++
	return c.Signer.Sign(random, digest, opts)
}
