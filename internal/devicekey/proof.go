package devicekey

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// ProofAge is how far the iat of a proof may be from now.
const ProofAge = 60 * time.Second

// NoSession stands for the sid in a proof where it is not known.
const NoSession = "-"

// Proof is the payload of X-Device-Proof (6.5), after RFC 9449. It tells which
// device calls; it approves nothing.
type Proof struct {
	Method string `json:"htm"`
	URL    string `json:"htu"` // without query and fragment
	SID    string `json:"sid"` // NoSession if unknown
	At     int64  `json:"iat"` // seconds
	ID     string `json:"jti"`
}

// SignProof makes the header's value with the pop key.
func SignProof(random io.Reader, pop crypto.Signer, p Proof) (string, error) {
	payload, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode proof: %w", err)
	}
	return Sign(random, pop, TypeProof, payload)
}

// VerifyProof verifies that the device's pop key signed a proof for this
// method, URL and session within ProofAge of now. To look up the device use
// KeyID. Error: bad_signature.
func VerifyProof(jws string, dev *idp.Device, method, url, sid string, now idp.Millis) error {
	m, err := parse(jws)
	if err != nil {
		return badSignature(err)
	}
	pop, err := parseStored(dev.PopKey)
	if err != nil {
		return badSignature(err)
	}
	if err := m.verify(TypeProof, dev.PopKeyID, pop); err != nil {
		return badSignature(err)
	}
	p, err := parseProof(m.payload)
	if err != nil {
		return badSignature(err)
	}
	// Whole seconds, because iat is; compared without subtracting, because iat
	// may be anything.
	at, age := now.Seconds(), int64(ProofAge/time.Second)
	switch {
	case p.Method != method, p.URL != url, p.SID != sid:
		return badSignature(errors.New("proof is for another call"))
	case p.At < at-age, p.At > at+age:
		return badSignature(errors.New("proof is too old or of the future"))
	}
	return nil
}

func parseProof(payload []byte) (Proof, error) {
	members, err := flatObject(payload)
	if err != nil {
		return Proof{}, fmt.Errorf("parse proof: %w", err)
	}
	var p Proof
	for name, to := range map[string]*string{"htm": &p.Method, "htu": &p.URL, "sid": &p.SID, "jti": &p.ID} {
		value, ok := members[name].(string)
		if !ok || value == "" {
			return Proof{}, fmt.Errorf("parse proof: no %s", name)
		}
		*to = value
	}
	iat, _ := members["iat"].(json.Number)
	if p.At, err = iat.Int64(); err != nil {
		return Proof{}, errors.New("parse proof: no iat in seconds")
	}
	if len(members) != 5 {
		return Proof{}, errors.New("parse proof: further members")
	}
	return p, nil
}
