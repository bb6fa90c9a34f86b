package xmlenc_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// FuzzDecrypt takes messages of any shape.
func FuzzDecrypt(f *testing.F) {
	for _, o := range []xmlenc.Options{
		gcm,
		{Content: xmlenc.AES256CBC, Transport: xmlenc.Transport{Algorithm: xmlenc.OAEP, Digest: xmlenc.SHA256, MGF: xmlenc.MGF1SHA512}},
	} {
		f.Add(encryptedID(f, nameIDXML, ours().Cert, o))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		root, err := xmlsafe.Parse(message, xmlsafe.Message())
		if err != nil {
			return
		}
		el, err := xmlenc.DecryptID(root, decrypters(ours()), allowCBC)
		fuzzErrors(t, el, err)
		for _, child := range root.ChildElements() {
			el, err := xmlenc.Decrypt(child, decrypters(ours()), xmlenc.Policy{})
			fuzzErrors(t, el, err)
		}
	})
}

// FuzzDecrypted takes octets of any kind that were encrypted properly: what
// comes out is one element that is still one when it is written and read again.
func FuzzDecrypted(f *testing.F) {
	for _, text := range []string{nameIDXML, "<saml:NameID>x</saml:NameID>", "</context><context>", "<a/><b/>", "x", `<a xmlns=""/>`, "<!---->", " <a/>\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 8<<10 {
			return
		}
		root := received(t, encryptedID(t, string(text), ours().Cert, gcm))
		el, err := xmlenc.Decrypt(root.ChildElements()[0], decrypters(ours()), xmlenc.Policy{})
		fuzzErrors(t, el, err)
		if err != nil {
			return
		}
		if _, err := xmlsafe.Parse(dsig.Serialize(el), xmlsafe.Metadata()); err != nil {
			t.Errorf("%q becomes %q: %v", text, dsig.Serialize(el), err)
		}
	})
}
