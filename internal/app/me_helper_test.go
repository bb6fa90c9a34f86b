package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// send makes a call as the pages' scripts do and returns status and body.
func (p *webPhone) send(method, path string, body any, header ...string) (int, string) {
	p.t.Helper()
	raw := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		raw = string(b)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, idptest.Base+path, strings.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		r.Header.Set("X-Requested-By", "latchkey")
		r.Header.Set("Origin", idptest.Base)
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	resp, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, idptest.Body(p.t, resp)
}

// want is send with an expected status; it decodes the answer.
func want[T any](p *webPhone, method, path string, body any, status int) (out T) {
	p.t.Helper()
	got, text := p.send(method, path, body)
	if got != status {
		p.t.Fatalf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			p.t.Fatal(err)
		}
	}
	return out
}

type problem struct {
	Code   idp.Code
	Detail string
}

// refused expects a call to be refused with a code.
func (p *webPhone) refused(method, path string, body any, code idp.Code) {
	p.t.Helper()
	status, text := p.send(method, path, body)
	var got problem
	if err := json.Unmarshal([]byte(text), &got); err != nil || status < 400 || got.Code != code {
		p.t.Errorf("%s %s: %d %s, want %s", method, path, status, text, code)
	}
}

// answer signs what a call for options answered.
func (p *webPhone) answer(options string) json.RawMessage {
	p.t.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		p.t.Fatal(err)
	}
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(p.rp, p.auth, p.cred, *parsed))
}

// stepUp checks the person in this browser.
func (p *webPhone) stepUp() {
	p.t.Helper()
	_, options := p.send("POST", "/v1/me/stepup/options", map[string]any{})
	want[any](p, "POST", "/v1/me/stepup", map[string]any{"assertion": p.answer(options)}, http.StatusOK)
}

// atHome is a phone that is set up and signed in to its person's own pages.
func atHome(t *testing.T, i *idptest.IdP, u *idp.User, ip string) *webPhone {
	t.Helper()
	p := newWebPhone(t, i, ip, u)
	p.enroll(i.Invite(u))
	p.stepUp()
	return p
}

// register goes on after an enrollment was opened.
func (p *webPhone) register(name string, status int) (id, state, text string) {
	p.t.Helper()
	_, options := p.send("POST", "/v1/enroll/options", map[string]string{"type": "webauthn"})
	parsed, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil {
		p.t.Fatalf("%s: %v", options, err)
	}
	body := map[string]any{"type": "webauthn", "name": name, "attestation": json.RawMessage(virtualwebauthn.CreateAttestationResponse(p.rp, p.auth, p.cred, *parsed))}
	p.finish = body
	got, text := p.send("POST", "/v1/enroll/finish", body)
	if got != status {
		p.t.Fatalf("finish: %d %s, want %d", got, text, status)
	}
	var done struct {
		DeviceID string `json:"device_id"`
		State    string
	}
	_ = json.Unmarshal([]byte(text), &done)
	if got == http.StatusCreated {
		p.device = done.DeviceID
		p.auth.AddCredential(p.cred)
	}
	return done.DeviceID, done.State, text
}

func tokenOf(t *testing.T, link string) map[string]string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"token": u.Fragment}
}

// cookie is a cookie of the phone's browser.
func (p *webPhone) cookie(name string) string {
	p.t.Helper()
	base, err := url.Parse(idptest.Base)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range p.http.Jar.Cookies(base) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// with is a browser that has nothing but one stolen cookie.
func (p *webPhone) with(name, value string) *webPhone {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	base, err := url.Parse(idptest.Base)
	if err != nil {
		p.t.Fatal(err)
	}
	jar.SetCookies(base, []*http.Cookie{{Name: name, Value: value, Secure: true, Path: "/"}})
	other := *p
	client := *p.http
	client.Jar = jar
	other.http = &client
	return &other
}
