package faults_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// formWith is what a page's form that has this field would send.
func formWith(page, field string) (fields url.Values) {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		fields = url.Values{}
		for inner := range n.Descendants() {
			name, value := "", ""
			for _, a := range inner.Attr {
				switch a.Key {
				case "name":
					name = a.Val
				case "value":
					value = a.Val
				}
			}
			if inner.Data == "input" {
				fields.Set(name, value)
			}
		}
		if fields.Has(field) {
			return fields
		}
	}
	return nil
}

var userCode = regexp.MustCompile(`\b[A-Z0-9]{4}-[A-Z0-9]{4}\b`)

// signInPlainly is a sign-in in a browser without script: the phone types what
// the page shows, and the person loads it again.
func (c *course) signInPlainly() {
	c.t.Helper()
	c.Clock.Set(idp.At(c.w.now()))
	query := c.browser.Query(nil)
	location := c.step("request", http.StatusSeeOther, func() *http.Response { return c.browser.Get("/saml/sso?" + query) }).Header.Get("Location")
	c.step("login page", http.StatusOK, func() *http.Response { return c.browser.Get(location) })
	address := c.step("plain", http.StatusSeeOther, func() *http.Response {
		return c.browser.PostForm("/login/plain", url.Values{"l": {loginOf(location)}})
	}).Header.Get("Location")
	_, c.sid, _ = strings.Cut(address, "sid=")
	c.decided = idp.StateCreated
	load := func(name string) string {
		return idptest.Body(c.t, c.step(name, http.StatusOK, func() *http.Response { return c.browser.Get(address) }))
	}
	code := userCode.FindString(load("plain page"))
	c.phone.NewClaim()
	c.approve(idptest.Decode[idptest.Claimed](c.t, c.step("type code", http.StatusOK, func() *http.Response { return c.phone.TypeCode(code) })))
	form := formWith(load("plain page after"), "finish_key")
	if form == nil {
		c.t.Fatal("the page does not offer to go on after the approval")
	}
	c.finishBy(c.sid, form)
}

// mustAsk lets application B release nothing without a question.
func (c *course) mustAsk() {
	c.t.Helper()
	c.setConsent(idp.ConsentOnce)
}

func (c *course) setConsent(consent string) {
	c.t.Helper()
	sp, err := c.w.store.ServiceProvider(c.t.Context(), samltest.B().EntityID)
	must(c.t, err)
	sp.Consent = consent
	must(c.t, c.w.store.SaveServiceProvider(c.t.Context(), sp))
	time.Sleep(apart)
}

// asked is a sign-in up to the question what may be released.
func (c *course) asked() (v idptest.View, page string) {
	c.t.Helper()
	v = c.ask()
	c.approve(c.scan(v))
	key := idptest.RandomKey()
	page = idptest.Body(c.t, c.step("question", http.StatusOK, func() *http.Response { return c.browser.Finish(v.SID, key) }))
	if strings.Contains(page, "SAMLResponse") {
		c.t.Fatal("nobody was asked")
	}
	return v, page
}

// consent is a sign-in with the yes to what is released.
func (c *course) consent() {
	c.t.Helper()
	v, page := c.asked()
	c.finishBy(v.SID, formWith(page, "consent"))
}

// consented: what was agreed to is kept; the next sign-in does not ask.
func (c *course) consented() {
	c.t.Helper()
	c.signedIn()
	if _, err := c.w.store.Consent(c.t.Context(), c.user.ID, samltest.B().EntityID); err != nil && !c.lost {
		c.t.Errorf("the person agreed: %v", err)
	}
	c.setConsent("")
}

// refuseConsent is a sign-in with the no to what would be released.
func (c *course) refuseConsent() {
	c.t.Helper()
	_, page := c.asked()
	form := formWith(page, "decline")
	resp := c.step("decline", http.StatusOK, func() *http.Response { return c.browser.PostForm("/login/finish", form) })
	if p := idptest.ReadPost(c.t, resp); strings.Contains(string(p.SAMLResponse), "Assertion ") {
		c.t.Errorf("after a no: %s", p.SAMLResponse)
	}
	c.decided = c.Session(c.sid).State
}

// refusedConsent: nobody was signed in, and nothing agreed to.
func (c *course) refusedConsent() {
	c.t.Helper()
	c.saidNo()
	c.setConsent("")
}
