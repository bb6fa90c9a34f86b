package xmlenc

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // linked in for OAEP, where nothing rests on collisions
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Algorithms by their URIs (XML Encryption 1.1 5.1).
const (
	AES128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	AES128CBC = "http://www.w3.org/2001/04/xmlenc#aes128-cbc" // legacy
	AES256CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc" // legacy

	// OAEPMGF1P is RSA-OAEP whose mask is made with SHA-1, whatever the
	// digest. OAEP names its mask too.
	OAEPMGF1P = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	OAEP      = "http://www.w3.org/2009/xmlenc11#rsa-oaep"

	SHA1   = "http://www.w3.org/2000/09/xmldsig#sha1"
	SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"

	MGF1SHA1   = "http://www.w3.org/2009/xmlenc11#mgf1sha1"
	MGF1SHA256 = "http://www.w3.org/2009/xmlenc11#mgf1sha256"
	MGF1SHA384 = "http://www.w3.org/2009/xmlenc11#mgf1sha384"
	MGF1SHA512 = "http://www.w3.org/2009/xmlenc11#mgf1sha512"
)

const (
	nsXENC      = "http://www.w3.org/2001/04/xmlenc#"
	nsXENC11    = "http://www.w3.org/2009/xmlenc11#"
	nsDS        = "http://www.w3.org/2000/09/xmldsig#"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	typeElement = "http://www.w3.org/2001/04/xmlenc#Element"
)

// minRSABits is the shortest RSA key that a content key is wrapped with, or
// unwrapped.
const minRSABits = 2048

// content is a content algorithm.
type content struct {
	keySize int
	cbc     bool
}

var contents = map[string]content{
	AES128GCM: {keySize: 16},
	AES256GCM: {keySize: 32},
	AES128CBC: {keySize: 16, cbc: true},
	AES256CBC: {keySize: 32, cbc: true},
}

var digests = map[string]crypto.Hash{
	SHA1: crypto.SHA1, SHA256: crypto.SHA256, SHA384: crypto.SHA384, SHA512: crypto.SHA512,
}

var masks = map[string]crypto.Hash{
	MGF1SHA1: crypto.SHA1, MGF1SHA256: crypto.SHA256, MGF1SHA384: crypto.SHA384, MGF1SHA512: crypto.SHA512,
}

// Transport is how the content key is wrapped (XML Encryption 1.1 5.5.2).
type Transport struct {
	Algorithm string // OAEPMGF1P, OAEP
	Digest    string // empty: SHA-1
	MGF       string // of OAEP only; empty: MGF1 with SHA-1
}

// Options are the algorithms of one encryption.
type Options struct {
	Content   string
	Transport Transport
}

// String names the algorithms by the last parts of their URIs.
func (o Options) String() string {
	out := names([]string{o.Content}) + ", " + names([]string{o.Transport.Algorithm})
	if o.Transport.Digest != "" {
		out += " with " + names([]string{o.Transport.Digest})
	}
	return out
}

// oaep translates t for crypto/rsa.
func (t Transport) oaep() (*rsa.OAEPOptions, error) {
	o := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	var ok bool
	if t.Digest != "" {
		if o.Hash, ok = digests[t.Digest]; !ok {
			return nil, errors.New("digest of the key transport is not known")
		}
	}
	switch {
	case t.Algorithm == OAEPMGF1P: // the name says it: MGF1 with SHA-1
	case t.Algorithm != OAEP:
		return nil, errors.New("key transport is not RSA-OAEP")
	case t.MGF != "":
		if o.MGFHash, ok = masks[t.MGF]; !ok {
			return nil, errors.New("mask generation function of the key transport is not known")
		}
	}
	return o, nil
}

// publicKey is the RSA key of a certificate, which is a container only: neither
// its validity nor its issuer matters [IIP-MD12].
func publicKey(cert *x509.Certificate) (*rsa.PublicKey, error) {
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the encryption key is %s, not RSA", cert.PublicKeyAlgorithm)
	}
	if bits := key.N.BitLen(); bits < minRSABits {
		return nil, fmt.Errorf("the RSA encryption key has %d bits, at least %d are needed", bits, minRSABits)
	}
	return key, nil
}

// isContent and isTransport sort what metadata declares. What is neither, such
// as key wrapping, says nothing about what we do.
func isContent(uri string) bool {
	return strings.HasSuffix(uri, "-cbc") || strings.HasSuffix(uri, "-gcm")
}

func isTransport(uri string) bool {
	_, name, _ := strings.Cut(uri, "#")
	return strings.HasPrefix(name, "rsa-")
}

// names lists algorithms for a message by the last part of their URIs.
func names(uris []string) string {
	var out []string
	for _, uri := range uris {
		if _, name, ok := strings.Cut(uri, "#"); ok && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}
