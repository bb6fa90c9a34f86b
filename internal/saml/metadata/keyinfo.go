package metadata

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// readKeys takes the certificates of the role's KeyDescriptors: a key without
// a use serves for signing and for encryption (SAML Metadata 2.4.1.1).
func (r *reader) readKeys() {
	for _, el := range children(r.role, nsMD, "KeyDescriptor") {
		use := attr(el, "use")
		if use != "" && use != "signing" && use != "encryption" {
			r.note("A key for %q was left out.", clip(use))
			continue
		}
		methods := encryptionMethods(el)
		for _, der := range r.certificates(el, use) {
			if use != "encryption" {
				r.sp.SigningCerts = appendNew(r.sp.SigningCerts, der)
			}
			if use != "signing" {
				r.sp.EncryptCerts = appendNew(r.sp.EncryptCerts, der)
				r.declare(der, methods)
			}
		}
	}
}

// declare keeps the methods of an encryption key.
func (r *reader) declare(der []byte, methods []idp.EncryptionMethod) {
	if len(methods) == 0 {
		return
	}
	if r.sp.EncryptionMethods == nil {
		r.sp.EncryptionMethods = make(map[string][]idp.EncryptionMethod)
	}
	id := idp.CertID(der)
	for _, m := range methods {
		if !slices.Contains(r.sp.EncryptionMethods[id], m) {
			r.sp.EncryptionMethods[id] = append(r.sp.EncryptionMethods[id], m)
		}
	}
}

// maxMethods is how many methods of a key are read; there are about fifteen
// algorithms.
const maxMethods = 32

// encryptionMethods reads the md:EncryptionMethods of a KeyDescriptor. One may
// be named several times, with other digests.
func encryptionMethods(key *etree.Element) []idp.EncryptionMethod {
	var out []idp.EncryptionMethod
	for _, el := range children(key, nsMD, "EncryptionMethod") {
		m := idp.EncryptionMethod{
			Algorithm: attr(el, "Algorithm"), Parameters: child(el, nsXENC, "OAEPparams") != nil,
		}
		if mgf := child(el, nsXENC11, "MGF"); mgf != nil {
			m.MGF = attr(mgf, "Algorithm")
		}
		digests := children(el, nsDS, "DigestMethod")
		if len(digests) == 0 {
			out = append(out, m)
		}
		for _, d := range digests { // more than one is against the schema of some, not of all
			m.Digest = attr(d, "Algorithm")
			out = append(out, m)
		}
	}
	return out[:min(len(out), maxMethods)]
}

func appendNew(certs [][]byte, der []byte) [][]byte {
	if slices.ContainsFunc(certs, func(c []byte) bool { return bytes.Equal(c, der) }) {
		return certs
	}
	return append(certs, der)
}

// certificates are those of a KeyDescriptor, in DER: the first of each
// X509Data, whose others are the chain above it.
func (r *reader) certificates(key *etree.Element, use string) [][]byte {
	if use == "" {
		use = "signing and encryption"
	}
	var out [][]byte
	for _, data := range children(child(key, nsDS, "KeyInfo"), nsDS, "X509Data") {
		el := child(data, nsDS, "X509Certificate")
		if el == nil {
			continue
		}
		cert, err := parseCertificate(text(el))
		if err != nil {
			r.note("A certificate for %s was left out: %v.", use, err)
			continue
		}
		if k, ok := cert.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 && use != "encryption" {
			r.note("A signing key has %d bits only: signatures made with it are refused.", k.N.BitLen())
		}
		out = append(out, cert.Raw)
	}
	if len(out) == 0 {
		r.note("A KeyDescriptor for %s was ignored: it holds no certificate that can be read (KeyValue, KeyName and others are not used).", use)
	}
	return out
}

// parseCertificate reads base64 with white space in it, and PEM, which some
// files hold by mistake.
func parseCertificate(s string) (*x509.Certificate, error) {
	s = strings.ReplaceAll(s, "-----BEGIN CERTIFICATE-----", "")
	s = strings.ReplaceAll(s, "-----END CERTIFICATE-----", "")
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse certificate: %w", err)
	}
	return cert, nil
}
