package dsig

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// Position says where Sign puts the signature.
type Position int

// Positions that the SAML schemas ask for.
const (
	First       Position = 0 // metadata: before all other children
	AfterIssuer Position = 1 // protocol messages and assertions: after the first child

	// Last is for assertions of SAML 1.1: after all other children. Their
	// identifier is the attribute AssertionID.
	Last Position = -1
)

// id is the attribute that identifies the element to sign.
func (at Position) id() string {
	if at == Last {
		return "AssertionID"
	}
	return "ID"
}

// method is a pair of algorithms that Sign can use.
type method struct {
	hash              crypto.Hash
	signature, digest string
}

var (
	rsaSHA256 = method{
		crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
		"http://www.w3.org/2001/04/xmlenc#sha256",
	}
	legacyRSASHA1 = method{
		crypto.SHA1,
		"http://www.w3.org/2000/09/xmldsig#rsa-sha1",
		"http://www.w3.org/2000/09/xmldsig#sha1",
	}
)

const (
	dsigNamespace      = "http://www.w3.org/2000/09/xmldsig#"
	excC14N            = "http://www.w3.org/2001/10/xml-exc-c14n#"
	envelopedTransform = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	schemaInstance     = "http://www.w3.org/2001/XMLSchema-instance"
)

// Sign puts an enveloped signature over el into el: exclusive canonical XML,
// RSA with SHA-256 (SHA-1 only where legacySHA1 is set), the certificate in
// KeyInfo (XML Signature 1.1; SAML Core 5.4). It asks signer exactly once.
//
// el must have an ID (AssertionID for Last), declare the namespaces that it uses, and not be signed
// yet. Sign brings its namespace declarations and attribute order into
// canonical form; what Serialize writes then holds the very bytes that were
// signed. RSA only: crypto.Signer gives ECDSA signatures in an encoding that
// XML Signature does not use.
func Sign(el *etree.Element, signer crypto.Signer, cert *x509.Certificate, legacySHA1 bool, at Position) error {
	if err := checkKey(signer, cert); err != nil {
		return err
	}
	id := el.SelectAttrValue(at.id(), "")
	if id == "" {
		return errors.New("element to sign has no ID")
	}
	if el.FindElement("./Signature") != nil {
		return errors.New("element to sign has a signature already")
	}
	m := rsaSHA256
	if legacySHA1 {
		m = legacyRSASHA1
	}

	prefixes := strings.Join(valuePrefixes(el, nil), " ")
	if err := etreeutils.TransformExcC14n(el, prefixes, false); err != nil {
		return fmt.Errorf("canonicalize element to sign: %w", err)
	}
	info := signedInfo(m, id, prefixes, m.sum(el))
	value, err := signer.Sign(rand.Reader, m.sum(info), m.hash)
	if err != nil {
		return fmt.Errorf("sign element: %w", err)
	}
	index := int(at)
	if at == Last {
		index = len(el.Child)
	}
	el.InsertChildAt(index, signature(info, value, cert.Raw))
	return nil
}

// Serialize writes el in the form that canonical XML prescribes for text,
// attribute values and end tags.
func Serialize(el *etree.Element) []byte {
	var b bytes.Buffer
	b.Grow(8 << 10) // an answer with a few attributes
	el.WriteTo(&b, &canonical)
	return b.Bytes()
}

var canonical = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: true}

func checkKey(signer crypto.Signer, cert *x509.Certificate) error {
	if signer == nil || cert == nil {
		return errors.New("no key or certificate to sign with")
	}
	key, ok := signer.Public().(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("cannot sign XML with a %T, only with RSA", signer.Public())
	}
	if bits := key.N.BitLen(); bits < 2048 {
		return fmt.Errorf("RSA key of %d bits is too short to sign with", bits)
	}
	if !key.Equal(cert.PublicKey) {
		return errors.New("signing key and certificate do not belong together")
	}
	return nil
}

// sum hashes an element that is in canonical form.
func (m method) sum(el *etree.Element) []byte {
	h := m.hash.New()
	w := bufio.NewWriterSize(h, 1024)
	el.WriteTo(w, &canonical)
	_ = w.Flush() // a hash never fails
	return h.Sum(nil)
}

// valuePrefixes lists the namespace prefixes that occur in xsi:type values.
// Exclusive canonicalization does not see them, so they have to be named in
// InclusiveNamespaces; otherwise their declarations would not be signed.
func valuePrefixes(el *etree.Element, found []string) []string {
	for _, a := range el.Attr {
		if a.Key != "type" || a.Space == "" || a.NamespaceURI() != schemaInstance {
			continue
		}
		if prefix, _, ok := strings.Cut(a.Value, ":"); ok && !slices.Contains(found, prefix) {
			found = append(found, prefix)
		}
	}
	for _, child := range el.Child {
		if c, ok := child.(*etree.Element); ok {
			found = valuePrefixes(c, found)
		}
	}
	return found
}

func signedInfo(m method, id, prefixes string, digest []byte) *etree.Element {
	info := etree.NewElement("ds:SignedInfo")
	info.CreateAttr("xmlns:ds", dsigNamespace) // in scope at its place; see signature
	algorithm(info, "ds:CanonicalizationMethod", excC14N)
	algorithm(info, "ds:SignatureMethod", m.signature)
	ref := info.CreateElement("ds:Reference")
	ref.CreateAttr("URI", "#"+id)
	transforms := ref.CreateElement("ds:Transforms")
	algorithm(transforms, "ds:Transform", envelopedTransform)
	c14n := algorithm(transforms, "ds:Transform", excC14N)
	if prefixes != "" {
		inclusive := c14n.CreateElement("ec:InclusiveNamespaces")
		inclusive.CreateAttr("xmlns:ec", excC14N)
		inclusive.CreateAttr("PrefixList", prefixes)
	}
	algorithm(ref, "ds:DigestMethod", m.digest)
	ref.CreateElement("ds:DigestValue").SetText(base64.StdEncoding.EncodeToString(digest))
	return info
}

func algorithm(parent *etree.Element, tag, uri string) *etree.Element {
	el := parent.CreateElement(tag)
	el.CreateAttr("Algorithm", uri)
	return el
}

// signature moves the hashed SignedInfo into its place, where the namespace is
// declared by the Signature around it.
func signature(info *etree.Element, value, cert []byte) *etree.Element {
	info.RemoveAttr("xmlns:ds")
	sig := etree.NewElement("ds:Signature")
	sig.CreateAttr("xmlns:ds", dsigNamespace)
	sig.AddChild(info)
	sig.CreateElement("ds:SignatureValue").SetText(base64.StdEncoding.EncodeToString(value))
	sig.CreateElement("ds:KeyInfo").
		CreateElement("ds:X509Data").
		CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(cert))
	return sig
}
