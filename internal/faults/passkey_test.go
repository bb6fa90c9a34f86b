package faults_test

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// authenticator is what holds the person's passkey.
type authenticator struct {
	rp       virtualwebauthn.RelyingParty
	auth     virtualwebauthn.Authenticator
	cred     virtualwebauthn.Credential
	deviceID string
}

// addPasskey registers a passkey of the person, in the browser at hand.
func (c *course) addPasskey() {
	c.t.Helper()
	handle, err := idp.DecodeBase32(c.user.ID, 16)
	must(c.t, err)
	a := &authenticator{
		rp:   virtualwebauthn.RelyingParty{ID: "idp.test", Name: "Latchkey", Origin: idptest.Base},
		auth: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: handle, BackupEligible: true}),
		cred: virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2),
	}
	for len(a.cred.Key.AttestationData()) != 77 { // the library drops a coordinate's leading zeros
		a.cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	fresh := c.Handset(c.address(8))
	fresh.Redeem(c.Invite(c.user))
	options, err := virtualwebauthn.ParseAttestationOptions(idptest.Body(c.t, fresh.Call("/v1/enroll/options", map[string]string{"type": "webauthn"})))
	must(c.t, err)
	made := fresh.Call("/v1/enroll/finish", map[string]any{
		"type": "webauthn", "name": "Laptop", "attestation": json.RawMessage(virtualwebauthn.CreateAttestationResponse(a.rp, a.auth, a.cred, *options)),
	})
	a.deviceID = idptest.Decode[idptest.Enrolled](c.t, made).DeviceID
	a.auth.AddCredential(a.cred)
	c.passkey = a
}

// answers is the assertion over the challenge of some options.
func (c *course) answers(options *http.Response) map[string]any {
	c.t.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(idptest.Body(c.t, options))
	must(c.t, err)
	return map[string]any{"assertion": json.RawMessage(virtualwebauthn.CreateAssertionResponse(c.passkey.rp, c.passkey.auth, c.passkey.cred, *parsed))}
}

// signInHere is a sign-in with the passkey of the browser's own computer.
func (c *course) signInHere() {
	c.t.Helper()
	v := c.ask()
	path := "/v1/login/sessions/" + v.SID + "/passkey"
	body := c.answers(c.step("passkey options", http.StatusOK, func() *http.Response { return c.browser.API(path+"/options", map[string]any{}) }))
	c.step("passkey", http.StatusOK, func() *http.Response { return c.browser.API(path, body) })
	c.decided = idp.StateApproved
	c.finish(v)
}

// stepUp checks the person in the browser, by a new challenge each time: an
// answer counts once.
func (c *course) stepUp() {
	c.t.Helper()
	c.step("step-up", http.StatusOK, func() *http.Response {
		options := c.browser.API("/v1/me/stepup/options", map[string]any{})
		if options.StatusCode != http.StatusOK {
			return options
		}
		return c.browser.API("/v1/me/stepup", c.answers(options))
	})
}

// own makes a call of the person's own pages.
func (c *course) own(name, method, path string, want int, body any, done ...int) *http.Response {
	c.t.Helper()
	return c.step(name, want, func() *http.Response {
		raw, err := json.Marshal(body)
		must(c.t, err)
		r, err := http.NewRequestWithContext(c.t.Context(), method, idptest.Base+"/v1/me"+path, bytes.NewReader(raw))
		must(c.t, err)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if method != http.MethodGet {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Requested-By", "latchkey")
			r.Header.Set("Origin", idptest.Base)
		}
		return c.browser.Do(r, true)
	}, done...)
}
