package passkey

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Sizes of RSA keys. Smaller ones are weak, larger ones slow to verify.
const (
	minRSABits = 2048
	maxRSABits = 4096
	minRSAExp  = 65537 // FIPS 186-5, 5.1
)

// parseKey reads a COSE_Key of one of our algorithms, for
// webauthncose.VerifySignature. That a point is on its curve and that the
// curve is the algorithm's is checked by go-webauthn.
func parseKey(cose []byte) (any, error) {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return nil, fmt.Errorf("parse COSE key: %w", err)
	}
	var alg int64
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		alg = k.Algorithm
	case webauthncose.OKPPublicKeyData:
		alg = k.Algorithm
	case webauthncose.RSAPublicKeyData:
		alg, err = k.Algorithm, checkRSA(&k)
	}
	if err != nil {
		return nil, fmt.Errorf("parse COSE key: %w", err)
	}
	if !slices.Contains(algorithms[:], webauthncose.COSEAlgorithmIdentifier(alg)) {
		return nil, fmt.Errorf("parse COSE key: algorithm %d was not asked for", alg)
	}
	return key, nil
}

func checkRSA(k *webauthncose.RSAPublicKeyData) error {
	if bits := new(big.Int).SetBytes(k.Modulus).BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("RSA key has %d bits", bits)
	}
	e, err := webauthncose.ParseRSAPublicKeyDataExponent(k)
	if err != nil {
		return fmt.Errorf("read RSA exponent: %w", err)
	}
	if e < minRSAExp || e%2 == 0 || e > math.MaxInt32 {
		return fmt.Errorf("RSA exponent is %d", e)
	}
	return nil
}

// Thumbprint names the key of a credential in the text of approval protocol
// 11.4: base64url SHA-256 of its COSE_Key.
func Thumbprint(dev *idp.Device) string {
	sum := sha256.Sum256(dev.PublicKey)
	return idp.Base64.EncodeToString(sum[:])
}
