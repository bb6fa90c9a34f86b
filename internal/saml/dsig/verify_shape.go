package dsig

import (
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// received is a ds:Signature of the one shape that we accept. Nothing of it is
// verified yet.
type received struct {
	element    *etree.Element
	signedInfo []byte // canonical; method and reference were read from it
	method     string // URI
	reference  reference
	value      []byte
}

type reference struct {
	uri          string
	prefixes     string // InclusiveNamespaces of the exclusive C14N transform
	digestMethod string // URI
	digest       []byte
}

// maxSignedInfo is the number of elements that the accepted shape can have.
const maxSignedInfo = 10

// readSignature reads the one signature among root's children.
func readSignature(root *etree.Element) (*received, error) {
	var sig *etree.Element
	for _, c := range root.ChildElements() {
		if !isDS(c, "Signature") {
			continue
		}
		if sig != nil {
			return nil, shape("more than one Signature")
		}
		sig = c
	}
	if sig == nil {
		return nil, shape("no Signature")
	}
	parts := sig.ChildElements()
	if !areDS(parts, "SignedInfo", "SignatureValue") && !areDS(parts, "SignedInfo", "SignatureValue", "KeyInfo") {
		return nil, shape("Signature")
	}
	value, err := decode(parts[1])
	if err != nil {
		return nil, err
	}
	r := &received{element: sig, value: value}
	return r, r.readSignedInfo(parts[0])
}

// readSignedInfo canonicalizes SignedInfo and reads what it says from those
// bytes, not from the tree, so that what is judged is what is verified.
func (r *received) readSignedInfo(e *etree.Element) error {
	if countElements(e) > maxSignedInfo {
		return shape("SignedInfo")
	}
	methods := e.ChildElements()
	if len(methods) == 0 || !isDS(methods[0], "CanonicalizationMethod") {
		return shape("SignedInfo without CanonicalizationMethod")
	}
	prefixes, err := exclusiveC14N(methods[0])
	if err != nil {
		return err
	}
	if r.signedInfo, err = canonicalize(detach(e), prefixes); err != nil {
		return err
	}
	info, err := read(r.signedInfo)
	if err != nil {
		return err
	}
	parts := info.ChildElements()
	if len(parts) < 2 || !areDS(parts[:2], "CanonicalizationMethod", "SignatureMethod") {
		return shape("SignedInfo")
	}
	if len(parts[1].ChildElements()) > 0 { // HMACOutputLength and its like
		return idp.Refuse(idp.SigAlgorithm, "SignatureMethod with parameters")
	}
	r.method, _ = xmlsafe.Attr(parts[1], "Algorithm")
	if !areDS(parts[2:], "Reference") {
		return idp.Refuse(idp.SigReference, "not exactly one Reference")
	}
	return r.reference.read(parts[2])
}

func (ref *reference) read(e *etree.Element) (err error) {
	ref.uri, _ = xmlsafe.Attr(e, "URI")
	parts := e.ChildElements()
	if areDS(parts, "DigestMethod", "DigestValue") {
		return idp.Refuse(idp.SigTransform, "no transforms")
	}
	if !areDS(parts, "Transforms", "DigestMethod", "DigestValue") {
		return shape("Reference")
	}
	transforms := parts[0].ChildElements()
	if !areDS(transforms, "Transform", "Transform") {
		return idp.Refuse(idp.SigTransform, "not the two transforms of SAML")
	}
	if uri, _ := xmlsafe.Attr(transforms[0], "Algorithm"); uri != envelopedTransform || len(transforms[0].ChildElements()) > 0 {
		return idp.Refuse(idp.SigTransform, "first transform is not enveloped-signature")
	}
	if ref.prefixes, err = exclusiveC14N(transforms[1]); err != nil {
		return err
	}
	ref.digestMethod, _ = xmlsafe.Attr(parts[1], "Algorithm")
	ref.digest, err = decode(parts[2])
	return err
}

// exclusiveC14N reads an Algorithm that must be exclusive C14N and returns the
// prefixes of its InclusiveNamespaces. The variant with comments comes to the
// same, as there are none in trees of package xmlsafe.
func exclusiveC14N(e *etree.Element) (prefixes string, err error) {
	uri, _ := xmlsafe.Attr(e, "Algorithm")
	if uri != excC14N && uri != excC14N+"WithComments" {
		return "", idp.Refuse(idp.SigTransform, "not exclusive C14N")
	}
	children := e.ChildElements()
	switch {
	case len(children) == 0:
		return "", nil
	case len(children) > 1 || !xmlsafe.Is(children[0], excC14N, "InclusiveNamespaces"):
		return "", idp.Refuse(idp.SigTransform, "exclusive C14N with unknown parameters")
	}
	prefixes, _ = xmlsafe.Attr(children[0], "PrefixList")
	return prefixes, nil
}

// decode reads the base64 of an element that holds nothing else.
func decode(e *etree.Element) ([]byte, error) {
	if len(e.ChildElements()) > 0 {
		return nil, shape("value with child elements")
	}
	value, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(e.Text()), ""))
	if err != nil || len(value) == 0 {
		return nil, shape("value that is empty or not base64")
	}
	return value, nil
}

func isDS(e *etree.Element, local string) bool { return xmlsafe.Is(e, dsigNamespace, local) }

// areDS reports whether elements are exactly those of the XML Signature
// namespace with these names, in this order.
func areDS(elements []*etree.Element, names ...string) bool {
	if len(elements) != len(names) {
		return false
	}
	for i, e := range elements {
		if !isDS(e, names[i]) {
			return false
		}
	}
	return true
}

func countElements(e *etree.Element) int {
	n := 1
	for _, c := range e.ChildElements() {
		n += countElements(c)
	}
	return n
}

func shape(what string) error { return idp.Refuse(idp.SigShape, "unexpected shape: %s", what) }
