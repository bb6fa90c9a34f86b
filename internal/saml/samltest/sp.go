package samltest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Identity is a key and the certificate that carries it.
type Identity struct {
	Key  crypto.Signer
	Cert *x509.Certificate
}

// NewIdentity wraps a key in a self-signed certificate that is valid in the
// given time.
func NewIdentity(key crypto.Signer, from, until time.Time) Identity {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "TEST ONLY"},
		NotBefore:    from,
		NotAfter:     until,
	}
	if k, ok := key.(*rsa.PrivateKey); ok && k.N.BitLen() < 2048 {
		template.SignatureAlgorithm = x509.SHA256WithRSA
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return Identity{Key: key, Cert: cert}
}

// RSA makes an identity whose certificate has long expired, as those of many
// service providers have.
func RSA(bits int) Identity {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return NewIdentity(key, time.Unix(0, 0), time.Unix(86400, 0))
}

// ECDSA makes an identity with a key on a curve.
func ECDSA(curve elliptic.Curve) Identity {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return NewIdentity(key, time.Unix(0, 0), time.Unix(86400, 0))
}

// Fixed makes an identity whose P-256 key is the same in every process, for
// fuzzing, whose workers are processes of their own.
func Fixed() Identity {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		panic(err)
	}
	return NewIdentity(key, time.Unix(0, 0), time.Unix(86400, 0))
}

var (
	identityA = sync.OnceValue(func() Identity { return RSA(2048) })
	identityB = sync.OnceValue(func() Identity { return RSA(2048) })
)

// SP is a service provider as it is registered, with its private key.
type SP struct {
	idp.ServiceProvider
	Identity
}

// A must sign its requests.
func A() *SP {
	sp := newSP("a", identityA())
	sp.RequireSignedRequests = true
	return sp
}

// B may sign its requests.
func B() *SP { return newSP("b", identityB()) }

// C is disabled.
func C() *SP {
	sp := newSP("c", identityB())
	sp.Disabled = true
	return sp
}

// NewSP makes another like them, with the key of B.
func NewSP(name string) *SP { return newSP(name, identityB()) }

func newSP(name string, id Identity) *SP {
	entity := "https://sp-" + name + ".test"
	return &SP{
		Identity: id,
		ServiceProvider: idp.ServiceProvider{
			EntityID:     entity,
			Slug:         "sp-" + name,
			Name:         "SP " + name,
			Preset:       "generic",
			ACS:          []idp.Endpoint{{Index: 0, Binding: idp.BindingPOST, Location: entity + "/acs"}},
			SigningCerts: [][]byte{id.Cert.Raw},
			NameID:       "emailAddress = email",
		},
	}
}
