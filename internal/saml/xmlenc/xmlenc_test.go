package xmlenc_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

var (
	ours  = sync.OnceValue(func() samltest.Identity { return samltest.RSA(2048) })
	other = sync.OnceValue(func() samltest.Identity { return samltest.RSA(2048) })
)

func decrypters(ids ...samltest.Identity) []crypto.Decrypter {
	var out []crypto.Decrypter
	for _, id := range ids {
		out = append(out, id.Key.(crypto.Decrypter))
	}
	return out
}

var (
	gcm       = xmlenc.Options{Content: xmlenc.AES128GCM, Transport: xmlenc.Transport{Algorithm: xmlenc.OAEPMGF1P}}
	allowCBC  = xmlenc.Policy{AllowCBC: true}
	nameIDXML = `<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">ana&amp;zoë@example.com</saml:NameID>`
)

// everything are all combinations of algorithms.
func everything() map[string]xmlenc.Options {
	out := map[string]xmlenc.Options{}
	digests := []string{"", xmlenc.SHA1, xmlenc.SHA256, xmlenc.SHA384, xmlenc.SHA512}
	masks := []string{"", xmlenc.MGF1SHA1, xmlenc.MGF1SHA256, xmlenc.MGF1SHA384, xmlenc.MGF1SHA512}
	for _, content := range []string{xmlenc.AES128GCM, xmlenc.AES256GCM, xmlenc.AES128CBC, xmlenc.AES256CBC} {
		for _, digest := range digests {
			add := func(t xmlenc.Transport) {
				out[short(content)+" "+short(t.Algorithm)+" "+short(t.Digest)+" "+short(t.MGF)] = xmlenc.Options{Content: content, Transport: t}
			}
			add(xmlenc.Transport{Algorithm: xmlenc.OAEPMGF1P, Digest: digest})
			for _, mask := range masks {
				add(xmlenc.Transport{Algorithm: xmlenc.OAEP, Digest: digest, MGF: mask})
			}
		}
	}
	return out
}

func short(uri string) string { return uri[strings.LastIndexByte(uri, '#')+1:] }

func element(t testing.TB, xml string) *etree.Element {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromString(xml); err != nil {
		t.Fatal(err)
	}
	return d.Root()
}

// encryptedID is what a service provider sends: an EncryptedID as it arrives.
func encryptedID(t testing.TB, text string, cert *x509.Certificate, o xmlenc.Options) []byte {
	t.Helper()
	data, err := xmlenc.EncryptText([]byte(text), cert, o)
	if err != nil {
		t.Fatal(err)
	}
	id := etree.NewElement("saml:EncryptedID")
	id.CreateAttr("xmlns:saml", "urn:oasis:names:tc:SAML:2.0:assertion")
	id.AddChild(data)
	return dsig.Serialize(id)
}

func received(t testing.TB, xml []byte) *etree.Element {
	t.Helper()
	el, err := xmlsafe.Parse(xml, xmlsafe.Message())
	if err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	return el
}

func TestRoundTrip(t *testing.T) {
	for name, o := range everything() {
		t.Run(name, func(t *testing.T) {
			data, err := xmlenc.Encrypt(element(t, nameIDXML), ours().Cert, o)
			if err != nil {
				t.Fatal(err)
			}
			wire := dsig.Serialize(data)
			if bytes.Contains(wire, []byte("example.com")) {
				t.Fatalf("readable: %s", wire)
			}
			got, err := xmlenc.Decrypt(received(t, wire), decrypters(ours()), allowCBC)
			if err != nil {
				t.Fatal(err)
			}
			if got.Text() != "ana&zoë@example.com" || !xmlsafe.Is(got, "urn:oasis:names:tc:SAML:2.0:assertion", "NameID") {
				t.Errorf("decrypted %s", dsig.Serialize(got))
			}
		})
	}
}

// Texts of every length around the block, with every padding.
func TestEveryLength(t *testing.T) {
	for _, content := range []string{xmlenc.AES128GCM, xmlenc.AES256CBC} {
		for n := range 40 {
			text := "<a>" + strings.Repeat("x", n) + "</a>"
			el := received(t, encryptedID(t, text, ours().Cert, xmlenc.Options{Content: content, Transport: gcm.Transport}))
			got, err := xmlenc.Decrypt(el.ChildElements()[0], decrypters(ours()), allowCBC)
			if err != nil || len(got.Text()) != n {
				t.Errorf("%s, %d: %v", short(content), n, err)
			}
		}
	}
}

func TestNothingIsUsedTwice(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		data, err := xmlenc.Encrypt(element(t, nameIDXML), ours().Cert, gcm)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range data.FindElements("//CipherValue") {
			nonce := v.Text()[:16] // 12 bytes
			if seen[nonce] {
				t.Fatal("a nonce or a wrapped key came twice")
			}
			seen[nonce] = true
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	weak := samltest.RSA(1024)
	for name, tt := range map[string]struct {
		xml  string
		cert *x509.Certificate
		o    xmlenc.Options
		says string
	}{
		"no key":           {nameIDXML, nil, gcm, "no key"},
		"short key":        {nameIDXML, weak.Cert, gcm, "1024 bits"},
		"EC key":           {nameIDXML, samltest.Fixed().Cert, gcm, "not RSA"},
		"RSA 1.5":          {nameIDXML, ours().Cert, xmlenc.Options{Content: xmlenc.AES128GCM, Transport: xmlenc.Transport{Algorithm: "http://www.w3.org/2001/04/xmlenc#rsa-1_5"}}, "not RSA-OAEP"},
		"unknown content":  {nameIDXML, ours().Cert, xmlenc.Options{Content: "http://www.w3.org/2001/04/xmlenc#tripledes-cbc", Transport: gcm.Transport}, "not known"},
		"unknown digest":   {nameIDXML, ours().Cert, xmlenc.Options{Content: xmlenc.AES128GCM, Transport: xmlenc.Transport{Algorithm: xmlenc.OAEP, Digest: "md5"}}, "digest"},
		"unknown mask":     {nameIDXML, ours().Cert, xmlenc.Options{Content: xmlenc.AES128GCM, Transport: xmlenc.Transport{Algorithm: xmlenc.OAEP, MGF: "md5"}}, "mask"},
		"prefix of a name": {`<saml:NameID>x</saml:NameID>`, ours().Cert, gcm, `prefix "saml"`},
		"of an attribute":  {`<a xmlns=""><b xmlns:x="u" /><c x:y="" /></a>`, ours().Cert, gcm, `prefix "x"`},
		"of an xsi:type":   {`<a xmlns="" xmlns:xsi="i" xsi:type="xs:string" />`, ours().Cert, gcm, `prefix "xs"`},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := xmlenc.Encrypt(element(t, tt.xml), tt.cert, tt.o)
			if err == nil || data != nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, %v", data, err)
			}
		})
	}
}

func keyPEM(t testing.TB, id samltest.Identity) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(id.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// What xmlsec1 has, it decrypts. (Version 1.2 has no xmlenc11 rsa-oaep and, of
// rsa-oaep-mgf1p, no other digest than SHA-1.)
func TestForeignDecryption(t *testing.T) {
	for _, content := range []string{xmlenc.AES128GCM, xmlenc.AES256GCM, xmlenc.AES128CBC, xmlenc.AES256CBC} {
		t.Run(short(content), func(t *testing.T) {
			doc := encryptedID(t, nameIDXML, ours().Cert, xmlenc.Options{Content: content, Transport: gcm.Transport})
			got := schematest.Decrypt(t, doc, keyPEM(t, ours()))
			if id := element(t, string(got)).FindElement("./NameID"); id == nil || id.Text() != "ana&zoë@example.com" {
				t.Errorf("xmlsec1 reads %s", got)
			}
			schematest.RefuseDecryption(t, doc, keyPEM(t, other()))
		})
	}
}

// OpenSSL unwraps the content key with the digest and the mask that we name.
func TestForeignKeyTransport(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	dir := t.TempDir()
	writeFile(t, dir+"/key.pem", keyPEM(t, ours()))
	hash := map[string]string{
		"": "sha1", xmlenc.SHA1: "sha1", xmlenc.SHA256: "sha256", xmlenc.SHA384: "sha384", xmlenc.SHA512: "sha512",
		xmlenc.MGF1SHA1: "sha1", xmlenc.MGF1SHA256: "sha256", xmlenc.MGF1SHA384: "sha384", xmlenc.MGF1SHA512: "sha512",
	}
	for name, o := range everything() {
		if o.Content != xmlenc.AES256GCM {
			continue
		}
		t.Run(name, func(t *testing.T) {
			data, err := xmlenc.Encrypt(element(t, nameIDXML), ours().Cert, o)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, dir+"/wrapped", decode(t, data.FindElement("./KeyInfo/EncryptedKey/CipherData/CipherValue").Text()))
			out, err := exec.CommandContext(t.Context(), openssl, "pkeyutl", "-decrypt", "-inkey", dir+"/key.pem", "-in", dir+"/wrapped",
				"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:"+hash[o.Transport.Digest],
				"-pkeyopt", "rsa_mgf1_md:"+hash[o.Transport.MGF]).Output()
			if err != nil || len(out) != 32 {
				t.Errorf("openssl: %v, %d bytes", err, len(out))
			}
		})
	}
}

// An assertion of any kind stays signed: the octets that are encrypted are the
// octets that were signed.
func TestSignatureSurvives(t *testing.T) {
	el := element(t, `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a"><saml:Issuer>i</saml:Issuer><v>`+
		"&#13;&#9;&amp;&lt;&gt;&quot;\u2028</v></saml:Assertion>")
	el.CreateAttr("xmlns", "urn:x")
	if err := dsig.Sign(el, ours().Key, ours().Cert, false, dsig.AfterIssuer); err != nil {
		t.Fatal(err)
	}
	data, err := xmlenc.Encrypt(el, other().Cert, gcm)
	if err != nil {
		t.Fatal(err)
	}
	got, err := xmlenc.Decrypt(received(t, dsig.Serialize(data)), decrypters(other()), xmlenc.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dsig.Verify(got, []*x509.Certificate{ours().Cert}, dsig.Policy{}); err != nil {
		t.Error(err)
	}
}

func BenchmarkDecrypt(b *testing.B) {
	el := received(b, encryptedID(b, nameIDXML, ours().Cert, gcm))
	for keys, use := range map[string][]crypto.Decrypter{"1 key": decrypters(ours()), "2 keys": decrypters(other(), ours())} {
		b.Run(keys, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := xmlenc.DecryptID(el, use, xmlenc.Policy{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var _ crypto.Decrypter = (*rsa.PrivateKey)(nil)

func ExampleContentNames() {
	fmt.Println(xmlenc.ContentNames())
	// Output: [aes128-cbc aes128-gcm aes256-cbc aes256-gcm]
}
