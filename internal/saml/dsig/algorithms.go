package dsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // linked in for Policy.AllowSHA1
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"math/big"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Policy is what an administrator can decide about signatures.
type Policy struct {
	AllowSHA1  bool     // legacy: accept RSA-SHA1 and SHA-1 digests
	MinRSABits int      // shortest RSA key accepted; 0 means 2048
	Refused    []string // URIs of algorithms that are refused in addition [IIP-ALG08]
}

func (p Policy) minRSABits() int {
	if p.MinRSABits > 0 {
		return p.MinRSABits
	}
	return 2048
}

// SHA1Error is the cause of a refusal that AllowSHA1 would lift.
type SHA1Error struct {
	Algorithm string // "RSA-SHA1" or "SHA-1 digests"
}

func (e *SHA1Error) Error() string { return e.Algorithm + " is not allowed" }

// suite is a signature algorithm.
type suite struct {
	hash  crypto.Hash
	ecdsa bool
}

// suites are the signature algorithms that we verify (RFC 9231).
var suites = map[string]suite{
	"http://www.w3.org/2000/09/xmldsig#rsa-sha1":          {hash: crypto.SHA1},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256":   {hash: crypto.SHA256},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384":   {hash: crypto.SHA384},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512":   {hash: crypto.SHA512},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": {hash: crypto.SHA256, ecdsa: true},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": {hash: crypto.SHA384, ecdsa: true},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": {hash: crypto.SHA512, ecdsa: true},
}

// digests are the digest algorithms that we verify.
var digests = map[string]crypto.Hash{
	"http://www.w3.org/2000/09/xmldsig#sha1":        crypto.SHA1,
	"http://www.w3.org/2001/04/xmlenc#sha256":       crypto.SHA256,
	"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
	"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
}

func (p Policy) suite(uri string) (suite, error) {
	s, known := suites[uri]
	if !known || slices.Contains(p.Refused, uri) {
		return suite{}, idp.Refuse(idp.SigAlgorithm, "signature algorithm is not accepted")
	}
	return s, p.checkHash(s.hash, "RSA-SHA1")
}

func (p Policy) digest(uri string) (crypto.Hash, error) {
	h, known := digests[uri]
	if !known || slices.Contains(p.Refused, uri) {
		return 0, idp.Refuse(idp.SigAlgorithm, "digest algorithm is not accepted")
	}
	return h, p.checkHash(h, "SHA-1 digests")
}

// Algorithm is a signature algorithm that others may use.
type Algorithm struct {
	URI     string
	MinBits int // of the key; 0: the algorithm's curves say it
}

// Accepted lists what p accepts beyond SHA-1, the most common first.
func (p Policy) Accepted() (digestURIs []string, signatures []Algorithm) {
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		for uri, h := range digests {
			if h == hash && !slices.Contains(p.Refused, uri) {
				digestURIs = append(digestURIs, uri)
			}
		}
	}
	for _, want := range []suite{
		{hash: crypto.SHA256}, {hash: crypto.SHA384}, {hash: crypto.SHA512},
		{crypto.SHA256, true}, {crypto.SHA384, true}, {crypto.SHA512, true},
	} {
		for uri, s := range suites {
			if s != want || slices.Contains(p.Refused, uri) {
				continue
			}
			a := Algorithm{URI: uri}
			if !s.ecdsa {
				a.MinBits = p.minRSABits()
			}
			signatures = append(signatures, a)
		}
	}
	return digestURIs, signatures
}

func (p Policy) checkHash(h crypto.Hash, name string) error {
	if h != crypto.SHA1 || p.AllowSHA1 {
		return nil
	}
	e := idp.Refuse(idp.SigAlgorithm, "legacy algorithm")
	e.Err = &SHA1Error{Algorithm: name}
	return e
}

// verify checks a signature over signed with every registered key that fits.
func (p Policy) verify(s suite, signed, signature []byte, certs []*x509.Certificate) error {
	digest := sum(s.hash, signed)
	short := false
	for _, c := range certs {
		switch key := c.PublicKey.(type) {
		case *rsa.PublicKey:
			if s.ecdsa {
				continue
			}
			if key.N.BitLen() < p.minRSABits() {
				short = true
				continue
			}
			if rsa.VerifyPKCS1v15(key, s.hash, digest, signature) == nil {
				return nil
			}
		case *ecdsa.PublicKey:
			if s.ecdsa && verifyECDSA(key, digest, signature) {
				return nil
			}
		}
	}
	if short {
		return idp.Refuse(idp.SigAlgorithm, "registered RSA key is shorter than %d bits", p.minRSABits())
	}
	return idp.Refuse(idp.SigUntrustedKey, "none of %d registered keys verifies the signature", len(certs))
}

// verifyECDSA takes the signature as XML Signature has it: r and s, each as
// long as the order of the curve (XML Signature 1.1, 6.4.3).
func verifyECDSA(key *ecdsa.PublicKey, digest, signature []byte) bool {
	switch key.Curve {
	case elliptic.P256(), elliptic.P384(), elliptic.P521():
	default:
		return false
	}
	n := (key.Params().N.BitLen() + 7) / 8
	if len(signature) != 2*n {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:])
	return ecdsa.Verify(key, digest, r, s)
}

func sum(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}
