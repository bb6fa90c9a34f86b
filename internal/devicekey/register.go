package devicekey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"io"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Type is the type of these credentials in the API and in idp.Device.
const Type = "device-key"

// KeySet is the jwks member of an enrollment.
type KeySet struct {
	UV  JWK `json:"uv"`
	Pop JWK `json:"pop"`
}

// Proofs is the proofs member of an enrollment: two compact JWS of the same
// text.
type Proofs struct {
	UV  string `json:"uv"`
	Pop string `json:"pop"`
}

// Register verifies an enrollment's keys and proofs against its challenge. The
// device it returns has type, id and keys; everything else is the caller's.
// Errors: bad_request for keys that are none, bad_challenge for proofs of
// another challenge or other keys, else bad_signature.
func Register(challenge []byte, keys KeySet, proofs Proofs) (idp.Device, error) {
	uv, uvDER, err := registered(keys.UV)
	if err != nil {
		return idp.Device{}, err
	}
	pop, popDER, err := registered(keys.Pop)
	if err != nil {
		return idp.Device{}, err
	}
	if uv.Equal(pop) { // it would be used without a user check
		return idp.Device{}, idp.E(idp.BadRequest, "uv and pop are the same key")
	}
	text := enrollText(challenge, keys)
	if err := verifyEnroll(proofs.UV, text, keys.UV, uv); err != nil {
		return idp.Device{}, err
	}
	if err := verifyEnroll(proofs.Pop, text, keys.Pop, pop); err != nil {
		return idp.Device{}, err
	}
	return idp.Device{
		ID:       keys.UV.Thumbprint(),
		Type:     Type,
		UVKey:    uvDER,
		PopKey:   popDER,
		PopKeyID: keys.Pop.Thumbprint(),
	}, nil
}

func registered(k JWK) (*ecdsa.PublicKey, []byte, error) {
	pub, err := k.PublicKey()
	if err != nil {
		return nil, nil, &idp.Error{Code: idp.BadRequest, Err: err}
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, nil, fmt.Errorf("encode public key: %w", err)
	}
	return pub, der, nil
}

func verifyEnroll(jws string, text []byte, key JWK, pub *ecdsa.PublicKey) error {
	m, err := parse(jws)
	if err != nil {
		return badSignature(err)
	}
	if string(m.payload) != string(text) {
		return idp.E(idp.BadChallenge, "another challenge or other keys were signed")
	}
	if err := m.verify(TypeEnroll, key.Thumbprint(), pub); err != nil {
		return badSignature(err)
	}
	return nil
}

// enrollText is what both keys sign; see the package's documentation.
func enrollText(challenge []byte, keys KeySet) []byte {
	return fmt.Appendf(nil, "latchkey-enroll/1\nchallenge:%s\nuv:%s\npop:%s\n",
		idp.Base64.EncodeToString(challenge), keys.UV.Thumbprint(), keys.Pop.Thumbprint())
}

// SignEnroll makes the keys and proofs of an enrollment: what a phone sends.
func SignEnroll(random io.Reader, uv, pop crypto.Signer, challenge []byte) (KeySet, Proofs, error) {
	uvKey, err := publicJWK(uv)
	if err != nil {
		return KeySet{}, Proofs{}, err
	}
	popKey, err := publicJWK(pop)
	if err != nil {
		return KeySet{}, Proofs{}, err
	}
	keys := KeySet{UV: uvKey, Pop: popKey}
	text := enrollText(challenge, keys)
	uvProof, err := Sign(random, uv, TypeEnroll, text)
	if err != nil {
		return KeySet{}, Proofs{}, err
	}
	popProof, err := Sign(random, pop, TypeEnroll, text)
	if err != nil {
		return KeySet{}, Proofs{}, err
	}
	return keys, Proofs{UV: uvProof, Pop: popProof}, nil
}

func publicJWK(key crypto.Signer) (JWK, error) {
	pub, _ := key.Public().(*ecdsa.PublicKey)
	return NewJWK(pub)
}
