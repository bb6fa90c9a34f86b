package devicekey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// JWK is a P-256 public key as RFC 7517 JSON. Decoders refuse other members
// (above all d, a private key) by refusing unknown fields.
type JWK struct {
	Kty string `json:"kty"` // EC
	Crv string `json:"crv"` // P-256
	X   string `json:"x"`   // 32 bytes, base64url
	Y   string `json:"y"`
}

const coordinate = 32 // bytes

// NewJWK is the JWK of a P-256 public key.
func NewJWK(pub *ecdsa.PublicKey) (JWK, error) {
	if pub == nil || pub.Curve != elliptic.P256() {
		return JWK{}, errors.New("encode JWK: not a P-256 key")
	}
	point, err := pub.Bytes() // 4 ‖ x ‖ y
	if err != nil {
		return JWK{}, fmt.Errorf("encode JWK: %w", err)
	}
	return JWK{
		Kty: "EC",
		Crv: "P-256",
		X:   idp.Base64.EncodeToString(point[1 : 1+coordinate]),
		Y:   idp.Base64.EncodeToString(point[1+coordinate:]),
	}, nil
}

// PublicKey is the key, if it is a point on P-256.
func (k JWK) PublicKey() (*ecdsa.PublicKey, error) {
	if k.Kty != "EC" || k.Crv != "P-256" {
		return nil, errors.New("decode JWK: not an EC key on P-256")
	}
	x, errX := idp.DecodeBase64(k.X, coordinate)
	y, errY := idp.DecodeBase64(k.Y, coordinate)
	if err := errors.Join(errX, errY); err != nil {
		return nil, fmt.Errorf("decode JWK: %w", err)
	}
	point := append([]byte{4}, append(x, y...)...)
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("decode JWK: %w", err)
	}
	return pub, nil
}

// Thumbprint is the RFC 7638 thumbprint, base64url: the kid of the key.
func (k JWK) Thumbprint() string {
	// RFC 7638, 3.2: required members only, sorted, no white space. None of the
	// values of a valid key needs escaping.
	sum := sha256.Sum256([]byte(`{"crv":"` + k.Crv + `","kty":"` + k.Kty + `","x":"` + k.X + `","y":"` + k.Y + `"}`))
	return idp.Base64.EncodeToString(sum[:])
}

// Thumbprint is the RFC 7638 thumbprint of a P-256 public key.
func Thumbprint(pub *ecdsa.PublicKey) (string, error) {
	k, err := NewJWK(pub)
	if err != nil {
		return "", err
	}
	return k.Thumbprint(), nil
}

// parseStored reads a key as a Device keeps it: PKIX DER.
func parseStored(der []byte) (*ecdsa.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse stored key: %w", err)
	}
	pub, ok := key.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, errors.New("parse stored key: not a P-256 key")
	}
	return pub, nil
}
