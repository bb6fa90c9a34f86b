package dsig_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

func newSigner(t *testing.T, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func element(t *testing.T, xml string) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(xml); err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}

const entity = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:unused="urn:unused"` +
	` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema"` +
	` xmlns:i="http://www.w3.org/2001/XMLSchema-instance" validUntil="2030-01-01T00:00:00Z" entityID="https://id.example.com" ID="_m">` +
	`<md:Extensions><saml:Attribute Name="a"><saml:AttributeValue i:type="xs:string">a&#13;&#10;b&lt;"]]&gt;č</saml:AttributeValue></saml:Attribute></md:Extensions>` +
	`<md:Organization><md:OrganizationName xml:lang="sl">x</md:OrganizationName></md:Organization></md:EntityDescriptor>`

// TestSignatureOfSAML11: after the statements, over AssertionID.
func TestSignatureOfSAML11(t *testing.T) {
	key := newRSA(t)
	cert := newSigner(t, key)
	el := element(t, `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" AssertionID="_a" ID="_b"><saml:Conditions/><saml:Advice/></saml:Assertion>`)
	if err := dsig.Sign(el, key, cert, false, dsig.Last); err != nil {
		t.Fatal(err)
	}
	doc := dsig.Serialize(el)
	if last := el.ChildElements()[2]; last.Tag != "Signature" || !bytes.Contains(doc, []byte(`URI="#_a"`)) {
		t.Errorf("%s", doc)
	}
	schematest.VerifySignature(t, doc, schematest.PEM(cert.Raw), "AssertionID:Assertion")
	bare := element(t, `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" ID="_b"/>`)
	if dsig.Sign(bare, key, cert, false, dsig.Last) == nil {
		t.Error("signed without AssertionID")
	}
}

func TestSignedElementVerifiesElsewhere(t *testing.T) {
	key := newRSA(t)
	cert := newSigner(t, key)
	for _, sha1 := range []bool{false, true} {
		el := element(t, entity)
		if err := dsig.Sign(el, key, cert, sha1, dsig.First); err != nil {
			t.Fatal(err)
		}
		if first := el.ChildElements()[0]; first.Tag != "Signature" {
			t.Errorf("the first child is %s", first.Tag)
		}
		doc := dsig.Serialize(el)
		schematest.VerifySignature(t, doc, schematest.PEM(cert.Raw), "EntityDescriptor")
		if used := bytes.Contains(doc, []byte("rsa-sha1")); used != sha1 {
			t.Errorf("SHA-1 used: %v, want %v", used, sha1)
		}

		// The prefix in i:type has its meaning from a declaration; it is signed.
		moved := bytes.ReplaceAll(doc, []byte(`xmlns:xs="http://www.w3.org/2001/XMLSchema"`), []byte(`xmlns:xs="urn:other"`))
		schematest.RefuseSignature(t, moved, schematest.PEM(cert.Raw), "EntityDescriptor")
	}
}

func TestSignatureGoesBehindTheIssuer(t *testing.T) {
	key := newRSA(t)
	el := element(t, `<p:Response xmlns:p="urn:p" ID="_a"><p:Issuer>x</p:Issuer><p:Status/></p:Response>`)
	if err := dsig.Sign(el, key, newSigner(t, key), false, dsig.AfterIssuer); err != nil {
		t.Fatal(err)
	}
	var tags []string
	for _, c := range el.ChildElements() {
		tags = append(tags, c.Tag)
	}
	if got := strings.Join(tags, " "); got != "Issuer Signature Status" {
		t.Errorf("children %s", got)
	}
}

// onlyPublic is a signer that must not be asked.
type onlyPublic struct {
	t   *testing.T
	key crypto.PublicKey
}

func (o onlyPublic) Public() crypto.PublicKey { return o.key }
func (o onlyPublic) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	o.t.Error("the key was asked for a signature")
	return nil, nil
}

func TestSignRefuses(t *testing.T) {
	key := newRSA(t)
	cert := newSigner(t, key)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	tests := map[string]struct {
		xml  string
		key  crypto.PublicKey
		cert *x509.Certificate
	}{
		"F8 ECDSA":              {entity, curve.Public(), newSigner(t, curve)},
		"a key of 1024 bits":    {entity, short, cert},
		"another's certificate": {entity, newRSA(t).Public(), cert},
		"no certificate":        {entity, key.Public(), nil},
		"no ID":                 {`<a/>`, key.Public(), cert},
		"a second signature":    {`<a ID="_a"><Signature/></a>`, key.Public(), cert},
		"an undeclared prefix":  {`<a:a ID="_a"/>`, key.Public(), cert},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if dsig.Sign(element(t, tt.xml), onlyPublic{t, tt.key}, tt.cert, false, dsig.First) == nil {
				t.Error("signed")
			}
		})
	}
}
