package devicekey

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"io"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// KeyID is the kid of an approval, to look up the device by: its ID (uv) or
// its PopKeyID. Nothing is verified yet. Error: bad_signature.
func KeyID(jws string) (string, error) {
	m, err := parse(jws)
	if err != nil {
		return "", badSignature(err)
	}
	return m.Kid, nil
}

// ApprovalHash is the ah of an approval (4.5), by which a repeated one is
// recognized.
func ApprovalHash(jws string) []byte {
	sum := sha256.Sum256([]byte(jws))
	return sum[:]
}

// SignApproval signs the text of 6.1 with the uv key.
func SignApproval(random io.Reader, uv crypto.Signer, text []byte) (string, error) {
	return Sign(random, uv, TypeApproval, text)
}

// VerifyApproval verifies that the device's uv key signed exactly text, which
// the server has rebuilt from the session (6.6, steps 3 and 4), and returns
// the approval's hash. Errors: bad_challenge for another text, uv_required if
// the pop key signed, else bad_signature.
func VerifyApproval(jws string, text []byte, dev *idp.Device) (ah []byte, err error) {
	m, err := parse(jws)
	if err != nil {
		return nil, badSignature(err)
	}
	if !bytes.Equal(m.payload, text) {
		return nil, idp.E(idp.BadChallenge, "another text was signed")
	}
	if m.Kid == dev.PopKeyID {
		return nil, idp.E(idp.UVRequired, "signed by the pop key")
	}
	uv, err := parseStored(dev.UVKey)
	if err != nil {
		return nil, badSignature(err)
	}
	if err := m.verify(TypeApproval, dev.ID, uv); err != nil {
		return nil, badSignature(err)
	}
	return ApprovalHash(jws), nil
}

func badSignature(err error) error {
	return &idp.Error{Code: idp.BadSignature, Err: err}
}
