package dsig

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/beevik/etree"
	goxmldsig "github.com/russellhaering/goxmldsig"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// Verify checks the enveloped signature that is a child of root against the
// keys of certs and returns the element that was signed, without the
// signature: a new tree, read from the bytes whose digest was verified.
//
// root comes from xmlsafe.Parse, or is an element within such a tree. Errors
// are refusals with one of the sig reasons.
func Verify(root *etree.Element, certs []*x509.Certificate, p Policy) (*etree.Element, error) {
	sig, err := readSignature(root)
	if err != nil {
		return nil, err
	}
	method, err := p.suite(sig.method)
	if err != nil {
		return nil, err
	}
	digest, err := p.digest(sig.reference.digestMethod)
	if err != nil {
		return nil, err
	}
	if len(sig.reference.digest) != digest.Size() {
		return nil, idp.Refuse(idp.SigShape, "DigestValue has the wrong length")
	}
	id, _ := xmlsafe.Attr(root, "ID")
	if id == "" || sig.reference.uri != "#"+id {
		return nil, idp.Refuse(idp.SigReference, "Reference is not to the signed element")
	}
	if err := p.verify(method, sig.signedInfo, sig.value, certs); err != nil {
		return nil, err
	}
	content := detach(root)
	content.RemoveChildAt(sig.element.Index())
	signed, err := canonicalize(content, sig.reference.prefixes)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(sum(digest, signed), sig.reference.digest) {
		return nil, idp.Refuse(idp.SigReference, "the signed element was changed")
	}
	return read(signed)
}

// VerifyQuery checks the signature of an HTTP-Redirect message (SAML Bindings
// 3.4.4.1) over the octets as they were received.
func VerifyQuery(signed []byte, sigAlg string, signature []byte, certs []*x509.Certificate, p Policy) error {
	method, err := p.suite(sigAlg)
	if err != nil {
		return err
	}
	return p.verify(method, signed, signature, certs)
}

// HasSignature reports whether root has a signature of its own: a ds:Signature
// among its children.
func HasSignature(root *etree.Element) bool {
	for _, c := range root.ChildElements() {
		if isDS(c, "Signature") {
			return true
		}
	}
	return false
}

// HasStraySignature reports whether there is a ds:Signature below root that is
// not its child. A protocol message has no use for one; wrapping attacks do.
func HasStraySignature(root *etree.Element) bool {
	for _, c := range root.ChildElements() {
		if HasSignature(c) || HasStraySignature(c) {
			return true
		}
	}
	return false
}

// canonicalize writes e in exclusive canonical form. It changes e.
func canonicalize(e *etree.Element, prefixes string) ([]byte, error) {
	out, err := goxmldsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes).Canonicalize(e)
	if err != nil {
		return nil, idp.Refuse(idp.SigTransform, "cannot be canonicalized")
	}
	return out, nil
}

// read makes a tree of canonical XML of our own.
func read(canonical []byte) (*etree.Element, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(canonical); err != nil {
		return nil, fmt.Errorf("read canonical XML: %w", err)
	}
	root := doc.Root()
	doc.RemoveChild(root)
	return root, nil
}

// detach copies e and declares on the copy the namespaces that e inherits.
func detach(e *etree.Element) *etree.Element {
	c := e.Copy()
	for up := e.Parent(); up != nil; up = up.Parent() {
		for _, a := range up.Attr {
			if isDeclaration(a) && !slices.ContainsFunc(c.Attr, func(b etree.Attr) bool {
				return b.Space == a.Space && b.Key == a.Key
			}) {
				c.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return c
}

func isDeclaration(a etree.Attr) bool {
	return a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns"
}
