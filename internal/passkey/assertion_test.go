package passkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
)

// vectorKey is TEST ONLY: d = 01...20.
func vectorKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	d := make([]byte, 32)
	for i := range d {
		d[i] = byte(i + 1)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestAnnexA4 is vector A.4 of the approval protocol: text A.2 with "match:-".
func TestAnnexA4(t *testing.T) {
	text := sha256.Sum256([]byte(`latchkey-approval/1
sid:CAIREEYUCULBOGAZDINRYHI6D4
idp:https://id.example.com/idp
sp:https://sp.example.org/saml
req:_a1b2c3
decision:approve
acr:urn:latchkey:acr:qr
match:-
live:-
browser:4Od6UHQSsSD27eYfYilbGg
ctx:K5fGyZH3t8lyNtfVFLqlDvV_fzwnGnOrNKoiED-blZw
nonce:u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s
exp:1795370180
`))
	authData, err := hex.DecodeString("2659104ec00a76b88ca84f381c5d0b512aa0891a9f4000f1664421f1f7b1a6991d00000000")
	if err != nil {
		t.Fatal(err)
	}
	const clientData = `{"type":"webauthn.get","challenge":"pOCmUCczvsbAYXMV82vug_OzNlBVAkMcH2TXWjrfp6A","origin":"https://id.example.com","crossOrigin":false}`
	const signature = "MEUCIQCtrLWsU9QLz629V7oSZcrtVbEwKLx8um_pCOPxPRaLywIgMkYpJNJt9jL8gSVFB-JjIU-OXqEVt8ve5AI3_lSolq4"
	key := newKey(t, vectorKey(t))
	body := key.assert(t, func(f *facts) {
		f.response["clientDataJSON"] = b64([]byte(clientData))
		f.response["authenticatorData"] = b64(authData)
		f.response["signature"] = signature
	})
	dev := key.device()
	dev.BackupEligible = true

	got, err := rp.VerifyAssertion(body, text[:], dev, userHandle)
	if err != nil {
		t.Fatal(err)
	}
	if ah := b64(got.ApprovalHash); ah != "AL8abPEHNPCB68E_nL1w78G_lqqEKgeV4w_V9Zi4e2Q" {
		t.Errorf("ah %s", ah)
	}
	if got.SignCount != 0 || !got.BackupState || got.CloneSuspect {
		t.Errorf("result %+v", got)
	}
	if ah, err := passkey.ApprovalHash(body); err != nil || !bytes.Equal(ah, got.ApprovalHash) {
		t.Errorf("ah before verification: %x, %v", ah, err)
	}
}

func TestAlgorithms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]softKey{
		"ES256": newKey(t, p256(t)), "RS256": newKey(t, rsaKey), "EdDSA": newKey(t, edKey),
	} {
		t.Run(name, func(t *testing.T) {
			dev, err := rp.VerifyRegistration(key.register(t, nil), challenge, passkey.Attestation{})
			if err != nil {
				t.Fatalf("register: %v", err)
			}
			if _, err := rp.VerifyAssertion(key.assert(t), challenge, &dev, userHandle); err != nil {
				t.Errorf("assert: %v", err)
			}
			other := newKey(t, p256(t))
			_, err = rp.VerifyAssertion(other.assert(t), challenge, &dev, userHandle)
			wantCode(t, err, idp.BadSignature)
		})
	}
}

func TestVerifyAssertion(t *testing.T) {
	key := newKey(t, p256(t))
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(member string, value any) func(*facts) {
		return func(f *facts) { f.response[member] = value }
	}
	more := func(s string) func(*facts) { return func(f *facts) { f.more = s } }
	origin := func(s string) func(*facts) { return func(f *facts) { f.origin = s } }
	flags := func(b byte) func(*facts) { return func(f *facts) { f.flags = b } }
	zeros := b64(make([]byte, passkey.ChallengeSize))

	for _, c := range []struct {
		name   string
		change func(*facts)
		want   idp.Code
	}{
		{"A45 good", func(*facts) {}, ""},
		{"A45 without crossOrigin", more(""), ""},
		{"A45 members that browsers add", func(f *facts) { f.outer["new"], f.response["new"] = []int{1}, map[string]any{} }, ""},

		{"A45 type webauthn.create", func(f *facts) { f.typ = "webauthn.create" }, idp.BadSignature},
		{"A45 type empty", func(f *facts) { f.typ = "" }, idp.BadSignature},
		{"A45 challenge", func(f *facts) { f.challenge = zeros }, idp.BadChallenge},
		{"A45 challenge padded", func(f *facts) { f.challenge += "=" }, idp.BadChallenge},
		{"A45 challenge with line break", func(f *facts) { f.challenge += "\n" }, idp.BadChallenge},
		{"A45 challenge empty", func(f *facts) { f.challenge = "" }, idp.BadChallenge},
		{"A45 challenge of another text comes first", func(f *facts) { f.challenge = zeros; f.flags = 0 }, idp.BadChallenge},

		{"A45 origin", origin("https://evil.example"), idp.BadOrigin},
		{"A45 origin subdomain", origin("https://a.id.example.com"), idp.BadOrigin},
		{"A45 origin parent domain", origin("https://example.com"), idp.BadOrigin},
		{"A45 origin port", origin("https://id.example.com:8443"), idp.BadOrigin},
		{"A45 origin default port", origin("https://id.example.com:443"), idp.BadOrigin},
		{"A45 origin scheme", origin("http://id.example.com"), idp.BadOrigin},
		{"A45 origin case", origin("https://ID.example.com"), idp.BadOrigin},
		{"A45 origin slash", origin("https://id.example.com/"), idp.BadOrigin},
		{"A45 origin user", origin("https://id.example.com@evil.example"), idp.BadOrigin},
		{"A45 origin null", origin("null"), idp.BadOrigin},
		{"A45 origin of an app", origin("android:apk-key-hash:AAAA"), idp.BadOrigin},
		{"A45 crossOrigin true", more(`,"crossOrigin":true`), idp.BadOrigin},
		{"A45 crossOrigin text", more(`,"crossOrigin":"false"`), idp.BadOrigin},
		{"A45 crossOrigin null", more(`,"crossOrigin":null`), idp.BadOrigin},
		{"A45 topOrigin", more(`,"crossOrigin":false,"topOrigin":"https://evil.example"`), idp.BadOrigin},

		{"A45 member twice", more(`,"origin":"https://id.example.com"`), idp.BadSignature},
		{"A45 member in other case", func(f *facts) {
			f.clientData = fmt.Sprintf(`{"Type":"webauthn.get","challenge":%q,"origin":%q}`, f.challenge, f.origin)
		}, idp.BadSignature},
		{"A45 client data no object", func(f *facts) { f.clientData = `[]` }, idp.BadSignature},
		{"A45 after the client data", func(f *facts) { f.clientData = string(f.clientDataJSON()) + "{}" }, idp.BadSignature},

		{"A45 rpId hash", func(f *facts) { f.rpID = "example.com" }, idp.BadSignature},
		{"A45 UP=0", flags(uv), idp.BadSignature},
		{"A45 UV=0", flags(up), idp.UVRequired},
		{"A45 BE=0 BS=1", flags(up | uv | bs), idp.BadSignature},
		{"A45 BE not as stored", flags(up | uv | be), idp.BadSignature},
		{"A45 AT=1", func(f *facts) { f.flags |= at; f.tail = key.attestedData(t) }, idp.BadSignature},
		{"A45 AT=1 without data", flags(up | uv | at), idp.BadSignature},
		{"A45 ED=1", func(f *facts) { f.flags |= ed; f.tail = encode(t, map[string]any{"credProtect": 2}) }, ""},
		{"A45 ED=1 without data", flags(up | uv | ed), idp.BadSignature},
		{"A45 bytes after authenticator data", func(f *facts) { f.tail = []byte{0} }, idp.BadSignature},
		{"A45 authenticator data cut", set("authenticatorData", b64(make([]byte, 36))), idp.BadSignature},

		{"A45 signature bogus", set("signature", b64(key.sign(t, []byte("something else")))), idp.BadSignature},
		{"A45 signature zero", set("signature", b64(make([]byte, 70))), idp.BadSignature},
		{"A45 signature missing", set("signature", nil), idp.BadSignature},
		{"A45 signature empty", set("signature", ""), idp.BadSignature},
		{"A45 signature too long", set("signature", b64(make([]byte, 513))), idp.BadSignature},
		{"A45 signature in base64", set("signature", "+/+/"), idp.BadSignature},
		{"A45 userHandle missing", set("userHandle", nil), idp.BadSignature},
		{"A45 userHandle null", set("userHandle", json.RawMessage("null")), idp.BadSignature},
		{"A45 userHandle empty", set("userHandle", ""), idp.BadSignature},
		{"A45 userHandle of another user", set("userHandle", b64([]byte("fedcba9876543210"))), idp.BadSignature},
		{"A45 userHandle longer", set("userHandle", b64(append([]byte{0}, userHandle...))), idp.BadSignature},
		{"A45 userHandle padded", set("userHandle", b64(userHandle)+"=="), idp.BadSignature},
		{"A45 userHandle a number", set("userHandle", 7), idp.BadSignature},

		{"A45 id of another credential", func(f *facts) {
			other := b64(make([]byte, 32))
			f.outer["id"], f.outer["rawId"] = other, other
		}, idp.BadSignature},
		{"A45 id and rawId differ", func(f *facts) { f.outer["id"] = b64(make([]byte, 32)) }, idp.BadSignature},
		{"A45 rawId missing", func(f *facts) { f.outer["rawId"] = nil }, idp.BadSignature},
		{"A45 not a public-key", func(f *facts) { f.outer["type"] = "password" }, idp.BadSignature},
		{"A45 response missing", func(f *facts) { f.outer["response"] = nil }, idp.BadSignature},
		{"A45 too large", func(f *facts) { f.outer["new"] = strings.Repeat("A", 32<<10) }, idp.BadSignature},
		{"A45 client data too large", more(`,"new":"` + strings.Repeat("A", 4<<10) + `"`), idp.BadSignature},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := rp.VerifyAssertion(key.assert(t, c.change), challenge, key.device(), userHandle)
			wantCode(t, err, c.want)
		})
	}

	t.Run("A45 alg not allowed", func(t *testing.T) {
		key := newKey(t, p384)
		_, err := rp.VerifyAssertion(key.assert(t), challenge, key.device(), userHandle)
		wantCode(t, err, idp.BadSignature)
	})
	t.Run("A45 device key of a native phone", func(t *testing.T) {
		dev := key.device()
		dev.Type = "device-key"
		_, err := rp.VerifyAssertion(key.assert(t), challenge, dev, userHandle)
		wantCode(t, err, idp.BadSignature)
	})
	t.Run("A45 user without handle", func(t *testing.T) {
		_, err := rp.VerifyAssertion(key.assert(t, set("userHandle", nil)), challenge, key.device(), nil)
		wantCode(t, err, idp.BadSignature)
	})
	t.Run("Q14 no challenge expected", func(t *testing.T) {
		_, err := rp.VerifyAssertion(key.assert(t, func(f *facts) { f.challenge = "" }), nil, key.device(), userHandle)
		wantCode(t, err, idp.Internal)
	})
	t.Run("Q14 every bit counts", func(t *testing.T) {
		var body struct{ Response map[string]string }
		if err := json.Unmarshal(key.assert(t), &body); err != nil {
			t.Fatal(err)
		}
		authData, err := idp.DecodeBase64(body.Response["authenticatorData"], -1)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(authData) * 8 {
			changed := bytes.Clone(authData)
			changed[i/8] ^= 1 << (i % 8)
			forged := key.assert(t, set("signature", body.Response["signature"]),
				set("clientDataJSON", body.Response["clientDataJSON"]), set("authenticatorData", b64(changed)))
			if _, err := rp.VerifyAssertion(forged, challenge, key.device(), userHandle); err == nil {
				t.Errorf("bit %d changed: accepted", i)
			}
		}
	})
}

func TestCounter(t *testing.T) {
	key := newKey(t, p256(t))
	for _, c := range []struct {
		name        string
		stored, new uint32
		suspect     bool
		keep        uint32
	}{
		{"A46 10 to 9", 10, 9, true, 10},
		{"Q13 10 to 10", 10, 10, true, 10},
		{"Q13 10 to 11", 10, 11, false, 11},
		{"Q13 0 to 0", 0, 0, false, 0},
		{"Q13 0 to 5", 0, 5, false, 5},
		{"Q13 5 to 0", 5, 0, true, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := key.assert(t, func(f *facts) { f.counter = c.new })
			dev := key.device()
			dev.SignCount = c.stored
			got, err := rp.VerifyAssertion(body, challenge, dev, userHandle)
			if err != nil {
				t.Fatalf("a counter must not lock out: %v", err)
			}
			if got.CloneSuspect != c.suspect || got.SignCount != c.keep {
				t.Errorf("got %+v, want suspect %v, counter %d", got, c.suspect, c.keep)
			}
			got.Record(dev)
			if dev.CloneSuspect != c.suspect || dev.SignCount != c.keep || !bytes.Equal(dev.LastAH, got.ApprovalHash) {
				t.Errorf("recorded %+v", dev)
			}
			again, err := rp.VerifyAssertion(body, challenge, dev, userHandle)
			if err != nil || again.CloneSuspect {
				t.Errorf("the same assertion again is no copy: %+v, %v", again, err)
			}
			again.Record(dev)
			if dev.CloneSuspect != c.suspect {
				t.Error("a repeat must not clear the suspicion")
			}
		})
	}
}

func TestCredentialID(t *testing.T) {
	key := newKey(t, p256(t))
	id, handle, err := passkey.CredentialID(key.assert(t))
	if err != nil || id != b64(key.id) || !bytes.Equal(handle, userHandle) {
		t.Errorf("id %s, handle %x, %v", id, handle, err)
	}
	id, handle, err = passkey.CredentialID(key.assert(t, func(f *facts) { f.response["userHandle"] = nil }))
	if err != nil || id != b64(key.id) || handle != nil {
		t.Errorf("without userHandle: id %s, handle %x, %v", id, handle, err)
	}
	for _, body := range []string{"", "null", "[]", "{}", `{"type":"public-key"}`, `{"type":"public-key","type":"public-key"}`} {
		_, _, err := passkey.CredentialID(json.RawMessage(body))
		wantCode(t, err, idp.BadSignature)
		_, err = passkey.ApprovalHash(json.RawMessage(body))
		wantCode(t, err, idp.BadSignature)
	}
}

func TestLevel(t *testing.T) {
	hardware := idp.Device{Type: passkey.Type, Attested: true}
	with := func(change func(*idp.Device)) *idp.Device {
		d := hardware
		change(&d)
		return &d
	}
	type levels struct{ QR, Same int }
	for name, c := range map[string]struct {
		dev  *idp.Device
		want levels
	}{
		"Q13 device-bound, attested":      {&hardware, levels{10, 30}},
		"Q13 device-bound, copied":        {with(func(d *idp.Device) { d.CloneSuspect = true }), levels{10, 20}},
		"Q13 device-bound, not attested":  {with(func(d *idp.Device) { d.Attested = false }), levels{10, 20}},
		"Q13 synced, attested":            {with(func(d *idp.Device) { d.BackupEligible = true }), levels{10, 20}},
		"Q13 native, whatever it says":    {with(func(d *idp.Device) { d.Type = "device-key" }), levels{10, 10}},
		"Q13 of a type not yet invented?": {with(func(d *idp.Device) { d.Type = "" }), levels{10, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			got := levels{passkey.Level(c.dev, false), passkey.Level(c.dev, true)}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
