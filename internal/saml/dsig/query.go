package dsig

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
)

// SignQuery signs the query of an HTTP-Redirect message (SAML Bindings
// 3.4.4.1): it appends SigAlg and Signature. RSA with SHA-256, or SHA-1 where
// legacySHA1 is set. It asks signer exactly once.
func SignQuery(query string, signer crypto.Signer, cert *x509.Certificate, legacySHA1 bool) (string, error) {
	if err := checkKey(signer, cert); err != nil {
		return "", err
	}
	m := rsaSHA256
	if legacySHA1 {
		m = legacyRSASHA1
	}
	query += "&SigAlg=" + url.QueryEscape(m.signature)
	h := m.hash.New()
	h.Write([]byte(query))
	signature, err := signer.Sign(rand.Reader, h.Sum(nil), m.hash)
	if err != nil {
		return "", fmt.Errorf("sign query: %w", err)
	}
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature)), nil
}
