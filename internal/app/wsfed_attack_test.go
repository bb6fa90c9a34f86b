package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestWSFedRefusals: nothing in a request is authentic, so that whatever is
// wrong with it stays with us, and nothing of it is shown.
func TestWSFedRefusals(t *testing.T) {
	g := idptest.Guard(t)
	withWSFed(g.IdP)
	for name, c := range map[string]struct {
		address string
		reason  idp.Reason
	}{
		"P2 unregistered wreply":        {wsfed(portal, "wreply=https%3A%2F%2Fcanary.test%2F"), idp.ACSUnregistered},
		"P2 wreply of another":          {wsfed(portal, "wreply=https%3A%2F%2Fwiki.test%2F"), idp.ACSUnregistered},
		"P2 wreply with the prefix":     {wsfed(portal, "wreply=https%3A%2F%2Fportal.test%2F_trust%2Fcanary"), idp.ACSUnregistered},
		"P2 wreply that is the prefix":  {wsfed(portal, "wreply=https%3A%2F%2Fportal.test%2F_trust"), idp.ACSUnregistered},
		"P2 wreply with a user":         {wsfed(portal, "wreply=https%3A%2F%2Fportal.test%40canary.test%2F_trust%2F"), idp.ACSUnregistered},
		"P4 wreply of a script":         {wsfed(portal, "wreply=javascript%3Aalert(1)"), idp.ACSUnregistered},
		"unknown realm":                 {wsfed("urn:canary", ""), idp.SPUnknown},
		"realm with another case":       {wsfed("URN:sharepoint:portal", ""), idp.SPUnknown},
		"realm with a slash":            {wsfed(portal+"/", ""), idp.SPUnknown},
		"service provider of SAML":      {wsfed("https://sp-b.test", ""), idp.SPProtocol},
		"the same with its ACS":         {wsfed("https://sp-b.test", "wreply=https%3A%2F%2Fsp-b.test%2Facs"), idp.SPProtocol},
		"WS-Federation by SAML":         {"/saml/sso?" + samlQuery(g.IdP, portal, portalReply), idp.SPProtocol},
		"the same without ACS":          {"/saml/sso?" + samlQuery(g.IdP, portal, ""), idp.SPProtocol},
		"no parameters":                 {"/wsfed", idp.Unsupported},
		"unknown wa":                    {"/wsfed?wa=wattr1.0&wtrealm=" + portal, idp.Unsupported},
		"AuthnRequest at the wrong end": {"/wsfed?" + samlQuery(g.IdP, portal, portalReply), idp.Unsupported},
		"parameters twice":              {wsfed(portal, "wtrealm=urn:canary"), idp.BindingParams},
		"wreply twice":                  {wsfed(portal, "wreply=https%3A%2F%2Fportal.test%2F_trust%2F&wreply=https%3A%2F%2Fcanary.test"), idp.BindingParams},
		"wa twice":                      {wsfed(portal, "wa=wsignout1.0"), idp.BindingParams},
		"encoded name":                  {wsfed(portal, "wre%70ly=https%3A%2F%2Fcanary.test"), idp.BindingParams},
		"P5 huge wctx":                  {wsfed(portal, "wctx="+strings.Repeat("canary", 200)), idp.RelayStateSize},
		"P5 CRLF in wctx":               {wsfed(portal, "wctx=canary%0d%0aSet-Cookie%3a+x=y"), idp.BindingParams},
		"P5 NUL in wctx":                {wsfed(portal, "wctx=canary%00"), idp.BindingParams},
		"wreqptr":                       {wsfed(portal, "wreqptr=http%3A%2F%2F169.254.169.254%2F"), idp.Unsupported},
		"wreq":                          {wsfed(portal, "wreq=%3C!DOCTYPE+a%3E"), idp.Unsupported},
		"wauth that nobody knows":       {wsfed(portal, "wauth=urn%3Acanary"), idp.Unsupported},
		"P14 old":                       {wsfed(portal, "wct="+g.Clock.Now().Add(-6*time.Minute).UTC().Format(time.RFC3339)), idp.TimeWindow},
		"P14 from the future":           {wsfed(portal, "wct="+g.Clock.Now().Add(2*time.Minute).UTC().Format(time.RFC3339)), idp.TimeWindow},
	} {
		t.Run(name, func(t *testing.T) {
			b := g.Browser(address())
			g.Local400(t, c.reason, func() *http.Response { return b.Get(c.address) }, "canary", "wresult", "alert(")
		})
	}
	t.Run("other methods", func(t *testing.T) {
		b := g.Browser(address())
		resp := b.PostFrom("https://portal.test", "/wsfed", []byte(strings.TrimPrefix(wsfed(portal, ""), "/wsfed?")))
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET" {
			t.Errorf("POST: %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
		}
	})
}

// TestWSFedLoginIsBound: what somebody else began in their browser is not
// finished in mine.
func TestWSFedLoginIsBound(t *testing.T) {
	i := withWSFed(idptest.New(t))
	eve, alice := newPerson(i, i.Bob), newPerson(i, i.Alice)
	location := startWSFed(eve.Browser, portal, "")
	view := eve.approve(location)
	t.Run("login page", func(t *testing.T) {
		refusedPage(t, i, alice.Get(location), http.StatusForbidden, idp.NotYourBrowser)
	})
	t.Run("finish", func(t *testing.T) {
		alice.Login(startWSFed(alice.Browser, portal, "")) // has a browser secret of her own
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusForbidden, idp.NotYourBrowser)
	})
	t.Run("each request is one of its own", func(t *testing.T) {
		if a, b := startWSFed(alice.Browser, portal, ""), startWSFed(alice.Browser, portal, ""); a == b {
			t.Error("two requests share a login")
		}
	})
}

// TestWSFedChangedMeanwhile: what an administrator changes while somebody is
// signing in holds at once.
func TestWSFedChangedMeanwhile(t *testing.T) {
	for name, change := range map[string]func(*idp.ServiceProvider){
		"switched off":          func(sp *idp.ServiceProvider) { sp.Disabled = true },
		"reply URL taken away":  func(sp *idp.ServiceProvider) { sp.ACS = sp.ACS[1:] },
		"speaks SAML 2.0 now":   func(sp *idp.ServiceProvider) { sp.Protocol = idp.ProtocolSAML },
		"speaks something else": func(sp *idp.ServiceProvider) { sp.Protocol = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			i := withWSFed(idptest.New(t))
			alice := newPerson(i, i.Alice)
			view := alice.approve(startWSFed(alice.Browser, portal, ""))
			i.UpdateSP(portal, change)
			refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusForbidden, idp.AppDisabled)
			decline := url.Values{"sid": {view.SID}, "finish_key": {idptest.RandomKey()}, "decline": {"1"}}
			refusedPage(t, i, alice.PostForm("/login/finish", decline), http.StatusForbidden, idp.AppDisabled)
			if i.Key.Signs() != 0 {
				t.Error("something was signed")
			}
		})
	}
}
