package passkey

import (
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// maxTimeout is the longest that a browser may wait (approval protocol 4.4).
const maxTimeout = 300 * time.Second

// Hints tell the browser which authenticator to offer first (5.8.7).
const (
	HintClientDevice = "client-device" // the default
	HintHybrid       = "hybrid"        // a phone, by the browser's own QR and Bluetooth
	HintSecurityKey  = "security-key"
)

const (
	required      = "required"
	publicKeyType = "public-key"
)

// User is for whom a credential is made.
type User struct {
	Handle  []byte // 16 random bytes; comes back as userHandle
	Name    string // sign-in name
	Display string
}

// Descriptor names a credential (PublicKeyCredentialDescriptorJSON).
type Descriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

// Describe lists the WebAuthn credentials among devices that may approve: for
// the exclude of CreationOptions and the allow of RequestOptions.
func Describe(devices []idp.Device) []Descriptor {
	list := []Descriptor{}
	for i := range devices {
		if d := &devices[i]; d.Type == Type && d.Usable() {
			list = append(list, Descriptor{Type: publicKeyType, ID: d.ID, Transports: d.Transports})
		}
	}
	return list
}

// CreationOptionsJSON is what PublicKeyCredential.parseCreationOptionsFromJSON
// takes (PublicKeyCredentialCreationOptionsJSON, 5.1.9).
type CreationOptionsJSON struct {
	RP                     rpEntity        `json:"rp"`
	User                   userEntity      `json:"user"`
	Challenge              string          `json:"challenge"`
	PubKeyCredParams       []parameter     `json:"pubKeyCredParams"`
	Timeout                int64           `json:"timeout"` // milliseconds
	ExcludeCredentials     []Descriptor    `json:"excludeCredentials"`
	AuthenticatorSelection selection       `json:"authenticatorSelection"`
	Hints                  []string        `json:"hints"`
	Attestation            string          `json:"attestation"`
	Extensions             map[string]bool `json:"extensions"`
}

type rpEntity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type userEntity struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
}

type parameter struct {
	Type string `json:"type"`
	Alg  int64  `json:"alg"`
}

type selection struct {
	ResidentKey             string `json:"residentKey"`
	UserVerification        string `json:"userVerification"`
	AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty"`
}

// algorithms are the COSE algorithms of keys, in order of preference: ES256,
// RS256, EdDSA.
var algorithms = [...]webauthncose.COSEAlgorithmIdentifier{
	webauthncose.AlgES256, webauthncose.AlgRS256, webauthncose.AlgEdDSA,
}

// CreationOptions asks for a new credential (approval protocol 11.2, step 3).
// With the policy device_bound any kind of authenticator may answer, because
// platform keys are mostly synced.
func (rp RP) CreationOptions(user User, exclude []Descriptor, challenge []byte, policy Policy, timeout time.Duration) CreationOptionsJSON {
	options := CreationOptionsJSON{
		RP:                     rpEntity{ID: rp.ID, Name: rp.Name},
		User:                   userEntity{ID: idp.Base64.EncodeToString(user.Handle), Name: user.Name, DisplayName: user.Display},
		Challenge:              idp.Base64.EncodeToString(challenge),
		Timeout:                milliseconds(timeout),
		ExcludeCredentials:     orEmpty(exclude),
		AuthenticatorSelection: selection{ResidentKey: required, UserVerification: required},
		Hints:                  []string{HintClientDevice},
		Attestation:            policy.conveyance(),
		Extensions:             map[string]bool{"credProps": true},
	}
	for _, alg := range algorithms {
		options.PubKeyCredParams = append(options.PubKeyCredParams, parameter{publicKeyType, int64(alg)})
	}
	if policy != DeviceBound {
		options.AuthenticatorSelection.AuthenticatorAttachment = "platform"
	}
	return options
}

// RequestOptionsJSON is what PublicKeyCredential.parseRequestOptionsFromJSON
// takes (PublicKeyCredentialRequestOptionsJSON, 5.1.10).
type RequestOptionsJSON struct {
	Challenge        string       `json:"challenge"`
	RPID             string       `json:"rpId"`
	AllowCredentials []Descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
	Hints            []string     `json:"hints"`
	Timeout          int64        `json:"timeout"` // milliseconds
}

// RequestOptions asks for an assertion (approval protocol 6.3). An empty allow
// lets the person choose among the passkeys that they have for us. Without
// hints: client-device.
func (rp RP) RequestOptions(challenge []byte, timeout time.Duration, allow []Descriptor, hints ...string) RequestOptionsJSON {
	if len(hints) == 0 {
		hints = []string{HintClientDevice}
	}
	return RequestOptionsJSON{
		Challenge:        idp.Base64.EncodeToString(challenge),
		RPID:             rp.ID,
		AllowCredentials: orEmpty(allow),
		UserVerification: required,
		Hints:            hints,
		Timeout:          milliseconds(timeout),
	}
}

func milliseconds(d time.Duration) int64 { return max(0, min(d, maxTimeout)).Milliseconds() }

// orEmpty makes [] of null, which parse...FromJSON would refuse.
func orEmpty(list []Descriptor) []Descriptor {
	if list == nil {
		return []Descriptor{}
	}
	return list
}
