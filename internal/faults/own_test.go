package faults_test

import (
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// atHome is a person who is signed in to an application in one browser, has
// agreed to something, and opens the own pages in another, by a passkey.
func (c *course) atHome() {
	c.t.Helper()
	c.signIn()
	c.addPasskey()
	must(c.t, c.w.store.SaveConsent(c.t.Context(), c.user.ID, &idp.Consent{SP: samltest.A().EntityID, Names: []string{"mail"}}))
	c.browser = c.Browser(c.address(9))
}

// lookAfter is what a person does on the own pages.
func (c *course) lookAfter() {
	c.t.Helper()
	sessions, err := c.w.store.SSOSessions(c.t.Context(), c.user.ID)
	must(c.t, err)
	c.stepUp()
	for _, path := range []string{"", "/devices", "/activity", "/sessions", "/consents", "/app-passwords"} {
		c.own("look at "+path, "GET", path, http.StatusOK, nil)
	}
	c.own("rename", "PATCH", "/devices/"+c.phone.DeviceID, http.StatusOK, map[string]string{"name": "Old phone"})
	if d, err := c.w.store.Device(c.t.Context(), c.phone.DeviceID); err != nil || d.Name != "Old phone" {
		c.t.Errorf("told renamed: %+v, %v", d, err)
	}
	c.own("withdraw", "DELETE", "/consents/"+idp.ConsentID(samltest.A().EntityID), http.StatusNoContent, struct{}{}, http.StatusNotFound)
	if _, err := c.w.store.Consent(c.t.Context(), c.user.ID, samltest.A().EntityID); !errors.Is(err, store.ErrNotFound) {
		c.t.Errorf("told withdrawn: %v", err)
	}
	c.own("end session", "DELETE", "/sessions/"+sessions[0].SID, http.StatusNoContent, struct{}{})
	if _, err := c.w.store.SSOSession(c.t.Context(), c.user.ID, sessions[0].SID); !errors.Is(err, store.ErrNotFound) {
		c.t.Errorf("told ended: %v", err)
	}
}

// replaceSecrets makes what a person is shown once; it works.
func (c *course) replaceSecrets() {
	c.t.Helper()
	c.stepUp()
	if c.rivals == nil { // of two lists of codes the later counts, so who acts meanwhile makes none
		c.rivals = map[string]func(){"codes": func() { _ = idptest.Body(c.t, c.browser.Get("/me")) }}
	}
	codes := idptest.Decode[struct{ Codes []string }](c.t, c.own("codes", "POST", "/recovery-codes", http.StatusCreated, struct{}{})).Codes
	made := idptest.Decode[struct{ ID, Password string }](c.t, c.own("app password", "POST", "/app-passwords", http.StatusCreated,
		map[string]string{"app": samltest.B().Slug, "name": "Backup"}))
	c.password = made.Password
	c.program()
	c.own("app password ends", "DELETE", "/app-passwords/"+made.ID, http.StatusNoContent, struct{}{}, http.StatusNotFound)
	if _, err := c.w.store.AppPassword(c.t.Context(), c.user.ID, made.ID); !errors.Is(err, store.ErrNotFound) {
		c.t.Errorf("told ended: %v", err)
	}
	lost := c.Handset(c.address(10))
	recovering := func(code string) func() *http.Response {
		return func() *http.Response {
			return lost.Call("/v1/enroll/recovery", map[string]string{"login": c.user.Email, "code": code})
		}
	}
	if c.step("recovery", http.StatusOK, recovering(codes[0]), http.StatusUnprocessableEntity).StatusCode != http.StatusOK {
		c.step("recovery by the next code", http.StatusOK, recovering(codes[1])) // the first was used, and nobody heard of it
	}
}

// losePhone is a person who revokes a phone.
func (c *course) losePhone() {
	c.t.Helper()
	c.stepUp()
	c.own("revoke", "DELETE", "/devices/"+c.phone.DeviceID, http.StatusNoContent, struct{}{})
}

// lostPhone: a phone that was told to be revoked is, and lets nobody in.
func (c *course) lostPhone() {
	c.t.Helper()
	if d, err := c.w.store.Device(c.t.Context(), c.phone.DeviceID); err != nil || d.State != idp.DeviceRevoked {
		c.t.Errorf("told revoked: %+v, %v", d, err)
	}
	c.fault = nil
	q := c.scan(c.ask())
	if resp := c.phone.Approve(q.SID, c.phone.Sign(q)); resp.StatusCode == http.StatusOK {
		c.t.Error("a revoked phone approved")
	}
	sessions, err := c.w.store.SSOSessions(c.t.Context(), c.user.ID)
	must(c.t, err)
	for _, s := range sessions {
		if s.CredentialID == c.phone.DeviceID {
			c.t.Errorf("session %s rests on a phone that was revoked", s.SID)
		}
	}
	c.phone = c.EnrolledHandset(c.user, c.address(11)) // for the next sign-in
}
