package passkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Largest sizes of what comes from outside, in bytes.
const (
	maxBody              = 32 << 10
	maxClientData        = 4 << 10
	maxAuthenticatorData = 2 << 10
	maxAttestation       = 16 << 10 // a TPM's with its certificates has about 6 KiB
	maxSignature         = 512      // RSA, 4096 bit
	maxUserHandle        = 64       // by the standard
	minCredentialID      = 16       // by the standard
	maxCredentialID      = 512      // 1023 by the standard; more would not fit a key of the store
)

// object is a JSON object with its members unread.
type object map[string]json.RawMessage

// parseObject reads a JSON object. Unlike json.Unmarshal it tells names apart
// by case and refuses a member that comes twice, so that nobody can read
// another value than we do.
func parseObject(b []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	members := object{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read name: %w", err)
		}
		name, _ := t.(string)
		if members.has(name) {
			return nil, errors.New("a member comes twice")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("read value: %w", err)
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read end: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return members, nil
}

func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// text is a member that must be there and be a string.
func (o object) text(name string) (string, error) {
	var s *string
	if err := json.Unmarshal(o[name], &s); err != nil || s == nil {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return *s, nil
}

// bytes is a member that must be there and be base64url of 1 to limit bytes.
func (o object) bytes(name string, limit int) ([]byte, error) {
	s, err := o.text(name)
	if err != nil {
		return nil, err
	}
	if len(s) == 0 || idp.Base64.DecodedLen(len(s)) > limit {
		return nil, fmt.Errorf("%s has not 1 to %d bytes", name, limit)
	}
	b, err := idp.DecodeBase64(s, -1)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64url", name)
	}
	return b, nil
}

// credential is what toJSON() of a PublicKeyCredential gives, in either
// ceremony (RegistrationResponseJSON, AuthenticationResponseJSON).
type credential struct {
	id         string // base64url
	clientData []byte
	response   object
}

func parseCredential(body []byte) (credential, error) {
	if len(body) > maxBody {
		return credential{}, errors.New("credential is too large")
	}
	outer, err := parseObject(body)
	if err != nil {
		return credential{}, fmt.Errorf("credential: %w", err)
	}
	if t, err := outer.text("type"); err != nil || t != publicKeyType {
		return credential{}, errors.New("type is not public-key")
	}
	raw, err := outer.bytes("rawId", maxCredentialID)
	if err != nil {
		return credential{}, err
	}
	id, err := outer.text("id")
	if err != nil || id != idp.Base64.EncodeToString(raw) {
		return credential{}, errors.New("id is not that of rawId")
	}
	response, err := parseObject(outer["response"])
	if err != nil {
		return credential{}, fmt.Errorf("response: %w", err)
	}
	clientData, err := response.bytes("clientDataJSON", maxClientData)
	if err != nil {
		return credential{}, err
	}
	return credential{id, clientData, response}, nil
}
