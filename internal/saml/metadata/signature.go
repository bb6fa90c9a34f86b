package metadata

import (
	"crypto/x509"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
)

// verifyFile judges the signature of the file as a whole. Where it has none,
// Candidate.verify asks for one of the entity.
func verifyFile(root *etree.Element, pinned *x509.Certificate) (*etree.Element, string, []Note, error) {
	if !dsig.HasSignature(root) {
		return root, "", nil, nil
	}
	return verify(root, pinned)
}

// verify judges the enveloped signature of el and returns what is to be read:
// with a pinned certificate, the element that its key has signed and nothing
// else. KeyInfo is never looked at.
func verify(el *etree.Element, pinned *x509.Certificate) (signed *etree.Element, state string, notes []Note, err error) {
	signature := child(el, nsDS, "Signature")
	if signature == nil && pinned == nil {
		return el, "", nil, nil
	}
	if signature == nil {
		return nil, "", nil, refuse("the metadata is not signed, but must be: a certificate was given for it").because(idp.SigRequired)
	}
	if sha1(signature) {
		notes = append(notes, "The metadata is signed with SHA-1.")
	}
	if pinned == nil {
		notes = append(notes, "The metadata is signed; the signature was not verified, because no certificate was given for it.")
		return el, NotVerified, notes, nil
	}
	// SHA-1 is taken: the file is brought by an administrator, not by anybody
	// who could have prepared a collision, and Microsoft's is signed with it.
	signed, err = dsig.Verify(el, []*x509.Certificate{pinned}, dsig.Policy{AllowSHA1: true})
	if err != nil {
		return nil, "", nil, &Error{
			Msg:    "the signature of the metadata does not verify with the certificate that was given for it",
			Reason: idp.AsError(err).Reason,
			Err:    err,
		}
	}
	return signed, Verified, notes, nil
}

// sha1 reports whether a signature says that it uses SHA-1 anywhere.
func sha1(signature *etree.Element) bool {
	info := child(signature, nsDS, "SignedInfo")
	methods := children(info, nsDS, "SignatureMethod")
	for _, ref := range children(info, nsDS, "Reference") {
		methods = append(methods, children(ref, nsDS, "DigestMethod")...)
	}
	return slices.ContainsFunc(methods, func(el *etree.Element) bool {
		return strings.HasSuffix(attr(el, "Algorithm"), "sha1")
	})
}
