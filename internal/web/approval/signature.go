package approval

import (
	"encoding/json"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
)

// signature is how a phone signs the text: as a JWS of its native key (6.4) or
// as a WebAuthn assertion whose challenge is the text's hash (6.3).
type signature interface {
	// hash is ah of 4.5: the same bytes again are the same approval.
	hash() []byte
	// credential is the id of the credential that it says it is made by.
	credential() (string, error)
	// verify checks it over the text and notes on the device what the
	// credential told of itself; suspect: its counter went back.
	verify(text []byte, d *idp.Device) (suspect bool, err error)
}

// signatureOf reads the signature of a body; BadRequest if there is none of a
// type that is offered.
func (h *Handlers) signatureOf(body approveBody) (signature, error) {
	switch {
	case body.Type == devicekey.Type && body.JWS != "":
		return jws(body.JWS), nil
	case body.Type == passkey.Type && len(body.Assertion) > 0 && h.RP != nil:
		return assertion{*h.RP, body.Assertion}, nil
	}
	return nil, idp.E(idp.BadRequest, "no signature of a type that is offered")
}

type jws string

func (s jws) hash() []byte                { return devicekey.ApprovalHash(string(s)) }
func (s jws) credential() (string, error) { return devicekey.KeyID(string(s)) }

func (s jws) verify(text []byte, d *idp.Device) (bool, error) {
	_, err := devicekey.VerifyApproval(string(s), text, d)
	return false, err
}

type assertion struct {
	rp   passkey.RP
	body json.RawMessage
}

func (a assertion) hash() []byte {
	ah, err := passkey.ApprovalHash(a.body)
	if err != nil {
		return nil // equals no approval; verify will say what is wrong
	}
	return ah
}

func (a assertion) credential() (string, error) {
	id, _, err := passkey.CredentialID(a.body)
	return id, err
}

func (a assertion) verify(text []byte, d *idp.Device) (suspect bool, err error) {
	handle, err := idp.DecodeBase32(d.UserID, 16)
	if err != nil {
		return false, idp.E(idp.BadSignature, "user of the credential has no handle")
	}
	result, err := a.rp.VerifyAssertion(a.body, passkey.Challenge(text), d, handle)
	if err != nil {
		return false, err
	}
	result.Record(d)
	return result.CloneSuspect, nil
}
