package xmlenc

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/xml"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// Policy is what may be decrypted. The zero value is the safe one.
type Policy struct {
	// AllowCBC accepts AES-CBC, which nothing authenticates: whoever can see
	// whether an altered message is accepted learns its content in the end.
	AllowCBC bool
	// MaxBytes bounds the cipher text; 0 stands for 64 KiB, the size of a
	// message.
	MaxBytes int
}

func (p Policy) maxBytes() int {
	if p.MaxBytes > 0 {
		return p.MaxBytes
	}
	return xmlsafe.Message().Bytes
}

// DecryptID reads a saml:EncryptedID and returns the NameID in it (SAML Core
// 2.2.4). Other identifiers are refused. Everything else is as with Decrypt.
func DecryptID(encryptedID *etree.Element, keys []crypto.Decrypter, p Policy) (*etree.Element, error) {
	if !xmlsafe.Is(encryptedID, nsAssertion, "EncryptedID") {
		return nil, shape("not an EncryptedID")
	}
	children := encryptedID.ChildElements()
	if len(children) != 1 { // an EncryptedKey beside it would have to be referred to
		return nil, shape("EncryptedID with other than one EncryptedData")
	}
	el, err := Decrypt(children[0], keys, p)
	if err != nil {
		return nil, err
	}
	if !xmlsafe.Is(el, nsAssertion, "NameID") {
		return nil, failed()
	}
	return el, nil
}

// Decrypt returns the element that an EncryptedData holds (XML Encryption 1.1
// 4.4), as a tree of its own that declares the namespaces which it inherits
// from around the EncryptedData. data comes from xmlsafe.Parse.
//
// Every key is tried on every EncryptedKey [IIP-IDP19]; keys that are not RSA of
// at least 2048 bits are passed over. Errors are refusals: enc.shape and
// enc.algorithm say what anyone can see in the message, enc.failed says nothing
// more than that.
func Decrypt(data *etree.Element, keys []crypto.Decrypter, p Policy) (*etree.Element, error) {
	m, err := read(data, p)
	if err != nil {
		return nil, err
	}
	inherited := declarations(data)
	var found *etree.Element
	for _, wrapped := range m.keys {
		for _, key := range keys {
			if !usable(key) {
				continue
			}
			// No early end: what a wrong key costs, a right one costs too.
			if el, ok := m.open(wrapped, key, inherited); ok && found == nil {
				found = el
			}
		}
	}
	if found == nil {
		return nil, failed()
	}
	return found, nil
}

func usable(key crypto.Decrypter) bool {
	if key == nil {
		return false
	}
	public, ok := key.Public().(*rsa.PublicKey)
	return ok && public.N.BitLen() >= minRSABits
}

// open unwraps one content key and decrypts with it. It goes on with a random
// key where that fails, so that neither its error nor its time tells which of
// the steps it was.
func (m *message) open(w wrappedKey, key crypto.Decrypter, inherited []etree.Attr) (*etree.Element, bool) {
	secret := make([]byte, m.content.keySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, false
	}
	unwrapped, err := key.Decrypt(rand.Reader, w.value, w.oaep)
	good := err == nil && len(unwrapped) == len(secret)
	if good {
		copy(secret, unwrapped)
	}
	text, err := m.content.open(secret, m.value)
	good = good && err == nil
	el, err := parse(text, inherited)
	if err != nil || !good {
		return nil, false
	}
	return el, true
}

// parse reads decrypted octets where the EncryptedData stood, among the
// namespaces that were declared there.
func parse(text []byte, inherited []etree.Attr) (*etree.Element, error) {
	var b strings.Builder
	b.WriteString("<context")
	for _, a := range inherited {
		b.WriteString(" " + a.FullKey() + `="`)
		if err := xml.EscapeText(&b, []byte(a.Value)); err != nil {
			return nil, err
		}
		b.WriteString(`"`)
	}
	b.WriteString(">")
	b.Write(text)
	b.WriteString("</context>")

	limits := xmlsafe.Message()
	limits.Bytes += len(b.String()) - len(text) // of the text alone
	limits.Markup += len(b.String()) - len(text)
	limits.Depth++
	limits.Elements++
	limits.AllAttributes += len(inherited)
	limits.Attributes = max(limits.Attributes, len(inherited))
	limits.Namespaces += len(inherited)
	root, err := xmlsafe.Parse([]byte(b.String()), limits)
	if err != nil {
		return nil, err
	}
	elements := root.ChildElements()
	if len(elements) != 1 || strings.TrimSpace(ownText(root)) != "" || encrypted(elements[0]) {
		return nil, failed()
	}
	el := elements[0]
	root.RemoveChild(el)
	for _, a := range inherited {
		if !declares(el, a) {
			el.CreateAttr(a.FullKey(), a.Value)
		}
	}
	return el, nil
}

// encrypted reports whether anything within el is encrypted, again.
func encrypted(el *etree.Element) bool {
	return el.NamespaceURI() == nsXENC || slices.ContainsFunc(el.ChildElements(), encrypted)
}

// declarations are the namespaces that el inherits or declares, the innermost
// of each prefix.
func declarations(el *etree.Element) []etree.Attr {
	scope := etree.NewElement("scope")
	for ; el != nil; el = el.Parent() {
		for _, a := range el.Attr {
			if (a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns") && !declares(scope, a) {
				scope.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return scope.Attr
}

func declares(el *etree.Element, a etree.Attr) bool {
	return slices.ContainsFunc(el.Attr, func(b etree.Attr) bool { return b.Space == a.Space && b.Key == a.Key })
}

func ownText(el *etree.Element) string {
	var b strings.Builder
	for _, t := range el.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

func failed() error                      { return idp.Refuse(idp.EncFailed, "cannot be decrypted") }
func shape(what string) error            { return idp.Refuse(idp.EncShape, "%s", what) }
func refusedAlgorithm(what string) error { return idp.Refuse(idp.EncAlgorithm, "%s", what) }
