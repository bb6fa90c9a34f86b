package xmlenc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
)

// Encrypt makes an EncryptedData of el for the holder of cert's key (XML
// Encryption 1.1 4.3, SAML Core 6): el as dsig.Serialize writes it, under a new
// key, which the EncryptedKey inside KeyInfo carries. The certificate goes with
// it, so that a receiver with several keys knows which one to use.
//
// el must declare every prefix that it uses, as it will be read without what is
// around it now. A signature within it stays valid.
func Encrypt(el *etree.Element, cert *x509.Certificate, o Options) (*etree.Element, error) {
	if prefix, ok := undeclared(el, nil); ok {
		return nil, fmt.Errorf("element to encrypt does not declare the prefix %q", prefix)
	}
	return encrypt(dsig.Serialize(el), cert, o)
}

func encrypt(text []byte, cert *x509.Certificate, o Options) (*etree.Element, error) {
	if cert == nil {
		return nil, errors.New("no key to encrypt with")
	}
	key, err := publicKey(cert)
	if err != nil {
		return nil, err
	}
	kind, ok := contents[o.Content]
	if !ok {
		return nil, fmt.Errorf("content encryption %q is not known", o.Content)
	}
	oaep, err := o.Transport.oaep()
	if err != nil {
		return nil, err
	}

	secret := make([]byte, kind.keySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make content key: %w", err)
	}
	sealed, err := kind.seal(secret, text)
	if err != nil {
		return nil, fmt.Errorf("encrypt element: %w", err)
	}
	wrapped, err := rsa.EncryptOAEPWithOptions(rand.Reader, key, secret, oaep)
	if err != nil {
		return nil, fmt.Errorf("wrap content key: %w", err)
	}

	data := etree.NewElement("xenc:EncryptedData")
	data.CreateAttr("xmlns:xenc", nsXENC)
	data.CreateAttr("Type", typeElement)
	algorithm(data, "xenc:EncryptionMethod", o.Content)
	info := data.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", nsDS)
	info.AddChild(encryptedKey(o.Transport, cert, wrapped))
	cipherData(data, sealed)
	return data, nil
}

func encryptedKey(t Transport, cert *x509.Certificate, wrapped []byte) *etree.Element {
	key := etree.NewElement("xenc:EncryptedKey")
	method := algorithm(key, "xenc:EncryptionMethod", t.Algorithm)
	digest := t.Digest
	if digest == "" {
		digest = SHA1 // the default, but some receivers want to read it
	}
	algorithm(method, "ds:DigestMethod", digest)
	// MGF1 with SHA-1 goes without saying [IIP-ALG06].
	if t.Algorithm == OAEP && t.MGF != "" && t.MGF != MGF1SHA1 {
		algorithm(method, "xenc11:MGF", t.MGF).CreateAttr("xmlns:xenc11", nsXENC11)
	}
	key.CreateElement("ds:KeyInfo").
		CreateElement("ds:X509Data").
		CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(cert.Raw))
	cipherData(key, wrapped)
	return key
}

func cipherData(parent *etree.Element, value []byte) {
	parent.CreateElement("xenc:CipherData").
		CreateElement("xenc:CipherValue").SetText(base64.StdEncoding.EncodeToString(value))
}

func algorithm(parent *etree.Element, tag, uri string) *etree.Element {
	el := parent.CreateElement(tag)
	el.CreateAttr("Algorithm", uri)
	return el
}

// undeclared finds a prefix that el uses, in a name or in an xsi:type, and that
// neither it nor an element between it and the root of what is encrypted
// declares.
func undeclared(el *etree.Element, known []string) (string, bool) {
	known = known[:len(known):len(known)]
	for _, a := range el.Attr {
		if a.Space == "xmlns" {
			known = append(known, a.Key)
		} else if a.Space == "" && a.Key == "xmlns" {
			known = append(known, "")
		}
	}
	has := func(prefix string) bool {
		if prefix == "xml" {
			return true
		}
		for _, k := range known {
			if k == prefix {
				return true
			}
		}
		return false
	}
	if !has(el.Space) {
		return el.Space, true
	}
	for _, a := range el.Attr {
		if a.Space != "" && a.Space != "xmlns" && !has(a.Space) {
			return a.Space, true
		}
		if prefix, _, ok := strings.Cut(a.Value, ":"); ok && a.Key == "type" && a.Space != "" && !has(prefix) {
			return prefix, true
		}
	}
	for _, child := range el.ChildElements() {
		if prefix, bad := undeclared(child, known); bad {
			return prefix, true
		}
	}
	return "", false
}
