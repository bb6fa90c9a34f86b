//go:build browser

package chrome

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
)

// Authenticator is what a device has behind its face or fingerprint reader,
// played by the browser (WebAuthn domain of its debugging protocol).
type Authenticator struct {
	b  *Tab
	id webauthn.AuthenticatorID
}

// Authenticator puts one in that keeps passkeys and recognizes its owner.
func (b *Tab) Authenticator() *Authenticator {
	b.t.Helper()
	return b.authenticator(webauthn.AuthenticatorTransportInternal)
}

// SecurityKey plugs another one in.
func (b *Tab) SecurityKey() *Authenticator {
	b.t.Helper()
	return b.authenticator(webauthn.AuthenticatorTransportUsb)
}

func (b *Tab) authenticator(transport webauthn.AuthenticatorTransport) *Authenticator {
	b.t.Helper()
	Call(b, webauthn.Enable, webauthn.EnableParams{})
	added := Call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport: transport, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	return &Authenticator{b, added.AuthenticatorID}
}

// Credentials are the passkeys that it holds.
func (a *Authenticator) Credentials() []*webauthn.Credential {
	a.b.t.Helper()
	return Call(a.b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// Copy puts the passkeys of another authenticator in. One keeps a single passkey
// of each person.
func (a *Authenticator) Copy(from *Authenticator) {
	a.b.t.Helper()
	for _, c := range from.Credentials() {
		Call(a.b, addCredential, addCredentialParams{a.id, credential{
			CredentialID: c.CredentialID, IsResidentCredential: true, RPID: c.RpID, PrivateKey: c.PrivateKey, UserHandle: c.UserHandle, SignCount: int(c.SignCount),
		}})
	}
}

// Recognizes sets whether the face or finger is the right one.
func (a *Authenticator) Recognizes(yes bool) {
	a.b.t.Helper()
	Call(a.b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes})
}

// Override makes the authenticator answer wrongly; without bits, rightly again.
func (a *Authenticator) Override(bits webauthn.SetResponseOverrideBitsParams) {
	bits.AuthenticatorID = a.id
	Call(a.b, webauthn.SetResponseOverrideBits, bits)
}

// Waits sets whether the sheet stays open until somebody acts.
func (a *Authenticator) Waits(yes bool) {
	a.b.t.Helper()
	Call(a.b, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: !yes})
}

// NoAutofill makes the browser one that offers no passkeys at fields. One that
// does gives the passkey of an authenticator at once, as if it had been chosen,
// unless the authenticator waits.
func (b *Tab) NoAutofill() {
	b.t.Helper()
	b.OnEachPage(`PublicKeyCredential.isConditionalMediationAvailable = async () => false;`)
}

// Passkey is one that a test put in.
type Passkey struct {
	ID, User []byte
	Public   *ecdsa.PublicKey
}

// AddPasskey puts a passkey for rpID in, as an enrollment would have done.
func (a *Authenticator) AddPasskey(rpID string) *Passkey {
	a.b.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.b.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.b.t.Fatal(err)
	}
	k := &Passkey{ID: []byte("credential-000001"), User: []byte("user-00000000001"), Public: &private.PublicKey}
	Call(a.b, addCredential, addCredentialParams{a.id, credential{
		CredentialID: k.ID, IsResidentCredential: true, RPID: rpID, PrivateKey: der, UserHandle: k.User, SignCount: 1,
	}})
	return k
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
