package passkey_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
)

// jsonOf normalizes JSON for comparison.
func jsonOf(t *testing.T, v any) map[string]any {
	t.Helper()
	b, err := json.Marshal(v)
	if s, ok := v.(string); ok {
		b, err = []byte(s), nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCreationOptions(t *testing.T) {
	user := passkey.User{Handle: userHandle, Name: "ana@example.com", Display: "Ana Kovač"}
	exclude := passkey.Describe([]idp.Device{
		{ID: "AAAA", Type: "webauthn", State: idp.DeviceActive, Transports: []string{"internal"}},
		{ID: "BBBB", Type: "webauthn", State: idp.DeviceRevoked},
		{ID: "CCCC", Type: "device-key", State: idp.DeviceActive},
		{ID: "DDDD", Type: "webauthn", State: idp.DeviceProbation},
	})
	const platform = `{
		"rp": {"id": "id.example.com", "name": "Latchkey"},
		"user": {"id": "MDEyMzQ1Njc4OWFiY2RlZg", "name": "ana@example.com", "displayName": "Ana Kovač"},
		"challenge": "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcU",
		"pubKeyCredParams": [
			{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -257}, {"type": "public-key", "alg": -8}],
		"timeout": 120000,
		"excludeCredentials": [{"type": "public-key", "id": "AAAA", "transports": ["internal"]}, {"type": "public-key", "id": "DDDD"}],
		"authenticatorSelection": {"residentKey": "required", "userVerification": "required", "authenticatorAttachment": "platform"},
		"hints": ["client-device"],
		"attestation": "none",
		"extensions": {"credProps": true}}`

	got := jsonOf(t, rp.CreationOptions(user, exclude, challenge, passkey.None, 2*time.Minute))
	if diff := cmp.Diff(jsonOf(t, platform), got); diff != "" {
		t.Error(diff)
	}

	bound := jsonOf(t, rp.CreationOptions(user, nil, challenge, passkey.DeviceBound, time.Hour))
	selection := map[string]any{"residentKey": "required", "userVerification": "required"}
	if diff := cmp.Diff(selection, bound["authenticatorSelection"]); diff != "" {
		t.Errorf("device_bound: %s", diff)
	}
	if bound["attestation"] != "direct" || bound["timeout"] != 300_000.0 {
		t.Errorf("device_bound: attestation %v, timeout %v", bound["attestation"], bound["timeout"])
	}
	if diff := cmp.Diff([]any{}, bound["excludeCredentials"]); diff != "" {
		t.Errorf("nothing to exclude: %s", diff)
	}
}

func TestRequestOptions(t *testing.T) {
	const want = `{
		"challenge": "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcU",
		"rpId": "id.example.com",
		"allowCredentials": [],
		"userVerification": "required",
		"hints": ["client-device"],
		"timeout": 60000}`
	if diff := cmp.Diff(jsonOf(t, want), jsonOf(t, rp.RequestOptions(challenge, time.Minute, nil))); diff != "" {
		t.Error(diff)
	}
	got := rp.RequestOptions(challenge, -time.Second, []passkey.Descriptor{{Type: "public-key", ID: "AAAA"}}, passkey.HintHybrid)
	if got.Timeout != 0 || len(got.AllowCredentials) != 1 || got.Hints[0] != "hybrid" || len(got.Hints) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestNewRP(t *testing.T) {
	for origin, id := range map[string]string{
		"https://id.example.com":      "id.example.com",
		"https://id.example.com:8443": "id.example.com",
		"http://localhost:8080":       "localhost",
		"https://localhost":           "localhost",

		"http://id.example.com":           "",
		"https://id.example.com/":         "",
		"https://id.example.com/idp":      "",
		"https://id.example.com?a":        "",
		"https://id.example.com#a":        "",
		"https://ana@id.example.com":      "",
		"https://ID.example.com":          "",
		"https://id.example.com:443":      "",
		"http://localhost:80":             "",
		"https://127.0.0.1":               "",
		"https://[::1]:8443":              "",
		"https://":                        "",
		"id.example.com":                  "",
		"":                                "",
		"http://localhost.evil.example:1": "",
	} {
		got, err := passkey.NewRP(origin, "Latchkey")
		want := passkey.RP{ID: id, Origin: origin, Name: "Latchkey"}
		if id == "" {
			want = passkey.RP{}
		}
		if got != want || (err != nil) != (id == "") {
			t.Errorf("%q: %+v, %v", origin, got, err)
		}
	}
}
