package devicekey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Types of what is signed.
const (
	TypeApproval = "latchkey-approval+jws"
	TypeProof    = "latchkey-proof+jws"
	TypeEnroll   = "latchkey-enroll+jws"
)

const (
	algES256   = "ES256"
	maxJWS     = 16 << 10
	sigSize    = 2 * coordinate // r ‖ s
	headerSize = 3              // members
)

// header is a JOSE header of exactly these members.
type header struct {
	Alg string `json:"alg"`
	Typ string `json:"typ"`
	Kid string `json:"kid"`
}

// message is a compact JWS that was read, not yet verified.
type message struct {
	header
	payload   []byte
	signed    []byte // header and payload as sent: what the signature is over
	signature []byte
}

// parse reads a compact JWS strictly: three parts of canonical base64url, a
// header of exactly alg, typ and kid, a signature of 64 bytes.
func parse(jws string) (message, error) {
	if len(jws) > maxJWS {
		return message{}, errors.New("parse JWS: too long")
	}
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		return message{}, errors.New("parse JWS: not three parts")
	}
	head, errH := idp.DecodeBase64(parts[0], -1)
	payload, errP := idp.DecodeBase64(parts[1], -1)
	signature, errS := idp.DecodeBase64(parts[2], sigSize)
	if err := errors.Join(errH, errP, errS); err != nil {
		return message{}, fmt.Errorf("parse JWS: %w", err)
	}
	h, err := parseHeader(head)
	if err != nil {
		return message{}, fmt.Errorf("parse JWS header: %w", err)
	}
	return message{h, payload, []byte(parts[0] + "." + parts[1]), signature}, nil
}

// parseHeader reads token by token, because json.Unmarshal would take the last
// of two members of one name, and names in any case.
func parseHeader(b []byte) (header, error) {
	members, err := flatObject(b)
	if err != nil {
		return header{}, err
	}
	alg, okAlg := members["alg"].(string)
	typ, okTyp := members["typ"].(string)
	kid, okKid := members["kid"].(string)
	if len(members) != headerSize || !okAlg || !okTyp || !okKid {
		return header{}, errors.New("members are not exactly alg, typ and kid")
	}
	return header{alg, typ, kid}, nil
}

// flatObject reads a JSON object of strings and numbers without duplicates.
func flatObject(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	members := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read name: %w", err)
		}
		value, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read value: %w", err)
		}
		key, _ := name.(string)
		if _, twice := members[key]; twice {
			return nil, errors.New("a member comes twice")
		}
		switch value.(type) {
		case string, json.Number:
			members[key] = value
		default:
			return nil, errors.New("a value is neither string nor number")
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read end: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return members, nil
}

// verify checks type, algorithm, kid and signature of a message.
func (m message) verify(typ, kid string, pub *ecdsa.PublicKey) error {
	switch {
	case m.Alg != algES256:
		return errors.New("verify JWS: algorithm is not ES256")
	case m.Typ != typ:
		return fmt.Errorf("verify JWS: type is not %s", typ)
	case m.Kid != kid:
		return errors.New("verify JWS: kid is of another key")
	}
	digest := sha256.Sum256(m.signed)
	r := new(big.Int).SetBytes(m.signature[:coordinate])
	s := new(big.Int).SetBytes(m.signature[coordinate:])
	if !ecdsa.Verify(pub, digest[:], r, s) {
		return errors.New("verify JWS: wrong signature")
	}
	return nil
}

// Sign makes a compact JWS with a P-256 key. A nil random makes it
// deterministic (RFC 6979) for keys of crypto/ecdsa.
func Sign(random io.Reader, key crypto.Signer, typ string, payload []byte) (string, error) {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		return "", errors.New("sign JWS: not an ECDSA key")
	}
	kid, err := Thumbprint(pub)
	if err != nil {
		return "", fmt.Errorf("sign JWS: %w", err)
	}
	head, err := json.Marshal(header{algES256, typ, kid})
	if err != nil {
		return "", fmt.Errorf("sign JWS: %w", err)
	}
	signed := idp.Base64.EncodeToString(head) + "." + idp.Base64.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	der, err := key.Sign(random, digest[:], crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("sign JWS: %w", err)
	}
	// crypto.Signer gives ASN.1 DER, JWS wants r ‖ s (RFC 7518, 3.4).
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &rs); err != nil || len(rest) > 0 {
		return "", errors.New("sign JWS: signer gave no ASN.1 signature")
	}
	raw := make([]byte, sigSize)
	rs.R.FillBytes(raw[:coordinate])
	rs.S.FillBytes(raw[coordinate:])
	return signed + "." + idp.Base64.EncodeToString(raw), nil
}
