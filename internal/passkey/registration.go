package passkey

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// registration is a RegistrationResponseJSON that was read, not yet verified.
type registration struct {
	credential
	object protocol.AttestationObject
}

// VerifyRegistration verifies the answer to CreationOptions against its
// challenge (7.1; the checks are in the package's documentation). The device
// it returns has type, id and what the authenticator says of the key;
// everything else is the caller's, also that the id is not registered yet.
// Errors: bad_request, bad_challenge, bad_origin, uv_required, bad_signature,
// attestation_refused.
func (rp RP) VerifyRegistration(body json.RawMessage, challenge []byte, policy Attestation) (idp.Device, error) {
	reg, err := parseRegistration(body)
	if err != nil {
		return idp.Device{}, &idp.Error{Code: idp.BadRequest, Err: err}
	}
	if err := rp.checkClientData(reg.clientData, typeCreate, challenge); err != nil {
		return idp.Device{}, err
	}
	auth := &reg.object.AuthData
	if err := rp.checkAuthenticatorData(auth); err != nil {
		return idp.Device{}, err
	}
	if _, err := parseKey(auth.AttData.CredentialPublicKey); err != nil {
		return idp.Device{}, &idp.Error{Code: idp.AttestationRefused, Err: err}
	}
	hash := sha256.Sum256(reg.clientData)
	attested, err := policy.judge(&reg.object, hash[:])
	if err != nil {
		return idp.Device{}, err
	}
	return idp.Device{
		ID:             reg.id,
		Type:           Type,
		PublicKey:      auth.AttData.CredentialPublicKey,
		SignCount:      auth.Counter,
		BackupEligible: auth.Flags.HasBackupEligible(),
		BackupState:    auth.Flags.HasBackupState(),
		AAGUID:         formatAAGUID(auth.AttData.AAGUID),
		Transports:     reg.transports(),
		Attested:       attested,
	}, nil
}

func parseRegistration(body []byte) (registration, error) {
	c, err := parseCredential(body)
	if err != nil {
		return registration{}, fmt.Errorf("parse registration: %w", err)
	}
	raw, err := c.response.bytes("attestationObject", maxAttestation)
	if err != nil {
		return registration{}, fmt.Errorf("parse registration: %w", err)
	}
	reg := registration{credential: c}
	if err := webauthncbor.Unmarshal(raw, &reg.object); err != nil {
		return registration{}, fmt.Errorf("parse attestation object: %w", err)
	}
	auth := &reg.object.AuthData
	if err := auth.Unmarshal(reg.object.RawAuthData); err != nil {
		return registration{}, fmt.Errorf("parse authenticator data: %s", cause(err))
	}
	if !auth.Flags.HasAttestedCredentialData() {
		return registration{}, errors.New("parse authenticator data: no credential")
	}
	if id := auth.AttData.CredentialID; len(id) < minCredentialID || idp.Base64.EncodeToString(id) != c.id {
		return registration{}, errors.New("parse authenticator data: another credential id, or too short a one")
	}
	return reg, nil
}

// transports are the browser's hints of how to reach the authenticator; those
// that are none are dropped, so that nothing else comes back in options.
func (reg *registration) transports() []string {
	var sent []string
	if json.Unmarshal(reg.response["transports"], &sent) != nil {
		return nil // a hint is worth no refusal
	}
	var known []string
	for _, t := range []protocol.AuthenticatorTransport{
		protocol.Internal, protocol.Hybrid, protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard,
	} {
		if slices.Contains(sent, string(t)) {
			known = append(known, string(t))
		}
	}
	return known
}

// formatAAGUID writes 16 bytes as a UUID, lower case.
func formatAAGUID(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
