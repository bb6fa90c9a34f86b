//go:build browser

package pages_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

const inviteToken = "AAECAwQFBgcICQoLDA0ODw"

// fakeEnroll plays the server side of approval-protocol.md 15.3 for one
// invite.
type fakeEnroll struct {
	*httptest.Server
	origin string

	mu        sync.Mutex
	challenge []byte
	exclude   []string
	inviter   string
	probation bool
	state     string // of the device, where an old one has to vouch for it
	name      string // of the device
	cred      string // id of the passkey
	tested    bool
	refuse    map[string]problem // by action: redeem, options, finish, stepup
	calls     []string
	wrong     []string
}

// attestation is RegistrationResponseJSON (WebAuthn Level 3, 5.1.8).
type attestation struct {
	ID       string `json:"id"`
	RawID    string `json:"rawId"`
	Type     string `json:"type"`
	Response struct {
		ClientDataJSON    string   `json:"clientDataJSON"`
		AttestationObject string   `json:"attestationObject"`
		Transports        []string `json:"transports"`
	} `json:"response"`
	ClientExtensionResults map[string]any `json:"clientExtensionResults"`
}

func newFakeEnroll(t *testing.T) *fakeEnroll {
	t.Helper()
	a, err := assets.New(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages.New(a, catalog(t), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeEnroll{challenge: bytes.Repeat([]byte{0x5a}, 32), inviter: "Maja Novak", refuse: map[string]problem{}}
	mux := http.NewServeMux()
	mux.Handle("/assets/", a.Handler())
	mux.HandleFunc("GET /manifest.webmanifest", manifest)
	mux.HandleFunc("GET /e", func(w http.ResponseWriter, r *http.Request) {
		report(t, p.Enroll(w, pages.EnrollPage{Frame: pageFrame(t), Host: "id.example.com", TestSignIn: r.URL.Query().Has("try")}))
	})
	mux.HandleFunc("POST /v1/enroll/redeem", f.step("redeem", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Token string }
		if f.read(r, &body); body.Token != inviteToken {
			fail(w, problem{status: 404, code: "invite_unknown"})
			return
		}
		reply(w, map[string]any{"user": map[string]string{"display": "Ana Kovač"}, "invited_by": f.inviter, "needs": []string{}, "policy": map[string]any{"types": []string{"webauthn"}, "attestation": "none"}})
	}))
	mux.HandleFunc("POST /v1/enroll/recovery", f.step("recovery", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"user": map[string]string{"display": "Ana Kovač"}, "invited_by": "", "needs": []string{}, "binding": "recovery"})
	}))
	mux.HandleFunc("POST /v1/enroll/options", f.step("options", f.options))
	mux.HandleFunc("POST /v1/enroll/finish", f.step("finish", f.finish))
	mux.HandleFunc("POST /v1/me/stepup/options", f.step("stepup options", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"challenge": base64url(f.challenge), "rpId": rpID, "userVerification": "required", "timeout": 60_000, "allowCredentials": []any{}})
	}))
	mux.HandleFunc("POST /v1/me/stepup", f.step("stepup", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Assertion assertion }
		f.read(r, &body)
		f.tested = body.Assertion.ID == f.cred
		reply(w, map[string]any{})
	}))
	f.Server = httptest.NewServer(mux)
	f.origin = strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	t.Cleanup(func() {
		f.Close()
		for _, w := range f.wrong {
			t.Error("the page sent", w)
		}
	})
	return f
}

// step makes the handler of one call of the enrollment.
func (f *fakeEnroll) step(action string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, action)
		if r.Header.Get("X-Requested-By") != "latchkey" {
			f.wrong = append(f.wrong, action+" without X-Requested-By")
		}
		if p, refused := f.refuse[action]; refused {
			fail(w, p)
			return
		}
		next(w, r)
	}
}

func (f *fakeEnroll) read(r *http.Request, v any) {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		f.wrong = append(f.wrong, err.Error())
	}
}

// options are those of 11.2, step 3.
func (f *fakeEnroll) options(w http.ResponseWriter, r *http.Request) {
	var body struct{ Type string }
	if f.read(r, &body); body.Type != "webauthn" {
		f.wrong = append(f.wrong, "type "+body.Type)
	}
	exclude := []map[string]string{}
	for _, id := range f.exclude {
		exclude = append(exclude, map[string]string{"type": "public-key", "id": id})
	}
	reply(w, map[string]any{
		"rp":        map[string]string{"id": rpID, "name": "Latchkey"},
		"user":      map[string]string{"id": base64url([]byte("user-00000000001")), "name": "ana", "displayName": "Ana Kovač"},
		"challenge": base64url(f.challenge), "timeout": 60_000, "attestation": "none", "hints": []string{"client-device"},
		"pubKeyCredParams":       []map[string]any{{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -257}, {"type": "public-key", "alg": -8}},
		"authenticatorSelection": map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "required", "authenticatorAttachment": "platform"},
		"excludeCredentials":     exclude,
		"extensions":             map[string]any{"credProps": true},
	})
}

func (f *fakeEnroll) finish(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Type, Name  string
		Attestation attestation
	}
	f.read(r, &body)
	if err := f.verify(body.Attestation); err != nil || body.Type != "webauthn" || body.Name == "" {
		f.wrong = append(f.wrong, fmt.Sprintf("type %q, name %q, %v", body.Type, body.Name, err))
	}
	f.name, f.cred = body.Name, body.Attestation.ID
	answer := map[string]any{"device_id": "D1", "state": "active"}
	if f.probation {
		answer = map[string]any{"device_id": "D1", "state": "probation", "probation_until": time.Now().Add(24 * time.Hour).Unix()}
	}
	if f.state != "" {
		answer["state"] = f.state
	}
	w.WriteHeader(http.StatusCreated)
	reply(w, answer)
}

func (f *fakeEnroll) verify(a attestation) error {
	var client struct{ Type, Challenge, Origin string }
	if err := json.Unmarshal(unbase64(a.Response.ClientDataJSON), &client); err != nil {
		return err
	}
	rp := sha256.Sum256([]byte(rpID))
	props, _ := a.ClientExtensionResults["credProps"].(map[string]any)
	switch {
	case client.Type != "webauthn.create" || client.Challenge != base64url(f.challenge) || client.Origin != f.origin:
		return fmt.Errorf("client data %+v", client)
	case a.Type != "public-key" || a.ID != a.RawID || len(a.Response.Transports) == 0:
		return fmt.Errorf("credential %+v", a)
	case !bytes.Contains(unbase64(a.Response.AttestationObject), rp[:]):
		return fmt.Errorf("attestation object without the RP's hash")
	case props["rk"] != true:
		return fmt.Errorf("extension results %v", a.ClientExtensionResults)
	}
	return nil
}

func (f *fakeEnroll) set(edit func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit()
}

func (f *fakeEnroll) called() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, ", ")
}
