package faults_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// flow is something that people, programs or administrators do.
type flow struct {
	name    string
	prepare func(*course) // what was before; nothing fails
	run     func(*course) // each call of AWS in it meets the faults
	holds   func(*course) // what is true of it afterwards, besides what is always
}

func nothing(*course) {}

var flows = slices.Concat(often, seldom)

var often = []flow{
	{"sign-in", nothing, (*course).signIn, (*course).signedIn},
	{"sign-in in a known browser", func(c *course) { c.signIn(); c.browser.DropSession() }, (*course).signIn, (*course).signedIn},
	{"deny", nothing, (*course).deny, (*course).saidNo},
	{"cancel", nothing, (*course).cancel, (*course).saidNo},
	{"second application", (*course).signIn, (*course).goOn, (*course).signedIn},
	{"logout by the person", (*course).visit, (*course).leave, (*course).signedOut},
	{"logout by an application", (*course).visit, (*course).askedToLeave, (*course).signedOut},
	{"logout by SOAP", (*course).visit, (*course).calledToLeave, (*course).signedOut},
	{"enrollment", nothing, (*course).enroll, nothing},
	{"administration", nothing, (*course).administer, nothing},
	{"metadata", nothing, (*course).metadata, nothing},
	{"key rollover", (*course).oneKey, (*course).rollKeys, nothing},
	{"WS-Federation", nothing, (*course).wsfed, (*course).signedIn},
	{"program", (*course).appPassword, (*course).program, nothing},
	{"start from the launchpad", (*course).signIn, (*course).launch, (*course).signedIn},
}

// seldom are flows whose own places meet one of three faults without -soak.
var seldom = []flow{
	{"sign-in with a passkey", (*course).addPasskey, (*course).signInHere, (*course).signedIn},
	{"sign-in without script", nothing, (*course).signInPlainly, (*course).signedIn},
	{"consent", (*course).mustAsk, (*course).consent, (*course).consented},
	{"no consent", (*course).mustAsk, (*course).refuseConsent, (*course).refusedConsent},
	{"own pages", (*course).atHome, (*course).lookAfter, nothing},
	{"recovery codes and app passwords", (*course).addPasskey, (*course).replaceSecrets, nothing},
	{"metadata refresh", (*course).published, (*course).refresh, (*course).refreshed},
	{"audit", (*course).anHour, (*course).verify, (*course).verified},
	{"revoked phone", (*course).atHome, (*course).losePhone, (*course).lostPhone},
}

// deny is the person's no on the phone.
func (c *course) deny() {
	c.t.Helper()
	v := c.ask()
	q := c.scan(v)
	c.step("deny", http.StatusOK, func() *http.Response { return c.phone.Deny(q.SID, "not_me") })
	c.decided = idp.StateDenied
	if got := c.poll(v.SID); got.Status != idp.StateDenied {
		c.t.Errorf("after the no the page is told %+v", got)
	}
	c.toldNo(v, q)
}

// cancel is the person's no on the screen, after the phone has claimed.
func (c *course) cancel() {
	c.t.Helper()
	v := c.ask()
	q := c.scan(v)
	c.step("cancel", http.StatusOK, func() *http.Response {
		return c.browser.API("/v1/login/sessions/"+v.SID+"/cancel", map[string]any{})
	})
	c.decided = idp.StateCancelled
	c.toldNo(v, q)
}

// toldNo: no yes comes after a no, and the application is told.
func (c *course) toldNo(v idptest.View, q idptest.Claimed) {
	c.t.Helper()
	jws := c.phone.Sign(q)
	c.step("approve after the no", http.StatusConflict, func() *http.Response { return c.phone.Approve(q.SID, jws) })
	key := idptest.RandomKey()
	page := c.step("decline", http.StatusOK, func() *http.Response {
		return c.browser.PostForm("/login/finish", url.Values{"sid": {v.SID}, "finish_key": {key}})
	})
	if p := idptest.ReadPost(c.t, page); strings.Contains(string(p.SAMLResponse), "<saml:Assertion") || strings.Contains(string(p.SAMLResponse), "status:Success") {
		c.t.Errorf("after a no: %s", p.SAMLResponse)
	}
}
