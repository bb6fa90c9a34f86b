package faults_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// scan claims what the screen shows now; a picture lasts four seconds.
func (c *course) scan(v idptest.View) idptest.Claimed {
	c.t.Helper()
	shown := c.w.now()
	c.phone.NewClaim()
	return idptest.Decode[idptest.Claimed](c.t, c.step("claim", http.StatusOK, func() *http.Response {
		n := max(0, min(int(c.w.now().Sub(shown)/(4*time.Second)), len(v.Frames)-1))
		return c.phone.Scan(v.Frames[n].URL)
	}))
}

func (c *course) approve(q idptest.Claimed) {
	c.t.Helper()
	jws := c.phone.Sign(q)
	c.step("approve", http.StatusOK, func() *http.Response { return c.phone.Approve(q.SID, jws) })
	c.decided = idp.StateApproved
}

func (c *course) poll(sid string) idptest.View {
	c.t.Helper()
	time.Sleep(2 * time.Second)
	return idptest.Decode[idptest.View](c.t, c.step("poll", http.StatusOK, func() *http.Response {
		return c.browser.API("/v1/login/sessions/"+sid, nil)
	}))
}

// finish ends a sign-in that was approved.
func (c *course) finish(v idptest.View) {
	c.t.Helper()
	c.finishBy(v.SID, url.Values{"sid": {v.SID}, "finish_key": {idptest.RandomKey()}})
}

// finishBy is finish by a form of the page.
func (c *course) finishBy(sid string, form url.Values) {
	c.t.Helper()
	send := func() *http.Response { return c.browser.PostForm("/login/finish", form) }
	resp := c.step("finish", http.StatusOK, send, http.StatusConflict)
	c.decided = idp.StateConsumed
	if resp.StatusCode == http.StatusConflict && c.told != 0 { // somebody else did
		panic(givenUp{"finish", resp.StatusCode})
	}
	if resp.StatusCode == http.StatusConflict {
		c.tooLate(resp, c.Session(sid).ConsumedAt)
		return
	}
	c.got(sid, resp)
	c.again("finish again", sid, c.Session(sid).ConsumedAt, send)
}

// tooLate: nobody was signed in, which is honest if the yes was kept for its time.
func (c *course) tooLate(resp *http.Response, done idp.Millis) {
	c.t.Helper()
	if c.lost = true; !done.Add(login.FinishRepeat).Over(idp.At(c.w.now())) {
		c.t.Errorf("lost within its time: %s\n%s", idptest.Body(c.t, resp), c.w.log)
	}
}

// again repeats what has gone well, as a person does who presses a button twice:
// the same comes out, for the time in which it may be repeated.
func (c *course) again(name, of string, done idp.Millis, send func() *http.Response) {
	c.t.Helper()
	if late := done.Add(login.FinishRepeat - time.Second); late.Over(idp.At(c.w.now())) {
		return
	}
	c.w.wire.heal()
	resp := c.step(name, http.StatusOK, send, http.StatusConflict)
	if resp.StatusCode == http.StatusOK {
		c.got(of, resp)
	} else if !done.Add(login.FinishRepeat).Over(idp.At(c.w.now())) {
		c.t.Errorf("%s: %s\n%s", name, idptest.Body(c.t, resp), c.w.log)
	}
}

// signIn is the whole way of a person to an application.
func (c *course) signIn() {
	c.t.Helper()
	v := c.ask()
	c.approve(c.scan(v))
	if got := c.poll(v.SID); got.Status != idp.StateApproved && c.tolerant {
		panic(givenUp{"poll", http.StatusOK})
	} else if got.Status != idp.StateApproved {
		c.t.Errorf("after the approval the page is told %+v", got)
	}
	c.finish(v)
}

// goOn signs in to the second application by the session.
func (c *course) goOn() {
	c.t.Helper()
	sp := samltest.A()
	r := sp.Request(c.w.now())
	r.ID = "_" + idptest.RandomKey()
	query := sp.SignQuery(samltest.RedirectQuery(r.XML(), nil), samltest.RSASHA256)
	location := c.step("request", http.StatusSeeOther, func() *http.Response { return c.browser.Get("/saml/sso?" + query) }).Header.Get("Location")
	c.byTheSession(location)
}

// byTheSession lets the browser's session answer a login.
func (c *course) byTheSession(location string) {
	c.t.Helper()
	page := idptest.Body(c.t, c.step("login page", http.StatusOK, func() *http.Response { return c.browser.Get(location) }))
	if !strings.Contains(page, `action="/login/continue"`) {
		c.t.Fatalf("the second application asks again: %s", page)
	}
	send := func() *http.Response {
		return c.browser.PostForm("/login/continue", url.Values{"l": {loginOf(location)}})
	}
	resp := c.step("continue", http.StatusOK, send, http.StatusConflict)
	done, err := c.w.store.Login(c.t.Context(), loginOf(location))
	must(c.t, err)
	if resp.StatusCode == http.StatusConflict {
		c.tooLate(resp, done.DoneAt)
		return
	}
	c.got(loginOf(location), resp)
	c.again("continue again", loginOf(location), done.DoneAt, send)
}
