package xmlenc

import (
	"crypto/rsa"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// maxEncryptedKeys is how many recipients a message may have. Each costs an RSA
// operation with each of our keys.
const maxEncryptedKeys = 4

// message is an EncryptedData of the one shape that is accepted.
type message struct {
	content content
	value   []byte
	keys    []wrappedKey
}

type wrappedKey struct {
	oaep  *rsa.OAEPOptions
	value []byte
}

// read judges all that can be seen without a key.
func read(data *etree.Element, p Policy) (*message, error) {
	if !xmlsafe.Is(data, nsXENC, "EncryptedData") {
		return nil, shape("not an EncryptedData")
	}
	if t, ok := xmlsafe.Attr(data, "Type"); ok && t != typeElement {
		return nil, shape("EncryptedData of another type than Element")
	}
	if _, ok := xmlsafe.Attr(data, "Encoding"); ok {
		return nil, shape("EncryptedData with an encoding")
	}
	parts := data.ChildElements()
	if len(parts) != 3 || !is(parts[0], "EncryptionMethod") || !xmlsafe.Is(parts[1], nsDS, "KeyInfo") || !is(parts[2], "CipherData") {
		return nil, shape("EncryptedData is not EncryptionMethod, KeyInfo, CipherData")
	}
	m := &message{}
	if err := m.readContent(parts[0], p); err != nil {
		return nil, err
	}
	infos := parts[1].ChildElements()
	if len(infos) == 0 || len(infos) > maxEncryptedKeys {
		return nil, shape("no EncryptedKey in KeyInfo, or too many")
	}
	for _, el := range infos {
		if !is(el, "EncryptedKey") { // RetrievalMethod, KeyName, AgreementMethod, ...
			return nil, shape("KeyInfo holds something other than EncryptedKey")
		}
		key, err := readKey(el)
		if err != nil {
			return nil, err
		}
		m.keys = append(m.keys, key)
	}
	var err error
	if m.value, err = cipherValue(parts[2], p.maxBytes()); err != nil {
		return nil, err
	}
	if !m.content.fits(m.value) {
		return nil, shape("cipher text of an impossible length")
	}
	return m, nil
}

func (m *message) readContent(method *etree.Element, p Policy) error {
	uri, _ := xmlsafe.Attr(method, "Algorithm")
	var known bool
	if m.content, known = contents[uri]; !known {
		return refusedAlgorithm("content encryption is not AES-GCM")
	}
	if m.content.cbc && !p.AllowCBC {
		return refusedAlgorithm("AES-CBC is not allowed")
	}
	if len(method.ChildElements()) > 0 {
		return refusedAlgorithm("content encryption with parameters")
	}
	return nil
}

// readKey reads an EncryptedKey. Its KeyInfo, ReferenceList and CarriedKeyName
// say whose it is and where it belongs; there is no need to believe them.
func readKey(el *etree.Element) (wrappedKey, error) {
	var key wrappedKey
	var method, value *etree.Element
	for _, part := range el.ChildElements() {
		switch {
		case is(part, "EncryptionMethod") && method == nil:
			method = part
		case is(part, "CipherData") && value == nil:
			value = part
		case xmlsafe.Is(part, nsDS, "KeyInfo"), is(part, "ReferenceList"), is(part, "CarriedKeyName"):
		default:
			return key, shape("EncryptedKey holds something unknown")
		}
	}
	if method == nil || value == nil {
		return key, shape("EncryptedKey without EncryptionMethod or CipherData")
	}
	var err error
	if key.oaep, err = readTransport(method); err != nil {
		return key, err
	}
	key.value, err = cipherValue(value, 2048) // an RSA key of 16,384 bits
	return key, err
}

func readTransport(method *etree.Element) (*rsa.OAEPOptions, error) {
	var t Transport
	t.Algorithm, _ = xmlsafe.Attr(method, "Algorithm")
	for _, parameter := range method.ChildElements() {
		uri, _ := xmlsafe.Attr(parameter, "Algorithm")
		switch {
		case xmlsafe.Is(parameter, nsDS, "DigestMethod") && t.Digest == "" && uri != "":
			t.Digest = uri
		case xmlsafe.Is(parameter, nsXENC11, "MGF") && t.MGF == "" && uri != "":
			t.MGF = uri
		default: // OAEPparams, which SAML has no use for, and the same twice
			return nil, refusedAlgorithm("key transport with unknown parameters")
		}
	}
	if t.Algorithm == OAEPMGF1P && t.MGF != "" && t.MGF != MGF1SHA1 {
		return nil, refusedAlgorithm("rsa-oaep-mgf1p with another mask")
	}
	oaep, err := t.oaep()
	if err != nil {
		return nil, refusedAlgorithm(err.Error())
	}
	return oaep, nil
}

// cipherValue reads a CipherData of at most limit bytes.
func cipherValue(data *etree.Element, limit int) ([]byte, error) {
	values := data.ChildElements()
	if len(values) != 1 || !is(values[0], "CipherValue") || len(values[0].ChildElements()) > 0 {
		return nil, shape("CipherData without one CipherValue") // CipherReference is never followed
	}
	text := strings.Join(strings.Fields(ownText(values[0])), "")
	if base64.StdEncoding.DecodedLen(len(text)) > limit+2 {
		return nil, shape("cipher text is too long")
	}
	value, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(value) == 0 || len(value) > limit {
		return nil, shape("cipher text is empty, too long or not base64")
	}
	return value, nil
}

func is(el *etree.Element, local string) bool { return xmlsafe.Is(el, nsXENC, local) }
