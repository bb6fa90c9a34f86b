package keys

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net/url"
	"time"
)

const (
	defaultYears = 10
	clockSkew    = 5 * time.Minute // a service provider's clock may be behind ours
	maxName      = 64              // ub-common-name, RFC 5280 appendix A
)

// template describes a certificate. It only carries a public key to service
// providers; nobody builds a chain from it.
type template struct {
	issuer string // our entityID
	years  int    // 0: 10
	now    time.Time
	usage  x509.KeyUsage
}

func (t template) certificate() *x509.Certificate {
	years := t.years
	if years == 0 {
		years = defaultYears
	}
	name := pkix.Name{CommonName: commonName(t.issuer)}
	return &x509.Certificate{
		// The serial number is left out: x509 makes a random one of 159 bits.
		Subject:               name,
		Issuer:                name,
		NotBefore:             t.now.Add(-clockSkew),
		NotAfter:              t.now.AddDate(years, 0, 0),
		KeyUsage:              t.usage,
		BasicConstraintsValid: true,
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
}

// selfSigned returns a DER certificate of key, signed by key itself with
// SHA256WithRSA: whoever makes it has shown that the key signs.
func selfSigned(ctx context.Context, key Key, t template, random io.Reader) ([]byte, error) {
	pub, err := PublicRSA(key.Public())
	if err != nil {
		return nil, err
	}
	cert := t.certificate()
	der, err := x509.CreateCertificate(random, cert, cert, pub, verified{Bind(ctx, key), pub})
	if err != nil {
		return nil, fmt.Errorf("create certificate with key %s: %w", key.ID(), err)
	}
	return der, nil
}

// signedBy returns a DER certificate of a public key that cannot sign, signed
// by pair.
func signedBy(ctx context.Context, pair *Pair, pub crypto.PublicKey, t template, random io.Reader) ([]byte, error) {
	der, err := x509.CreateCertificate(random, t.certificate(), pair.Certificate, pub, pair.Signer(ctx))
	if err != nil {
		return nil, fmt.Errorf("create certificate with key %s: %w", pair.Key.ID(), err)
	}
	return der, nil
}

// commonName is the host of an entityID that is a URL, else the entityID.
func commonName(issuer string) string {
	name := issuer
	if u, err := url.Parse(issuer); err == nil && u.Hostname() != "" {
		name = u.Hostname()
	}
	if runes := []rune(name); len(runes) > maxName {
		return string(runes[:maxName])
	}
	return name
}
