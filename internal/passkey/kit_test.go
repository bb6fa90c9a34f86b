package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
)

var rp = passkey.RP{ID: "id.example.com", Origin: "https://id.example.com", Name: "Latchkey"}

// Flags of authenticator data.
const (
	up, uv, be, bs, at, ed = 1, 4, 8, 16, 64, 128
)

var (
	challenge  = slices.Repeat([]byte{0xc5}, passkey.ChallengeSize)
	userHandle = []byte("0123456789abcdef")
	aaguid     = "00112233-4455-6677-8899-aabbccddeeff"
)

// softKey is the key of an authenticator that obeys the test.
type softKey struct {
	signer crypto.Signer
	cose   []byte
	id     []byte
}

func newKey(t testing.TB, signer crypto.Signer) softKey {
	t.Helper()
	id := sha256.Sum256([]byte("credential"))
	return softKey{signer, coseOf(t, signer), id[:]}
}

func coseOf(t testing.TB, signer crypto.Signer) []byte {
	t.Helper()
	switch k := signer.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		size := (len(point) - 1) / 2
		alg, curve := -7, 1
		if k.Curve == elliptic.P384() {
			alg, curve = -35, 2
		}
		return encode(t, map[int]any{1: 2, 3: alg, -1: curve, -2: point[1 : 1+size], -3: point[1+size:]})
	case *rsa.PublicKey:
		return encode(t, map[int]any{1: 3, 3: -257, -1: k.N.Bytes(), -2: []byte{1, 0, 1}})
	case ed25519.PublicKey:
		return encode(t, map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(k)})
	}
	t.Fatalf("no COSE form of %T", signer)
	return nil
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := webauthncbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func p256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign signs as the key's COSE algorithm does, always the same (RFC 6979).
func (k softKey) sign(t testing.TB, message []byte) []byte {
	t.Helper()
	digest, hash := message, crypto.Hash(0)
	if _, ok := k.signer.(ed25519.PrivateKey); !ok {
		sum := sha256.Sum256(message)
		digest, hash = sum[:], crypto.SHA256
	}
	sig, err := k.signer.Sign(nil, digest, hash)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// facts are what browser and authenticator say. A test changes them before
// they are signed.
type facts struct {
	typ, challenge, origin string
	more                   string // further members of the client data: `,"crossOrigin":true`
	clientData             string // instead of all these
	rpID                   string
	flags                  byte
	counter                uint32
	tail                   []byte // after the counter
	outer, response        map[string]any
}

func defaults(typ string) facts {
	return facts{
		typ: typ, challenge: idp.Base64.EncodeToString(challenge), origin: rp.Origin,
		more: `,"crossOrigin":false,"other_keys_can_be_added_here":"do not compare"`,
		rpID: rp.ID, flags: up | uv,
		outer:    map[string]any{"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}},
		response: map[string]any{},
	}
}

func (f *facts) clientDataJSON() []byte {
	if f.clientData != "" {
		return []byte(f.clientData)
	}
	return fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":%q%s}`, f.typ, f.challenge, f.origin, f.more)
}

func (f *facts) authenticatorData() []byte {
	hash := sha256.Sum256([]byte(f.rpID))
	return slices.Concat(hash[:], []byte{f.flags}, binary.BigEndian.AppendUint32(nil, f.counter), f.tail)
}

// body is the PublicKeyCredential's JSON; outer and response of the facts
// replace members, nil removes one.
func (f *facts) body(t testing.TB, id []byte, response map[string]any) json.RawMessage {
	t.Helper()
	maps.Copy(response, f.response)
	maps.DeleteFunc(response, func(_ string, v any) bool { return v == nil })
	outer := map[string]any{"id": b64(id), "rawId": b64(id), "type": "public-key", "response": response}
	maps.Copy(outer, f.outer)
	maps.DeleteFunc(outer, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(outer)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func b64(b []byte) string { return idp.Base64.EncodeToString(b) }

// assert makes an assertion of changed facts.
func (k softKey) assert(t testing.TB, change ...func(*facts)) json.RawMessage {
	t.Helper()
	f := defaults("webauthn.get")
	for _, c := range change {
		c(&f)
	}
	clientData, authData := f.clientDataJSON(), f.authenticatorData()
	hash := sha256.Sum256(clientData)
	return f.body(t, k.id, map[string]any{
		"clientDataJSON":    b64(clientData),
		"authenticatorData": b64(authData),
		"signature":         b64(k.sign(t, slices.Concat(authData, hash[:]))),
		"userHandle":        b64(userHandle),
	})
}

// attest makes the statement of an attestation for what is to be signed.
type attest func(signed []byte) (format string, statement map[string]any)

// register makes a registration of changed facts; a nil attest gives none.
func (k softKey) register(t testing.TB, statement attest, change ...func(*facts)) json.RawMessage {
	t.Helper()
	f := defaults("webauthn.create")
	f.flags |= at
	f.tail = k.attestedData(t)
	f.response["transports"] = []string{"internal", "hybrid", "carrier-pigeon"}
	for _, c := range change {
		c(&f)
	}
	clientData, authData := f.clientDataJSON(), f.authenticatorData()
	hash := sha256.Sum256(clientData)
	format, stmt := "none", map[string]any{}
	if statement != nil {
		format, stmt = statement(slices.Concat(authData, hash[:]))
	}
	return f.body(t, k.id, map[string]any{
		"clientDataJSON":    b64(clientData),
		"attestationObject": b64(encode(t, map[string]any{"fmt": format, "attStmt": stmt, "authData": authData})),
	})
}

func (k softKey) attestedData(t testing.TB) []byte {
	t.Helper()
	return slices.Concat(aaguidBytes(t), binary.BigEndian.AppendUint16(nil, uint16(len(k.id))), k.id, k.cose)
}

func aaguidBytes(t testing.TB) []byte {
	t.Helper()
	var b []byte
	if _, err := fmt.Sscanf("00112233445566778899aabbccddeeff", "%x", &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// device is the credential as it is stored.
func (k softKey) device() *idp.Device {
	return &idp.Device{ID: b64(k.id), Type: passkey.Type, PublicKey: k.cose}
}

func wantCode(t *testing.T, err error, want idp.Code) {
	t.Helper()
	if got := idp.CodeOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}
