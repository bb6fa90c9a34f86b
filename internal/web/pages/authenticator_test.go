//go:build browser

package pages_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

const rpID = "localhost"

// authenticator is what a phone has behind its face or fingerprint reader,
// played by the browser (WebAuthn domain of its debugging protocol).
type authenticator struct {
	b  *tab
	id webauthn.AuthenticatorID
}

func (b *tab) authenticator() *authenticator {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	added, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return &authenticator{b, added.AuthenticatorID}
}

// addCredential is WebAuthn.addCredential without members that browsers refuse
// for authenticators without that ability.
var addCredential = cdp.Command[addCredentialParams, cdp.Empty]{Method: webauthn.CommandAddCredential}

type addCredentialParams struct {
	AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
	Credential      credential               `json:"credential"`
}

type credential struct {
	CredentialID         []byte `json:"credentialId"`
	IsResidentCredential bool   `json:"isResidentCredential"`
	RPID                 string `json:"rpId"`
	PrivateKey           []byte `json:"privateKey"` // PKCS #8
	UserHandle           []byte `json:"userHandle"`
	SignCount            int    `json:"signCount"`
}

// passkey puts a passkey in, as an enrollment would have done.
func (a *authenticator) passkey() *passkey {
	a.b.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.b.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.b.t.Fatal(err)
	}
	k := &passkey{id: []byte("credential-000001"), user: []byte("user-00000000001"), public: &private.PublicKey}
	call(a.b, addCredential, addCredentialParams{a.id, credential{
		CredentialID: k.id, IsResidentCredential: true, RPID: rpID, PrivateKey: der, UserHandle: k.user, SignCount: 1,
	}})
	return k
}

func (a *authenticator) credentials() []*webauthn.Credential {
	a.b.t.Helper()
	found, err := chromedp.Call(a.b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id})
	if err != nil {
		a.b.t.Fatal(err)
	}
	return found.Credentials
}

// recognizes sets whether the face or finger is the right one.
func (a *authenticator) recognizes(yes bool) {
	a.b.t.Helper()
	call(a.b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes})
}

// waits sets whether the sheet stays open until somebody acts.
func (a *authenticator) waits(yes bool) {
	a.b.t.Helper()
	call(a.b, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: !yes})
}

type passkey struct {
	id, user []byte
	public   *ecdsa.PublicKey
}

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

// verify checks an assertion as WebAuthn Level 3, 7.2 says.
func (k *passkey) verify(a assertion, challenge, origin string) error {
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
	case a.Type != "public-key" || a.ID != a.RawID || !bytes.Equal(unbase64(a.ID), k.id) || a.ClientExtensionResults == nil:
		return fmt.Errorf("credential %+v", a)
	case !bytes.Equal(unbase64(a.Response.UserHandle), k.user):
		return fmt.Errorf("user handle %q", a.Response.UserHandle)
	case client.Type != "webauthn.get" || client.Challenge != challenge || client.Origin != origin || client.CrossOrigin:
		return fmt.Errorf("client data %s, want challenge %s", clientData, challenge)
	case len(data) < 37 || !bytes.Equal(data[:32], rp[:]) || data[32]&5 != 5:
		return fmt.Errorf("authenticator data %x", data)
	case !ecdsa.VerifyASN1(k.public, signed[:], signature):
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
