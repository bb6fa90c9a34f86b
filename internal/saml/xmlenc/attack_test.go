package xmlenc_test

import (
	"crypto"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
)

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func decode(t testing.TB, text string) []byte {
	t.Helper()
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// refused decrypts a message that must be refused.
func refused(t *testing.T, message []byte, p xmlenc.Policy, keys []crypto.Decrypter) *idp.Error {
	t.Helper()
	el, err := xmlenc.DecryptID(received(t, message), keys, p)
	if err == nil {
		t.Fatalf("decrypted %s", dsig.Serialize(el))
	}
	var e *idp.Error
	if !errors.As(err, &e) || e.Code != idp.SAMLRefused {
		t.Fatalf("not a refusal: %v", err)
	}
	return e
}

// alter changes the n-th CipherValue: 0 is the wrapped key, 1 the content.
func alter(t *testing.T, message []byte, n int, change func([]byte) []byte) []byte {
	t.Helper()
	root := element(t, string(message))
	v := root.FindElements("//CipherValue")[n]
	v.SetText(base64.StdEncoding.EncodeToString(change(decode(t, v.Text()))))
	return dsig.Serialize(root)
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		return b
	}
}

// Whatever is wrong with what only the key can tell, there is one error.
func TestOneErrorForEverything(t *testing.T) {
	const says = "saml_refused (enc.failed): cannot be decrypted"
	cbc := xmlenc.Options{Content: xmlenc.AES256CBC, Transport: gcm.Transport}
	good := encryptedID(t, nameIDXML, ours().Cert, gcm)
	goodCBC := encryptedID(t, nameIDXML, ours().Cert, cbc)
	text := func(s string) []byte { return encryptedID(t, s, ours().Cert, gcm) }
	deep := strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40)
	nested := string(encryptedID(t, nameIDXML, ours().Cert, gcm))
	const saml = ` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`
	for name, tt := range map[string]struct {
		message []byte
		keys    []crypto.Decrypter
	}{
		"altered tag":                 {alter(t, good, 1, flip(-1)), nil},
		"altered cipher text":         {alter(t, good, 1, flip(20)), nil},
		"altered nonce":               {alter(t, good, 1, flip(0)), nil},
		"cut cipher text":             {alter(t, good, 1, func(b []byte) []byte { return b[:len(b)-1] }), nil},
		"altered wrapped key":         {alter(t, good, 0, flip(100)), nil},
		"wrapped key too short":       {alter(t, good, 0, func(b []byte) []byte { return b[1:] }), nil},
		"wrapped key too large":       {alter(t, good, 0, func([]byte) []byte { return []byte(strings.Repeat("\xff", 256)) }), nil},
		"wrong key":                   {good, decrypters(other())},
		"no key":                      {good, []crypto.Decrypter{}},
		"nil key":                     {good, []crypto.Decrypter{nil}},
		"short key":                   {encryptedID(t, nameIDXML, ours().Cert, gcm), decrypters(samltest.RSA(1024))},
		"CBC, bad padding":            {alter(t, goodCBC, 1, flip(-17)), nil},
		"CBC, good padding, bad text": {alter(t, goodCBC, 1, flip(0)), nil},
		"CBC, wrong key":              {goodCBC, decrypters(other())},
		"content key of another size": {encryptedSize(t), nil},
		"no XML":                      {text("ana@example.com"), nil},
		"two elements":                {text("<a/><b/>"), nil},
		"text beside it":              {text(nameIDXML + "x"), nil},
		"out of its place":            {text("</context><context>"), nil},
		"out of its place, and back":  {text("</context>" + nameIDXML + "<context>"), nil},
		"unbound prefix":              {text("<evil:NameID>x</evil:NameID>"), nil},
		"another element":             {text("<saml:BaseID" + saml + "/>"), nil},
		"element of no namespace":     {text("<NameID>x</NameID>"), nil},
		"DTD":                         {text(`<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + nameIDXML), nil},
		"comment":                     {text(`<saml:NameID` + saml + `>ana<!-- -->@example.com</saml:NameID>`), nil},
		"deep":                        {text(deep), nil},
		"nested EncryptedData":        {text(nested[strings.Index(nested, "<xenc:EncryptedData"):strings.Index(nested, "</saml:EncryptedID")]), nil},
		"EncryptedID again":           {text(nested), nil},
		"EncryptedData below":         {text(`<saml:NameID` + saml + `><x:EncryptedData xmlns:x="http://www.w3.org/2001/04/xmlenc#"/></saml:NameID>`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			keys := tt.keys
			if keys == nil {
				keys = decrypters(ours())
			}
			if got := refused(t, tt.message, allowCBC, keys).Error(); got != says {
				t.Errorf("says %q", got)
			}
		})
	}
}

// encryptedSize is AES-256-GCM that says AES-128-GCM.
func encryptedSize(t *testing.T) []byte {
	t.Helper()
	m := encryptedID(t, nameIDXML, ours().Cert, xmlenc.Options{Content: xmlenc.AES256GCM, Transport: gcm.Transport})
	return []byte(strings.Replace(string(m), xmlenc.AES256GCM, xmlenc.AES128GCM, 1))
}

// Each bit of the block before the padding: all answers are alike, whether the
// padding becomes good or not.
func TestNoPaddingOracle(t *testing.T) {
	m := encryptedID(t, nameIDXML, ours().Cert, xmlenc.Options{Content: xmlenc.AES128CBC, Transport: gcm.Transport})
	said := map[string]int{}
	for bit := range 256 {
		changed := alter(t, m, 1, func(b []byte) []byte {
			b[len(b)-17] ^= byte(bit)
			return b
		})
		_, err := xmlenc.DecryptID(received(t, changed), decrypters(ours()), allowCBC)
		if err == nil {
			said["accepted"]++
			continue
		}
		said[err.Error()]++
	}
	// Unchanged, and at most a few where a shorter or longer padding leaves XML.
	if len(said) != 2 || said["accepted"] > 3 {
		t.Errorf("answers: %v", said)
	}
}

// What anyone can see is refused before a key is used.
func TestRefusedAtSight(t *testing.T) {
	good := string(encryptedID(t, nameIDXML, ours().Cert, gcm))
	swap := func(old, replacement string) []byte {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in %s", old, good)
		}
		return []byte(strings.Replace(good, old, replacement, 1))
	}
	between := func(from, to string) string {
		i := strings.Index(good, from)
		return good[i : i+strings.Index(good[i:], to)+len(to)]
	}
	encryptedKey := between("<xenc:EncryptedKey>", "</xenc:EncryptedKey>")
	contentData := good[strings.LastIndex(good, "<xenc:CipherData>"):strings.LastIndex(good, "</xenc:EncryptedData>")]
	const rsa15 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
	sha1 := `<ds:DigestMethod Algorithm="` + xmlenc.SHA1 + `"></ds:DigestMethod>`
	for name, tt := range map[string]struct {
		message []byte
		reason  idp.Reason
		keys    bool // a key was needed to see it
	}{
		"RSA 1.5":                         {swap(xmlenc.OAEPMGF1P, rsa15), idp.EncAlgorithm, false},
		"unknown key transport":           {swap(xmlenc.OAEPMGF1P, "http://www.w3.org/2001/04/xmlenc#kw-aes128"), idp.EncAlgorithm, false},
		"unknown digest":                  {swap(xmlenc.SHA1, "http://www.w3.org/2001/04/xmldsig-more#md5"), idp.EncAlgorithm, false},
		"two digests":                     {swap(sha1, sha1+sha1), idp.EncAlgorithm, false},
		"OAEP parameters":                 {swap(sha1, sha1+"<xenc:OAEPparams>AAAA</xenc:OAEPparams>"), idp.EncAlgorithm, false},
		"mask of mgf1p":                   {swap(sha1, sha1+`<x:MGF xmlns:x="http://www.w3.org/2009/xmlenc11#" Algorithm="`+xmlenc.MGF1SHA256+`"/>`), idp.EncAlgorithm, false},
		"CBC":                             {encryptedID(t, nameIDXML, ours().Cert, xmlenc.Options{Content: xmlenc.AES128CBC, Transport: gcm.Transport}), idp.EncAlgorithm, false},
		"3DES":                            {swap(xmlenc.AES128GCM, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"), idp.EncAlgorithm, false},
		"no algorithm":                    {swap(` Algorithm="`+xmlenc.AES128GCM+`"`, ""), idp.EncAlgorithm, false},
		"type Content":                    {swap(`xmlenc#Element"`, `xmlenc#Content"`), idp.EncShape, false},
		"encoding":                        {swap(` Type=`, ` Encoding="http://www.w3.org/2000/09/xmldsig#base64" Type=`), idp.EncShape, false},
		"RetrievalMethod":                 {swap(encryptedKey, `<ds:RetrievalMethod URI="https://evil.example/key"/>`), idp.EncShape, false},
		"RetrievalMethod beside the key":  {swap(encryptedKey, encryptedKey+`<ds:RetrievalMethod URI="#k"/>`), idp.EncShape, false},
		"RetrievalMethod to a sibling":    {sibling(t, good, encryptedKey), idp.EncShape, false},
		"KeyName only":                    {swap(encryptedKey, `<ds:KeyName>shared</ds:KeyName>`), idp.EncShape, false},
		"no key":                          {swap(encryptedKey, ""), idp.EncShape, false},
		"five keys":                       {swap(encryptedKey, strings.Repeat(encryptedKey, 5)), idp.EncShape, false},
		"CipherReference":                 {swap(contentData, `<xenc:CipherData><xenc:CipherReference URI="file:///etc/passwd"/></xenc:CipherData>`), idp.EncShape, false},
		"CipherReference for the key":     {swap(between("<xenc:CipherData>", "</xenc:CipherData>"), `<xenc:CipherData><xenc:CipherReference URI="#x"/></xenc:CipherData>`), idp.EncShape, false},
		"two CipherData":                  {swap(contentData, contentData+contentData), idp.EncShape, false},
		"two EncryptedData":               {[]byte(strings.Replace(good, "</saml:EncryptedID>", good[strings.Index(good, "<xenc:"):], 1)), idp.EncShape, false},
		"EncryptionProperties":            {swap(contentData, contentData+`<xenc:EncryptionProperties/>`), idp.EncShape, false},
		"not base64":                      {swap(contentData, `<xenc:CipherData><xenc:CipherValue>%%%%</xenc:CipherValue></xenc:CipherData>`), idp.EncShape, false},
		"empty":                           {swap(contentData, `<xenc:CipherData><xenc:CipherValue/></xenc:CipherData>`), idp.EncShape, false},
		"shorter than nonce and tag":      {swap(contentData, `<xenc:CipherData><xenc:CipherValue>AAAA</xenc:CipherValue></xenc:CipherData>`), idp.EncShape, false},
		"element within the cipher value": {swap(contentData, `<xenc:CipherData><xenc:CipherValue>AAAA<a xmlns=""/></xenc:CipherValue></xenc:CipherData>`), idp.EncShape, false},
		"unknown child of the key":        {swap("<xenc:EncryptedKey>", `<xenc:EncryptedKey><a xmlns="urn:a"/>`), idp.EncShape, false},
		"not an EncryptedID":              {[]byte(strings.ReplaceAll(good, "saml:EncryptedID", "saml:NewEncryptedID")), idp.EncShape, false},
	} {
		t.Run(name, func(t *testing.T) {
			spy := &spyKey{Decrypter: decrypters(ours())[0]}
			if got := refused(t, tt.message, xmlenc.Policy{}, []crypto.Decrypter{spy}); got.Reason != tt.reason {
				t.Errorf("refused with %v", got)
			}
			if spy.used {
				t.Error("a key was used")
			}
		})
	}
}

// sibling has the key beside the data, as some software places it.
func sibling(t *testing.T, good, encryptedKey string) []byte {
	t.Helper()
	moved := strings.Replace(encryptedKey, "<xenc:EncryptedKey>", `<xenc:EncryptedKey xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="k">`, 1)
	out := strings.Replace(good, encryptedKey, `<ds:RetrievalMethod URI="#k" Type="http://www.w3.org/2001/04/xmlenc#EncryptedKey"/>`, 1)
	return []byte(strings.Replace(out, "</saml:EncryptedID>", moved+"</saml:EncryptedID>", 1))
}

type spyKey struct {
	crypto.Decrypter
	used bool
}

func (s *spyKey) Decrypt(r io.Reader, m []byte, o crypto.DecrypterOpts) ([]byte, error) {
	s.used = true
	return s.Decrypter.Decrypt(r, m, o)
}

func TestHugeCipherText(t *testing.T) {
	m := element(t, string(encryptedID(t, nameIDXML, ours().Cert, gcm)))
	v := m.FindElements("//CipherValue")[1]
	v.SetText(base64.StdEncoding.EncodeToString(make([]byte, 10<<20)))
	spy := &spyKey{Decrypter: decrypters(ours())[0]}
	_, err := xmlenc.DecryptID(m, []crypto.Decrypter{spy}, xmlenc.Policy{}) // past the limits of xmlsafe
	if e := (*idp.Error)(nil); !errors.As(err, &e) || e.Reason != idp.EncShape || spy.used {
		t.Errorf("10 MB: %v, key used: %v", err, spy.used)
	}
}

// Two recipients: ours may be the second.
func TestSeveralKeys(t *testing.T) {
	one := element(t, string(encryptedID(t, nameIDXML, other().Cert, gcm)))
	two := element(t, string(encryptedID(t, nameIDXML, ours().Cert, gcm)))
	info := one.FindElement("./EncryptedData/KeyInfo")
	info.AddChild(two.FindElement("//EncryptedKey").Copy())

	t.Run("key of another content is no help", func(t *testing.T) {
		refused(t, dsig.Serialize(one), xmlenc.Policy{}, decrypters(ours()))
	})
	t.Run("two EncryptedKey", func(t *testing.T) {
		if _, err := xmlenc.DecryptID(received(t, dsig.Serialize(one)), decrypters(ours(), other()), xmlenc.Policy{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("IIP-IDP19 every decryption key is tried", func(t *testing.T) {
		keys := append(decrypters(samltest.RSA(2048), other()), decrypters(ours())...)
		if _, err := xmlenc.DecryptID(received(t, dsig.Serialize(two)), keys, xmlenc.Policy{}); err != nil {
			t.Error(err)
		}
	})
}

// The prefix of the NameID is declared around the EncryptedData only.
func TestNamespacesAround(t *testing.T) {
	m := encryptedID(t, `<saml:NameID xmlns:o="urn:o" o:x="1">ana</saml:NameID>`, ours().Cert, gcm)
	root := element(t, `<p:LogoutRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns="urn:default" xmlns:q="urn:&quot;&lt;&amp;"/>`)
	root.AddChild(element(t, string(m)))
	el := received(t, dsig.Serialize(root)).ChildElements()[0]
	got, err := xmlenc.DecryptID(el, decrypters(ours()), xmlenc.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Parent() != nil {
		t.Error("it is not a tree of its own")
	}
	again := element(t, string(dsig.Serialize(got)))
	if again.NamespaceURI() != "urn:oasis:names:tc:SAML:2.0:assertion" || again.SelectAttrValue("xmlns:q", "") != `urn:"<&` {
		t.Errorf("as a document: %s", dsig.Serialize(got))
	}
}

func fuzzErrors(t *testing.T, el *etree.Element, err error) {
	t.Helper()
	if (el == nil) == (err == nil) {
		t.Fatalf("%v, %v", el, err)
	}
	if err == nil {
		return
	}
	var e *idp.Error
	if !errors.As(err, &e) || e.Code != idp.SAMLRefused {
		t.Fatalf("not a refusal: %v", err)
	}
}
