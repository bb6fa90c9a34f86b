package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// rareFlows touch what a plain sign-in does not.
func rareFlows(t *testing.T, d *deployment) {
	b, h, bob := d.Browser(address()), d.EnrolledHandset(d.Alice, address()), d.EnrolledHandset(d.Bob, address())
	signIn := func(h *idptest.Handset, location string) *http.Response {
		t.Helper()
		v := b.Login(location)
		h.NewClaim()
		c := h.MustScan(v.Frames[0].URL)
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		key := idptest.RandomKey()
		assertionID(t, b.Finish(v.SID, key))
		return b.Finish(v.SID, key) // a lost answer
	}
	signIn(bob, b.StartLogin(nil))
	assertionID(t, signIn(h, b.StartLogin(func(r *samltest.Request) { // takes the browser over
		r.Children = `<saml:Subject><saml:NameID Format="` + idp.NameIDEmail + `">` + d.Alice.Email + `</saml:NameID></saml:Subject>`
	})))

	_, c := d.Scanned(d.Browser(address()), h)
	refused(t, h.Approve(c.SID, h.SignText(h.Pop, c.ToSign())), http.StatusUnprocessableEntity, idp.UVRequired)

	twice := d.Handset(address()) // a new key beside one that is registered
	twice.Pop = h.Pop
	accepted(t, twice.Redeem(d.Invite(d.Alice)), http.StatusOK)
	refused(t, twice.Call("/v1/enroll/finish", twice.EnrollBody(twice.Challenge())), http.StatusConflict, idp.AlreadyRegistered)

	here, p := browserPasskey(t, d.IdP, d.Alice)
	v := here.Login(here.StartLogin(func(r *samltest.Request) {
		r.Children = `<saml:Subject><saml:NameID Format="` + idp.NameIDEmail + `">` + d.Alice.Email + `</saml:NameID></saml:Subject>`
	}))
	accepted(t, here.API("/v1/login/sessions/"+v.SID+"/passkey", map[string]any{"assertion": p.assert(here, v.SID)}), http.StatusOK)

	d.UpdateSP(samltest.B().EntityID, func(sp *idp.ServiceProvider) {
		sp.AttributeServices = []idp.AttributeService{{Requested: []idp.RequestedAttribute{{Name: "sn"}}}}
	})
	d.cloud.Recycle("sso") // it may remember service providers
	signIn(h, b.StartLogin(nil))
	d.UpdateSP(samltest.B().EntityID, func(sp *idp.ServiceProvider) { sp.AttributeServices = nil })

	plain := d.Browser(address()) // posted twice
	location := plain.StartLogin(nil)
	if at := plainLogin(t, plain, location); plainLogin(t, plain, location) != at {
		t.Error("two sessions for one login")
	}

	// A session that was not used for a while: whoever meets it notes that it is.
	for _, path := range []string{"/apps", "/saml/slo", "/v1/me"} {
		sessions, err := d.Store.SSOSessions(t.Context(), d.Alice.ID)
		must(t, err)
		for _, s := range sessions {
			s.LastUsedAt = s.LastUsedAt.Add(-time.Hour)
			must(t, d.Store.PutSSOSession(t.Context(), &s))
		}
		accepted(t, b.Get(path), http.StatusOK)
	}
}
