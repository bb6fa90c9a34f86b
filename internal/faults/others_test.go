package faults_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const portal = "urn:sharepoint:portal"

// enroll is a second phone of the person.
func (c *course) enroll() {
	c.t.Helper()
	link, fresh := c.Invite(c.user), c.Handset(c.address(4))
	c.step("redeem", http.StatusOK, func() *http.Response { return fresh.Redeem(link) })
	if c.rivals == nil { // of two challenges the later counts, so who acts meanwhile asks for none
		c.rivals = map[string]func(){"options": func() { _ = idptest.Body(c.t, c.browser.Get("/e")) }}
	}
	var body map[string]any
	c.step("options", http.StatusOK, func() *http.Response {
		resp := fresh.Call("/v1/enroll/options", map[string]string{"type": "device-key"})
		if resp.StatusCode == http.StatusOK {
			challenge, err := idp.DecodeBase64(idptest.Decode[struct{ Challenge string }](c.t, resp).Challenge, 32)
			must(c.t, err)
			body = fresh.EnrollBody(challenge)
		}
		return resp
	})
	send := func() *http.Response { return fresh.Call("/v1/enroll/finish", body) }
	first := idptest.Decode[idptest.Enrolled](c.t, c.step("enroll", http.StatusCreated, send))
	again := idptest.Decode[idptest.Enrolled](c.t, c.step("enroll again", http.StatusCreated, send))
	devices, err := c.w.store.Devices(c.t.Context(), c.user.ID)
	must(c.t, err)
	if len(devices) != 2 || first.DeviceID != again.DeviceID {
		c.t.Errorf("%d devices; enrolled %s, then %s", len(devices), first.DeviceID, again.DeviceID)
	}
	fresh.DeviceID, fresh.Cookies = first.DeviceID, map[string]string{}
	c.phone = fresh // the next sign-in is with it
}

// admin makes a call of the administrators' API.
func (c *course) admin(name, method, path string, want int, body any, done ...int) *http.Response {
	c.t.Helper()
	return c.step(name, want, func() *http.Response {
		raw, err := json.Marshal(body)
		must(c.t, err)
		r, err := http.NewRequestWithContext(c.t.Context(), method, idptest.Base+"/v1/admin"+path, bytes.NewReader(raw))
		must(c.t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Requested-By", "latchkey")
		return c.Serve(r, c.address(5))
	}, done...)
}

// administer adds an application and a person, invites and removes.
func (c *course) administer() {
	c.t.Helper()
	name, nameID := "Wiki", "emailAddress = email"
	entity := fmt.Sprintf("https://wiki%d.test", c.w.n)
	c.admin("sp add", "POST", "/service-providers", http.StatusCreated, adminapi.NewServiceProvider{
		Settings: adminapi.Settings{Name: &name, NameID: &nameID}, EntityID: entity, ACSURL: entity + "/acs", Preset: "generic",
	}, http.StatusConflict)
	email := fmt.Sprintf("ben%d@example.com", c.w.n)
	c.admin("user add", "POST", "/users", http.StatusCreated, adminapi.NewUser{Email: email, GivenName: "Ben", FamilyName: "Novak"}, http.StatusConflict)
	ben, err := c.w.store.UserByEmail(c.t.Context(), email)
	must(c.t, err)
	c.admin("user change", "PATCH", "/users/"+ben.ID, http.StatusOK, map[string]any{"given_name": "Benjamin"}, http.StatusPreconditionFailed)
	link := idptest.Decode[adminapi.NewInviteAnswer](c.t, c.admin("invite", "POST", "/invites", http.StatusCreated, adminapi.NewInvite{User: email})).URL
	phone := c.Handset(c.address(6))
	c.w.wire.pause(true)
	phone.Enroll(link)
	c.w.wire.pause(false)
	c.admin("device revoke", "POST", "/users/"+ben.ID+"/devices/"+phone.DeviceID+"/revoke", http.StatusNoContent, struct{}{})
	device, err := c.w.store.Device(c.t.Context(), phone.DeviceID)
	must(c.t, err)
	if device.State != idp.DeviceRevoked {
		c.t.Errorf("told revoked, is %s", device.State)
	}
	c.admin("user remove", "DELETE", "/users/"+ben.ID, http.StatusNoContent, nil, http.StatusNotFound)
	wiki, err := c.w.store.ServiceProvider(c.t.Context(), entity)
	must(c.t, err)
	c.admin("sp remove", "DELETE", "/service-providers/"+wiki.Slug, http.StatusNoContent, nil, http.StatusNotFound)
	_, noUser := c.w.store.UserByEmail(c.t.Context(), email)
	_, noApp := c.w.store.ServiceProvider(c.t.Context(), entity)
	if !errors.Is(noUser, store.ErrNotFound) || !errors.Is(noApp, store.ErrNotFound) {
		c.t.Errorf("told removed: %v, %v", noUser, noApp)
	}
}

// metadata is read by everybody.
func (c *course) metadata() {
	c.t.Helper()
	for _, path := range []string{"/saml/metadata", "/saml/metadata/" + samltest.B().Slug} {
		resp := c.step("metadata", http.StatusOK, func() *http.Response { return c.browser.Get(path) })
		if body := idptest.Body(c.t, resp); !strings.Contains(body, "X509Certificate") {
			c.t.Errorf("metadata without a certificate: %s", body)
		}
	}
}

// oneKey is the deployment as it was before any rollover.
func (c *course) oneKey() { c.w.resetKeys(c.t) }

// rollKeys gives the deployment another signing key.
func (c *course) rollKeys() {
	c.t.Helper()
	c.admin("key announce", "POST", "/keys", http.StatusCreated, adminapi.NewKey{}, http.StatusUnprocessableEntity)
	time.Sleep(2 * time.Minute)
	c.step("key certificate", http.StatusOK, func() *http.Response {
		resp := c.browser.Get("/saml/metadata")
		if resp.StatusCode == http.StatusOK && strings.Count(idptest.Body(c.t, resp), "<md:KeyDescriptor") < 2 {
			c.w.wire.heal() // it is made in the background, as long as it takes: the log says why not
			time.Sleep(2 * time.Minute)
			return c.browser.Get("/saml/metadata")
		}
		return resp
	})
	c.admin("key activate", "POST", "/keys/key-2/activate", http.StatusOK, adminapi.KeyActivation{Force: true}, http.StatusUnprocessableEntity)
	time.Sleep(2 * time.Minute)
	c.signIn()
}

// wsfed is a sign-in to an application that speaks WS-Federation.
func (c *course) wsfed() {
	c.t.Helper()
	location := c.step("wsfed", http.StatusSeeOther, func() *http.Response {
		return c.browser.Get("/wsfed?wa=wsignin1.0&wtrealm=" + url.QueryEscape(portal))
	}).Header.Get("Location")
	v := c.show(location)
	c.approve(c.scan(v))
	key := idptest.RandomKey()
	page := c.step("finish", http.StatusOK, func() *http.Response { return c.browser.Finish(v.SID, key) })
	c.issued[v.SID] = append(c.issued[v.SID], tokenID(c, page))
	c.decided = idp.StateConsumed
}

// tokenID is the ID of the assertion in the page's wresult.
func tokenID(c *course, resp *http.Response) string {
	c.t.Helper()
	doc, err := html.Parse(strings.NewReader(idptest.Body(c.t, resp)))
	must(c.t, err)
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			var token struct {
				Assertion struct {
					ID string `xml:"AssertionID,attr"`
				} `xml:"RequestedSecurityToken>Assertion"`
			}
			if a.Key == "value" && strings.Contains(a.Val, "RequestedSecurityToken") && xml.Unmarshal([]byte(a.Val), &token) == nil {
				return token.Assertion.ID
			}
		}
	}
	c.t.Fatal("no token")
	return ""
}

// appPassword lets a program speak for the person.
func (c *course) appPassword() {
	c.t.Helper()
	characters, err := login.NewAppPassword(rand.Reader)
	must(c.t, err)
	now := idp.At(c.w.now())
	must(c.t, c.w.store.CreateAppPassword(c.t.Context(), &idp.AppPassword{
		ID: idp.Base32.EncodeToString([]byte(characters[:16])), UserID: c.user.ID, SP: samltest.B().EntityID, Name: "mail",
		Hash: login.AppPasswordHash(characters), CreatedAt: now, ExpiresAt: now.Add(90 * 24 * time.Hour),
	}))
	c.password = login.DisplayCode(characters)
}

// program signs in by ECP. What failed is begun anew: a request counts once.
func (c *course) program() {
	c.t.Helper()
	resp := c.step("program", http.StatusOK, func() *http.Response {
		request := samltest.B().ECPRequest(c.w.now())
		request.ID = "_" + idptest.RandomKey()
		r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, samltest.ECP, bytes.NewReader([]byte(samltest.Envelope("", request.XML()))))
		must(c.t, err)
		r.Header.Set("Content-Type", samltest.SOAPType)
		r.SetBasicAuth(c.user.Email, c.password)
		return c.Serve(r, c.address(7))
	})
	a, err := samltest.ReadECP(idptest.Body(c.t, resp))
	must(c.t, err)
	if a.Assertion == nil {
		c.t.Errorf("no assertion: %+v", a)
	}
}

// launch is a sign-in that begins here.
func (c *course) launch() {
	c.t.Helper()
	location := c.step("launch", http.StatusSeeOther, func() *http.Response {
		r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, idptest.Base+"/saml/launch/"+samltest.A().Slug, nil)
		must(c.t, err)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return c.browser.Do(r, true)
	}).Header.Get("Location")
	c.byTheSession(location)
}
