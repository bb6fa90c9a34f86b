package passkey_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
)

// resend puts other client data and another binary member into a credential's
// JSON, so that the fuzzer works below base64 too; empty ones stay.
func resend(t *testing.T, body, clientData []byte, member string, data []byte) json.RawMessage {
	t.Helper()
	var outer struct {
		ID       string            `json:"id"`
		RawID    string            `json:"rawId"`
		Type     string            `json:"type"`
		Response map[string]string `json:"response"`
	}
	if json.Unmarshal(body, &outer) != nil || outer.Response == nil {
		return body
	}
	if len(clientData) > 0 {
		outer.Response["clientDataJSON"] = b64(clientData)
	}
	if len(data) > 0 {
		outer.Response[member] = b64(data)
	}
	out, err := json.Marshal(outer)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzAssertion(f *testing.F) {
	key := newKey(f, vectorKey(f))
	dev := key.device()
	good := key.assert(f)
	want, err := passkey.ApprovalHash(good)
	if err != nil {
		f.Fatal(err)
	}
	facts := defaults("webauthn.get")
	f.Add([]byte(good), []byte(nil), []byte(nil))
	f.Add([]byte(good), facts.clientDataJSON(), facts.authenticatorData())
	facts.flags |= at | ed
	facts.tail = append(key.attestedData(f), encode(f, map[string]any{"credProtect": 2, "hmac-secret": []byte{1}})...)
	f.Add([]byte(good), []byte(`{"type":"webauthn.get","type":1}`), facts.authenticatorData())
	f.Add([]byte(`{"id":"","rawId":null,"type":"public-key","response":{"userHandle":null}}`), []byte("{"), []byte{0})
	f.Fuzz(func(t *testing.T, body, clientData, authData []byte) {
		sent := resend(t, body, clientData, "authenticatorData", authData)
		for _, body := range []json.RawMessage{body, sent} {
			result, err := rp.VerifyAssertion(body, challenge, dev, userHandle)
			// Only the signature's own other form (r, n-s) could have another hash,
			// and the fuzzer cannot find it.
			if err == nil && string(result.ApprovalHash) != string(want) {
				t.Fatalf("accepted something else: %s", body)
			}
			if code := idp.CodeOf(err); code == idp.Internal || code == idp.BadRequest {
				t.Fatalf("refused with %v: %s", err, body)
			}
		}
	})
}

func FuzzRegistration(f *testing.F) {
	key := newKey(f, vectorKey(f))
	self := func(signed []byte) (string, map[string]any) {
		return "packed", map[string]any{"alg": -7, "sig": key.sign(f, signed)}
	}
	facts := defaults("webauthn.create")
	for _, statement := range []attest{nil, self} {
		f.Add([]byte(key.register(f, statement)), facts.clientDataJSON(), []byte(nil))
	}
	var file w3cFile
	if err := json.Unmarshal(w3c, &file); err != nil {
		f.Fatal(err)
	}
	theirs := sha256.Sum256([]byte("example.org"))
	ours := sha256.Sum256([]byte(rp.ID))
	for _, v := range file.Vectors { // every format of statement, past the checks that come before it
		_, rest, ok := bytes.Cut(v.Create.AttestationObject, theirs[:])
		if !ok {
			f.Fatal("vector is of another RP")
		}
		object := bytes.Replace(v.Create.AttestationObject, theirs[:], ours[:], 1)
		object[len(object)-len(rest)] = up | uv | at
		f.Add([]byte(facts.body(f, v.CredentialID, map[string]any{})), facts.clientDataJSON(), object)
	}
	f.Fuzz(func(t *testing.T, body, clientData, object []byte) {
		sent := resend(t, body, clientData, "attestationObject", object)
		for _, policy := range []passkey.Attestation{{}, {Policy: passkey.DeviceBound}} {
			dev, err := rp.VerifyRegistration(sent, challenge, policy)
			switch {
			case idp.CodeOf(err) == idp.Internal:
				t.Fatalf("refused with %v: %s", err, sent)
			case err != nil:
			case dev.ID == "" || dev.Type != passkey.Type || len(dev.AAGUID) != 36 || dev.BackupState && !dev.BackupEligible:
				t.Fatalf("accepted %+v: %s", dev, sent)
			case policy.Policy == passkey.DeviceBound:
				t.Fatalf("attested without a root: %s", sent)
			}
		}
	})
}
