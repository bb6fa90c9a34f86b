package xmlenc

import (
	"crypto/x509"

	"github.com/beevik/etree"
)

// EncryptText encrypts octets of any kind, as an attacker would who has only
// the public key.
func EncryptText(text []byte, cert *x509.Certificate, o Options) (*etree.Element, error) {
	return encrypt(text, cert, o)
}
