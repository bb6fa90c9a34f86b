package passkey

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// assertion is an AuthenticationResponseJSON that was read, not yet verified.
type assertion struct {
	credential
	authenticatorData []byte
	signature         []byte
	userHandle        []byte // nil: absent
}

// Result is what a verified assertion changes.
type Result struct {
	ApprovalHash []byte // ah (approval protocol 4.5)
	SignCount    uint32 // highest counter seen: what to store
	BackupState  bool
	CloneSuspect bool // the counter went back: somebody may hold a copy of the key
}

// Record writes the result to the device, to be stored before the approval
// counts (approval protocol 6.6, step 8). A suspicion stays.
func (r Result) Record(dev *idp.Device) {
	dev.LastAH = r.ApprovalHash
	dev.SignCount = r.SignCount
	dev.BackupState = r.BackupState
	dev.CloneSuspect = dev.CloneSuspect || r.CloneSuspect
}

// CredentialID is the id of the credential that an assertion names, to look up
// the device by, and its userHandle (nil if absent). Nothing is verified yet.
// Error: bad_signature.
func CredentialID(body json.RawMessage) (id string, userHandle []byte, err error) {
	a, err := parseAssertion(body)
	if err != nil {
		return "", nil, err
	}
	return a.id, a.userHandle, nil
}

// ApprovalHash is the ah of an assertion, by which a repeated one is
// recognized: SHA-256(authenticatorData ‖ SHA-256(clientDataJSON) ‖ signature).
// Nothing is verified yet. Error: bad_signature.
func ApprovalHash(body json.RawMessage) ([]byte, error) {
	a, err := parseAssertion(body)
	if err != nil {
		return nil, err
	}
	return a.approvalHash(), nil
}

// VerifyAssertion verifies an answer to RequestOptions against its challenge
// and the device of CredentialID (7.2; approval protocol 6.3; the checks are
// in the package's documentation). userHandle is that of the device's user. A
// counter that went back is no error, see Result. Errors: bad_challenge,
// bad_origin, uv_required, else bad_signature.
func (rp RP) VerifyAssertion(body json.RawMessage, challenge []byte, dev *idp.Device, userHandle []byte) (Result, error) {
	a, err := parseAssertion(body)
	if err != nil {
		return Result{}, err
	}
	if dev.Type != Type || dev.ID != a.id {
		return Result{}, badSignature("made by another credential")
	}
	if err := rp.checkClientData(a.clientData, typeGet, challenge); err != nil {
		return Result{}, err
	}
	var auth protocol.AuthenticatorData
	if err := auth.Unmarshal(a.authenticatorData); err != nil {
		return Result{}, badSignature("parse authenticator data: %s", cause(err))
	}
	if err := rp.checkAuthenticatorData(&auth); err != nil {
		return Result{}, err
	}
	switch {
	case auth.Flags.HasBackupEligible() != dev.BackupEligible:
		return Result{}, badSignature("backup eligibility changed")
	case auth.Flags.HasAttestedCredentialData(): // 6.1: in registrations only
		return Result{}, badSignature("holds a new credential")
	case !idp.Equal(a.userHandle, userHandle):
		return Result{}, badSignature("userHandle is not the user's")
	}
	if err := a.verifySignature(dev.PublicKey); err != nil {
		return Result{}, badSignature("%s", cause(err))
	}
	ah := a.approvalHash()
	return Result{
		ApprovalHash: ah,
		SignCount:    max(auth.Counter, dev.SignCount),
		BackupState:  auth.Flags.HasBackupState(),
		CloneSuspect: dev.SignCount > 0 && auth.Counter <= dev.SignCount && !bytes.Equal(ah, dev.LastAH),
	}, nil
}

func parseAssertion(body []byte) (assertion, error) {
	c, err := parseCredential(body)
	if err != nil {
		return assertion{}, badSignature("parse assertion: %v", err)
	}
	a := assertion{credential: c}
	for _, member := range []struct {
		to    *[]byte
		name  string
		limit int
	}{
		{&a.authenticatorData, "authenticatorData", maxAuthenticatorData},
		{&a.signature, "signature", maxSignature},
		{&a.userHandle, "userHandle", maxUserHandle},
	} {
		if member.to == &a.userHandle && absent(c.response["userHandle"]) {
			continue
		}
		if *member.to, err = c.response.bytes(member.name, member.limit); err != nil {
			return assertion{}, badSignature("parse assertion: %v", err)
		}
	}
	return a, nil
}

// absent reports whether a member is not there or null, which some browsers
// write for it.
func absent(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

// signed is what the authenticator signs (6.3.3, figure 4).
func (a *assertion) signed() []byte {
	hash := sha256.Sum256(a.clientData)
	return slices.Concat(a.authenticatorData, hash[:])
}

func (a *assertion) verifySignature(cose []byte) error {
	key, err := parseKey(cose)
	if err != nil {
		return err
	}
	ok, err := webauthncose.VerifySignature(key, a.signed(), a.signature)
	if err != nil {
		return fmt.Errorf("verify signature: %w", err)
	}
	if !ok {
		return errors.New("verify signature: wrong signature")
	}
	return nil
}

func (a *assertion) approvalHash() []byte {
	sum := sha256.Sum256(append(a.signed(), a.signature...))
	return sum[:]
}
