package app_test

import (
	"net/http"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// What an application demands is judged again when the sign-in is finished, and
// is refused with the code of what would do.
func TestStrongerPolicyBeforeFinish(t *testing.T) {
	byPhone := func(t *testing.T, i *idptest.IdP) (*idptest.Browser, string) {
		t.Helper()
		i.EnrolledHandset(i.Alice, phoneIP)
		b := i.Browser(screenIP)
		v, _ := i.Approved(b, i.EnrolledHandset(i.Alice, phoneIP)) // on probation
		return b, v.SID
	}
	byPasskey := func(t *testing.T, i *idptest.IdP) (*idptest.Browser, string) {
		t.Helper()
		b, here := browserPasskey(t, i, i.Bob)
		sid, resp := here.passkeyHere(b, b.StartLogin(nil))
		accepted(t, resp, http.StatusOK)
		return b, sid
	}
	byHardware := func(t *testing.T, i *idptest.IdP) (*idptest.Browser, string) {
		t.Helper()
		b, here := hardware(t, i)
		sid, resp := here.passkeyHere(b, b.StartLogin(nil))
		accepted(t, resp, http.StatusOK)
		return b, sid
	}
	for name, c := range map[string]struct {
		approve func(*testing.T, *idptest.IdP) (*idptest.Browser, string)
		change  func(*idp.ServiceProvider)
		want    idp.Code // empty: signed in
	}{
		"a code, then a passkey is demanded":     {byPhone, func(sp *idp.ServiceProvider) { sp.MinACR = idp.ACRPHR }, idp.PolicyPasskeyRequired},
		"a code, then codes are switched off":    {byPhone, func(sp *idp.ServiceProvider) { sp.QRPolicy = idp.QRPolicyOff }, idp.PolicyPasskeyRequired},
		"a code, then hardware is demanded":      {byPhone, func(sp *idp.ServiceProvider) { sp.MinACR = idp.ACRPHRHW }, idp.PolicyPasskeyRequired},
		"a passkey, then hardware is demanded":   {byPasskey, func(sp *idp.ServiceProvider) { sp.MinACR = idp.ACRPHRHW }, idp.DeviceNotStrongEnough},
		"a new phone, then those are refused":    {byPhone, func(sp *idp.ServiceProvider) { sp.RefuseProbation = true }, idp.Probation},
		"a passkey, then codes are switched off": {byPasskey, func(sp *idp.ServiceProvider) { sp.QRPolicy = idp.QRPolicyOff }, ""},
		"hardware, then hardware is demanded":    {byHardware, func(sp *idp.ServiceProvider) { sp.MinACR = idp.ACRPHRHW }, ""},
		"an old phone, then new ones are refused": {func(t *testing.T, i *idptest.IdP) (*idptest.Browser, string) {
			t.Helper()
			b := i.Browser(screenIP)
			v, _ := i.Approved(b, i.EnrolledHandset(i.Alice, phoneIP))
			return b, v.SID
		}, func(sp *idp.ServiceProvider) { sp.RefuseProbation = true }, ""},
	} {
		t.Run("P11 "+name, func(t *testing.T) {
			i := idptest.New(t)
			b, sid := c.approve(t, i)
			i.UpdateSP("https://sp-b.test", c.change)
			resp := b.Finish(sid, idptest.RandomKey())
			if c.want == "" {
				assertionID(t, resp)
				return
			}
			if resp.StatusCode != c.want.Info().Status {
				t.Errorf("status %d", resp.StatusCode)
			}
			if got := finishRejected(i); got != string(c.want) {
				t.Errorf("refused with %q, want %q", got, c.want)
			}
		})
	}
}

// finishRejected is the reason of the last finish that was refused.
func finishRejected(i *idptest.IdP) (reason string) {
	for _, e := range i.Audit() {
		if e.Event == idp.AuditFinishRejected {
			reason = e.Detail["reason"]
		}
	}
	return reason
}

// A passkey that is stronger than the request allows is not called too weak.
func TestTooStrongForTheRequest(t *testing.T) {
	for name, change := range map[string]func(*idp.ServiceProvider){
		"a code would do":                 func(*idp.ServiceProvider) {},
		"nothing would do":                func(sp *idp.ServiceProvider) { sp.QRPolicy = idp.QRPolicyOff },
		"nothing would do, not even more": func(sp *idp.ServiceProvider) { sp.MinACR = idp.ACRPHRHW },
	} {
		t.Run("P11 "+name, func(t *testing.T) {
			i := idptest.New(t)
			i.UpdateSP("https://sp-b.test", change)
			b, here := browserPasskey(t, i, i.Bob)
			_, resp := here.passkeyHere(b, b.StartLogin(requested("maximum", idp.ACRQR)))
			if p := idptest.ReadProblem(t, resp); p.Code != idp.SAMLRefused {
				t.Errorf("%s %s", p.Code, p.Detail)
			}
		})
	}
}
