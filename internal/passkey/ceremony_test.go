package passkey_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
)

// TestVirtualAuthenticator runs both ceremonies, from our options to our
// verdict, against an authenticator written by others.
func TestVirtualAuthenticator(t *testing.T) {
	browser := virtualwebauthn.RelyingParty{ID: rp.ID, Name: rp.Name, Origin: rp.Origin}
	user := passkey.User{Handle: userHandle, Name: "ana@example.com", Display: "Ana"}

	for name, credential := range virtualCredentials(t) {
		t.Run(name, func(t *testing.T) {
			options, err := virtualwebauthn.ParseAttestationOptions(marshal(t, rp.CreationOptions(user, nil, challenge, passkey.None, time.Minute)))
			if err != nil {
				t.Fatal(err)
			}
			phone := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{
				UserHandle: []byte(options.UserID), BackupEligible: true,
			})
			created := virtualwebauthn.CreateAttestationResponse(browser, phone, credential, *options)
			dev, err := rp.VerifyRegistration(json.RawMessage(created), challenge, passkey.Attestation{})
			if err != nil {
				t.Fatalf("register: %v", err)
			}
			if dev.ID != b64(credential.ID) || !dev.BackupEligible || dev.BackupState {
				t.Errorf("device %+v", dev)
			}

			ask := func(change func(*virtualwebauthn.RelyingParty, *virtualwebauthn.Authenticator)) error {
				options, err := virtualwebauthn.ParseAssertionOptions(marshal(t, rp.RequestOptions(challenge, time.Minute, nil)))
				if err != nil {
					t.Fatal(err)
				}
				browser, phone := browser, phone
				change(&browser, &phone)
				body := json.RawMessage(virtualwebauthn.CreateAssertionResponse(browser, phone, credential, *options))
				_, err = rp.VerifyAssertion(body, challenge, &dev, userHandle)
				return err
			}
			for name, c := range map[string]struct {
				change func(*virtualwebauthn.RelyingParty, *virtualwebauthn.Authenticator)
				want   idp.Code
			}{
				"A45 good":            {func(*virtualwebauthn.RelyingParty, *virtualwebauthn.Authenticator) {}, ""},
				"A45 synced meantime": {func(_ *virtualwebauthn.RelyingParty, a *virtualwebauthn.Authenticator) { a.Options.BackupState = true }, ""},
				"A45 UV=0": {func(_ *virtualwebauthn.RelyingParty, a *virtualwebauthn.Authenticator) {
					a.Options.UserNotVerified = true
				}, idp.UVRequired},
				"A45 UP=0": {func(_ *virtualwebauthn.RelyingParty, a *virtualwebauthn.Authenticator) {
					a.Options.UserNotPresent = true
				}, idp.BadSignature},
				"A45 BE changed": {func(_ *virtualwebauthn.RelyingParty, a *virtualwebauthn.Authenticator) {
					a.Options.BackupEligible = false
				}, idp.BadSignature},
				"A45 no userHandle": {func(_ *virtualwebauthn.RelyingParty, a *virtualwebauthn.Authenticator) { a.Options.UserHandle = nil }, idp.BadSignature},
				"A45 origin": {func(r *virtualwebauthn.RelyingParty, _ *virtualwebauthn.Authenticator) {
					r.Origin = "https://evil.example"
				}, idp.BadOrigin},
				"A45 rpId hash": {func(r *virtualwebauthn.RelyingParty, _ *virtualwebauthn.Authenticator) { r.ID = "evil.example" }, idp.BadSignature},
			} {
				t.Run(name, func(t *testing.T) { wantCode(t, ask(c.change), c.want) })
			}
		})
	}
}

// virtualCredentials have keys of ours: the library writes coordinates that
// begin with a zero byte too short, so that one random key in 128 is invalid.
func virtualCredentials(t *testing.T) map[string]virtualwebauthn.Credential {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec2, err := x509.MarshalPKCS8PrivateKey(vectorKey(t))
	if err != nil {
		t.Fatal(err)
	}
	rsa2048, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]virtualwebauthn.Credential{
		"ES256": virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, ec2),
		"RS256": virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeRSA, rsa2048),
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// w3c are the test vectors of Web Authentication Level 3, section 16; all
// values in hex.
//
//go:embed testdata/w3c.json
var w3c []byte

type w3cFile struct {
	Origin, Root string
	Vectors      []struct {
		Section      string
		CredentialID hexBytes `json:"credential_id"`
		Create       struct {
			Challenge         hexBytes
			ClientData        hexBytes `json:"client_data"`
			AttestationObject hexBytes `json:"attestation_object"`
		}
		Get struct {
			Challenge         hexBytes
			ClientData        hexBytes `json:"client_data"`
			AuthenticatorData hexBytes `json:"authenticator_data"`
			Signature         hexBytes
		}
	}
}

// TestW3CVectors: what the standard's own vectors get by our stricter rules.
func TestW3CVectors(t *testing.T) {
	var file w3cFile
	if err := json.Unmarshal(w3c, &file); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	rootDER, err := hex.DecodeString(file.Root)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(rootDER)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(root)
	rp, err := passkey.NewRP(file.Origin, "W3C")
	if err != nil {
		t.Fatal(err)
	}

	type codes struct{ create, known, get idp.Code }
	refused := idp.AttestationRefused
	want := map[string]codes{
		"16.2":  {create: idp.UVRequired, known: idp.UVRequired},
		"16.3":  {known: refused, get: idp.UVRequired}, // self attestation
		"16.4":  {create: idp.BadOrigin, known: idp.BadOrigin},
		"16.5":  {create: idp.BadOrigin, known: idp.BadOrigin},
		"16.6":  {create: idp.BadRequest, known: idp.BadRequest}, // id of 1023 bytes
		"16.7":  {},                                              // packed, ES256
		"16.8":  {create: idp.UVRequired, known: idp.UVRequired}, // ES384
		"16.9":  {create: refused, known: refused},               // ES512
		"16.10": {get: idp.UVRequired},                           // packed, RS256
		"16.11": {create: idp.UVRequired, known: idp.UVRequired}, // EdDSA
		"16.13": {known: refused},                                // TPM by no known maker
		"16.14": {known: refused, get: idp.UVRequired},           // Android, not by Google's root
		"16.15": {create: idp.UVRequired, known: idp.UVRequired}, // Apple
		"16.16": {create: idp.UVRequired, known: idp.UVRequired}, // U2F knows no user check
	}
	if len(file.Vectors) != len(want) {
		t.Errorf("%d vectors, want %d", len(file.Vectors), len(want))
	}
	for _, v := range file.Vectors {
		t.Run(v.Section, func(t *testing.T) {
			want := want[v.Section]
			f := defaults("")
			f.outer = map[string]any{}
			body := f.body(t, v.CredentialID, map[string]any{
				"clientDataJSON": b64(v.Create.ClientData), "attestationObject": b64(v.Create.AttestationObject),
			})
			dev, err := rp.VerifyRegistration(body, v.Create.Challenge, passkey.Attestation{})
			wantCode(t, err, want.create)
			if err != nil {
				dev.AAGUID = ""
			}
			known := passkey.Attestation{Policy: passkey.Known, AAGUIDs: []string{dev.AAGUID}, Roots: roots}
			attested, err := rp.VerifyRegistration(body, v.Create.Challenge, known)
			wantCode(t, err, want.known)
			if attested.Attested != (want.known == "") {
				t.Errorf("attested %v", attested.Attested)
			}
			if want.create != "" {
				return
			}
			body = f.body(t, v.CredentialID, map[string]any{
				"clientDataJSON": b64(v.Get.ClientData), "authenticatorData": b64(v.Get.AuthenticatorData),
				"signature": b64(v.Get.Signature), "userHandle": b64(userHandle),
			})
			_, err = rp.VerifyAssertion(body, v.Get.Challenge, &dev, userHandle)
			wantCode(t, err, want.get)
		})
	}
}

// hexBytes are written in hex.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}
