package faults_test

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// visit is a person who is signed in to two applications.
func (c *course) visit() {
	c.signIn()
	c.goOn()
}

// leave is the person's own sign-out.
func (c *course) leave() {
	c.t.Helper()
	c.step("logout page", http.StatusOK, func() *http.Response { return c.browser.Get("/saml/slo") })
	resp := c.step("logout start", http.StatusSeeOther, func() *http.Response {
		return c.browser.PostForm("/logout/start", url.Values{})
	}, http.StatusOK)
	if resp.StatusCode == http.StatusOK { // it is over, but who asked did not hear it: nobody tells the applications
		return
	}
	c.tell(resp.Header.Get("Location"), samltest.B(), samltest.A())
}

// tell walks the page of a logout: the applications are told in its frames, until
// those who have not answered are waited for no more.
func (c *course) tell(page string, sps ...*samltest.SP) {
	c.t.Helper()
	id := strings.TrimPrefix(page, "/logout?l=")
	c.step("logout outcome", http.StatusOK, func() *http.Response { return c.browser.Get(page) })
	for n, sp := range sps {
		if c.late(id) {
			continue
		}
		resp := c.step("logout frame", http.StatusOK, func() *http.Response {
			return c.browser.Get("/logout/tell?l=" + id + "&n=" + string(rune('0'+n)))
		}, http.StatusNotFound)
		if resp.StatusCode == http.StatusNotFound {
			if !c.late(id) {
				c.t.Errorf("frame %d is gone before its time", n)
			}
			continue
		}
		form := idptest.ReadPost(c.t, resp)
		var asked struct {
			ID string `xml:"ID,attr"`
		}
		must(c.t, xml.Unmarshal(form.SAMLRequest, &asked))
		done := sp.SignXML(sp.LoggedOut(c.w.now(), asked.ID).XML(), samltest.Signing{})
		c.step("logout answer", http.StatusOK, func() *http.Response {
			return c.browser.PostFrom(sp.EntityID, "/saml/slo", samltest.ResponseBody(done))
		})
	}
	state := idptest.Decode[struct{ Pending, Partial bool }](c.t, c.step("logout state", http.StatusOK, func() *http.Response {
		return c.browser.API("/v1/logout?l="+id, nil)
	}))
	if state.Pending || state.Partial && !c.late(id) {
		c.t.Errorf("everybody has answered: %+v", state)
	}
}

// late reports whether a fault took so long that nobody is waited for any more.
func (c *course) late(id string) bool {
	c.t.Helper()
	l, err := c.w.store.Logout(c.t.Context(), id)
	must(c.t, err)
	return l.Deadline.Over(idp.At(c.w.now()))
}

// logoutRequest is a signed one of B, never the same twice.
func (c *course) logoutRequest(destination string) string {
	b := samltest.B()
	r := b.Logout(c.w.now(), c.user.Email)
	r.ID = "_" + idptest.RandomKey()
	if destination != "" {
		r.Destination = destination
	}
	return b.SignXML(r.XML(), samltest.Signing{})
}

// askedToLeave is a sign-out that an application asks for.
func (c *course) askedToLeave() {
	c.t.Helper()
	message := samltest.POSTBody(c.logoutRequest(""), nil)
	resp := c.step("logout request", http.StatusSeeOther, func() *http.Response {
		return c.browser.PostFrom("https://sp-b.test", "/saml/slo", message)
	}, http.StatusBadRequest, http.StatusOK)
	if resp.StatusCode != http.StatusSeeOther { // it was carried out before, and a message counts once
		return
	}
	page := resp.Header.Get("Location")
	c.tell(page, samltest.A())
	id := strings.TrimPrefix(page, "/logout?l=")
	form := url.Values{"l": {id}}
	back := idptest.ReadPost(c.t, c.step("logout finish", http.StatusOK, func() *http.Response { return c.browser.PostForm("/logout/finish", form) }))
	if !c.late(id) && !strings.Contains(string(back.SAMLResponse), "status:Success") {
		c.t.Errorf("the application is told %s", back.SAMLResponse)
	}
}

// calledToLeave is the same by SOAP, with a new message each time.
func (c *course) calledToLeave() {
	c.t.Helper()
	c.step("logout call", http.StatusOK, func() *http.Response {
		body := samltest.Soap(c.logoutRequest(samltest.SLO + "/soap"))
		r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, samltest.SLO+"/soap", bytes.NewReader([]byte(body)))
		must(c.t, err)
		r.Header.Set("Content-Type", samltest.SOAPType)
		return c.Serve(r, c.address(3))
	})
}

// signedOut: what was told to be over is over.
func (c *course) signedOut() {
	c.t.Helper()
	sessions, err := c.w.store.SSOSessions(c.t.Context(), c.user.ID)
	must(c.t, err)
	if len(sessions) != 0 {
		c.t.Errorf("%d sessions after the sign-out", len(sessions))
	}
	var told, unknown int
	for _, e := range c.trail() {
		switch {
		case e.Event == idp.AuditLogoutStarted && e.Outcome == "unknown":
			unknown++
		case e.Event == idp.AuditLogoutStarted:
			told++
		}
	}
	if told != 1 && (told != 0 || unknown == 0) && !strings.Contains(c.w.log.String(), "audit write failed") && (c.fault == nil || !c.fault.ends) {
		c.t.Errorf("the trail tells of %d sign-outs\n%s", told, c.w.log)
	}
}
