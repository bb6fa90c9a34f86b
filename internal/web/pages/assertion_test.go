//go:build browser

package pages_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// rpID is that of the passkeys in these tests.
const rpID = "localhost"

// assertion is AuthenticationResponseJSON (WebAuthn Level 3, 5.1.8).
type assertion struct {
	ID       string `json:"id"`
	RawID    string `json:"rawId"`
	Type     string `json:"type"`
	Response struct {
		ClientDataJSON    string `json:"clientDataJSON"`
		AuthenticatorData string `json:"authenticatorData"`
		Signature         string `json:"signature"`
		UserHandle        string `json:"userHandle"`
	} `json:"response"`
	ClientExtensionResults map[string]any `json:"clientExtensionResults"`
}

// verify checks that a passkey made the assertion, as WebAuthn Level 3, 7.2
// says.
func (a assertion) verify(k *chrome.Passkey, challenge, origin string) error {
	data, clientData, signature := unbase64(a.Response.AuthenticatorData), unbase64(a.Response.ClientDataJSON), unbase64(a.Response.Signature)
	var client struct {
		Type, Challenge, Origin string
		CrossOrigin             bool
	}
	if err := json.Unmarshal(clientData, &client); err != nil {
		return err
	}
	rp, hash := sha256.Sum256([]byte(rpID)), sha256.Sum256(clientData)
	signed := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	switch {
	case a.Type != "public-key" || a.ID != a.RawID || !bytes.Equal(unbase64(a.ID), k.ID) || a.ClientExtensionResults == nil:
		return fmt.Errorf("credential %+v", a)
	case !bytes.Equal(unbase64(a.Response.UserHandle), k.User):
		return fmt.Errorf("user handle %q", a.Response.UserHandle)
	case client.Type != "webauthn.get" || client.Challenge != challenge || client.Origin != origin || client.CrossOrigin:
		return fmt.Errorf("client data %s, want challenge %s", clientData, challenge)
	case len(data) < 37 || !bytes.Equal(data[:32], rp[:]) || data[32]&5 != 5:
		return fmt.Errorf("authenticator data %x", data)
	case !ecdsa.VerifyASN1(k.Public, signed[:], signature):
		return fmt.Errorf("signature is wrong")
	}
	return nil
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
