package app_test

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	samlstatus "github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// ownPages is what a person does at /me, and with an invite.
func ownPages(t *testing.T, d *deployment) {
	user := d.AddUser("own@example.com", "Olga", "Own")
	p := atHome(t, d.IdP, user, address())
	want[ownProfile](p, "GET", "/v1/me", nil, http.StatusOK)
	want[items[ownDevice]](p, "GET", "/v1/me/devices", nil, http.StatusOK)
	want[any](p, "PATCH", "/v1/me/devices/"+p.device, map[string]string{"name": "Work phone"}, http.StatusOK)

	b := d.Browser(address())
	for range 2 {
		b.DropSession()
		v := b.ShowCode()
		sid, assertion := p.sign(v.Frames[0].URL)
		p.post("/v1/approvals/"+sid+"/approve", map[string]any{"type": "webauthn", "assertion": assertion}, http.StatusOK)
		assertionID(t, b.Finish(sid, idptest.RandomKey()))
		p.claim = idptest.RandomKey32()
	}
	activity := want[items[struct{ ID string }]](p, "GET", "/v1/me/activity", nil, http.StatusOK)
	sessions := want[items[struct {
		ID   string
		This bool
	}]](p, "GET", "/v1/me/sessions", nil, http.StatusOK)
	if len(activity.Items) != 2 || len(sessions.Items) != 3 {
		t.Fatalf("%+v, %+v", activity, sessions)
	}
	want[any](p, "POST", "/v1/me/activity/"+activity.Items[0].ID+"/report", map[string]any{}, http.StatusOK)
	for _, s := range sessions.Items {
		if !s.This {
			want[any](p, "DELETE", "/v1/me/sessions/"+s.ID, map[string]any{}, http.StatusNoContent)
		}
	}

	// A further phone, for which the first one vouches.
	p.stepUp()
	a := want[adding](p, "POST", "/v1/me/devices/add", map[string]any{}, http.StatusCreated)
	fresh := newWebPhone(t, d.IdP, address(), user)
	want[any](fresh, "POST", "/v1/enroll/redeem", tokenOf(t, a.URL), http.StatusOK)
	fresh.register("New phone", http.StatusCreated)
	s := want[addProgress](p, "GET", "/v1/me/devices/add/"+a.ID, nil, http.StatusOK)
	want[any](p, "POST", "/v1/me/devices/add/"+a.ID+"/approve", map[string]any{"type": "webauthn", "assertion": p.vouch(a.ID, s)}, http.StatusOK)
	a = want[adding](p, "POST", "/v1/me/devices/add", map[string]any{}, http.StatusCreated)
	want[any](p, "DELETE", "/v1/me/devices/add/"+a.ID, map[string]any{}, http.StatusNoContent)

	codes := want[struct{ Codes []string }](p, "POST", "/v1/me/recovery-codes", map[string]any{}, http.StatusCreated).Codes
	lost := newWebPhone(t, d.IdP, address(), user)
	want[any](lost, "POST", "/v1/enroll/recovery", map[string]string{"login": user.Email, "code": codes[0]}, http.StatusOK)
	lost.register("After the loss", http.StatusCreated)
	want[any](p, "DELETE", "/v1/me/devices/"+lost.device, map[string]string{}, http.StatusNoContent)

	d.UpdateSP(samltest.B().EntityID, samltest.Programs)
	made := want[madePassword](p, "POST", "/v1/me/app-passwords", map[string]string{"app": "sp-b", "name": "Mail"}, http.StatusCreated)
	want[passwordList](p, "GET", "/v1/me/app-passwords", nil, http.StatusOK)
	want[any](p, "DELETE", "/v1/me/app-passwords/"+made.ID, map[string]string{}, http.StatusNoContent)

	d.UpdateSP(samltest.B().EntityID, func(sp *idp.ServiceProvider) { sp.Consent = idp.ConsentOnce })
	d.cloud.Recycle("sso") // it may remember service providers
	v := b.ShowCode()
	sid, assertion := p.sign(v.Frames[0].URL)
	p.post("/v1/approvals/"+sid+"/approve", map[string]any{"type": "webauthn", "assertion": assertion}, http.StatusOK)
	q := consentPage(t, d.IdP, func() *http.Response { return b.Finish(sid, idptest.RandomKey()) })
	assertionID(t, b.PostForm(q.action, q.yes))
	consents := want[items[struct{ ID string }]](p, "GET", "/v1/me/consents", nil, http.StatusOK)
	if len(consents.Items) != 1 {
		t.Fatalf("%+v", consents)
	}
	want[any](p, "DELETE", "/v1/me/consents/"+consents.Items[0].ID, map[string]any{}, http.StatusNoContent)
	accepted(t, b.Get("/me"), http.StatusOK)
	d.UpdateSP(samltest.B().EntityID, func(sp *idp.ServiceProvider) { sp.Consent = "" })
}

func programFlows(t *testing.T, d *deployment) {
	d.UpdateSP(samltest.B().EntityID, samltest.Programs)
	p := &program{IdP: d.IdP, t: t, ip: address(), name: d.Alice.Email}
	made, err := d.admin.AddAppPassword(t.Context(), d.Alice.ID, adminapi.NewAppPassword{SP: samltest.B().EntityID, Name: "mail"})
	must(t, err)
	p.password = made.Password
	if a := p.ask(p.request().XML(), http.StatusOK); a.Status != samlstatus.StatusSuccess {
		t.Errorf("%+v", a)
	}
	p.password = "0000-" + made.Password[5:]
	if resp, body := p.send(samltest.Envelope("", p.request().XML())); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d %s", resp.StatusCode, body)
	}
	_, err = d.admin.AppPasswords(t.Context(), d.Alice.ID)
	must(t, err)
	must(t, d.admin.RevokeAppPassword(t.Context(), d.Alice.ID, made.ID))
}

func wsfedFlows(t *testing.T, d *deployment) {
	withWSFed(d.IdP)
	alice := newPerson(d.IdP, d.Alice)
	location := startWSFed(alice.Browser, portal, "wctx=x")
	readToken(t, alice.Finish(alice.approve(location).SID, idptest.RandomKey()), portalReply)
	if resp := alice.Get(wsfed("urn:nobody", "")); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a stranger got %d", resp.StatusCode)
	}
	v := &visit{person: alice}
	id := logoutOf(alice.PostForm("/logout/start", nil).Header.Get("Location"))
	accepted(t, v.frame(id, "0"), http.StatusSeeOther)
}

func logoutFlows(t *testing.T, d *deployment) {
	visited := func(more ...*samltest.SP) *visit {
		_, err := d.admin.SignOut(t.Context(), d.Alice.ID, "") // of the flows before
		must(t, err)
		v := visitTo(t, d.IdP, more...)
		d.cloud.Recycle("slo") // it may remember service providers
		return v
	}
	gone := func(v *visit) {
		t.Helper()
		if v.alive() {
			t.Error("the session is alive")
		}
	}
	v := visited() // by an application, by redirect
	a, b := v.guests[1], v.guests[0]
	page := v.asks(b, "state")
	id := logoutOf(page)
	accepted(t, v.Get(page), http.StatusOK)
	m := byRedirect(t, d.IdP, v.frame(id, "0"), "SAMLRequest")
	accepted(t, v.answers(a, m.ID), http.StatusOK)
	if s := v.state(id); s.Pending || s.Partial {
		t.Errorf("%+v", s)
	}
	byRedirect(t, d.IdP, v.PostForm("/logout/finish", url.Values{"l": {id}}), "SAMLResponse")
	gone(v)

	v = visited() // by POST
	b = v.guests[0]
	r := b.Logout(d.Clock.Now(), aliceID)
	r.ID += idptest.RandomKey()
	accepted(t, v.PostFrom("https://sp-b.test", "/saml/slo", samltest.POSTBody(b.SignXML(r.XML(), samltest.Signing{}), nil)), http.StatusSeeOther)
	gone(v)

	v = visited() // by SOAP, without cookies
	b = v.guests[0]
	r = b.Logout(d.Clock.Now(), aliceID, b.index)
	r.ID, r.Destination = r.ID+idptest.RandomKey(), samltest.SLO+"/soap"
	if body, status := v.soap(samltest.Soap(b.SignXML(r.XML(), samltest.Signing{}))); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	gone(v)

	v = visited() // an encrypted identifier
	b = v.guests[0]
	r = b.Logout(d.Clock.Now(), "", b.index)
	r.ID += idptest.RandomKey()
	nameID := `<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Format="` + r.Format + `">` + aliceID + `</saml:NameID>`
	r.Children = "<saml:EncryptedID>" + string(schematest.Encrypt(t, []byte(nameID), d.encryptionCertificate(t))) + "</saml:EncryptedID>"
	accepted(t, v.PostFrom("https://sp-b.test", "/saml/slo", samltest.POSTBody(b.SignXML(r.XML(), samltest.Signing{}), nil)), http.StatusSeeOther)
	gone(v)

	v = visited(newServer(t, "soap", says(nil)).SP) // by the person; one application has SOAP only
	accepted(t, v.Get("/saml/slo"), http.StatusOK)
	page = v.PostForm("/logout/start", nil).Header.Get("Location")
	accepted(t, v.Get(page), http.StatusOK)
	gone(v)

	v = visited() // an unsigned request asks the person
	d.UpdateSP(samltest.B().EntityID, func(sp *idp.ServiceProvider) { sp.ConfirmUnsignedLogout = true })
	d.cloud.Recycle("slo")
	b = v.guests[0]
	r = b.Logout(d.Clock.Now(), aliceID, b.index)
	r.ID += idptest.RandomKey()
	asked := v.Get("/saml/slo?" + samltest.RedirectQuery(r.XML(), nil))
	accepted(t, v.PostForm("/logout/confirm", url.Values{"l": {logoutOf(asked.Header.Get("Location"))}}), http.StatusSeeOther)
	gone(v)

	v = visited() // by an administrator: a person, everybody
	out, err := d.admin.SignOut(t.Context(), d.Alice.ID, "")
	if err != nil || out.People != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	gone(v)
	v = visited()
	_, err = d.admin.SignOutEverybody(t.Context(), "")
	must(t, err)
	gone(v)
}

// encryptionCertificate is what others encrypt with, in our metadata.
func (d *deployment) encryptionCertificate(t *testing.T) []byte {
	t.Helper()
	var m struct {
		Keys []struct {
			Use  string `xml:"use,attr"`
			Cert []byte `xml:"KeyInfo>X509Data>X509Certificate"`
		} `xml:"IDPSSODescriptor>KeyDescriptor"`
	}
	must(t, xml.Unmarshal([]byte(idptest.Body(t, d.Browser(address()).Get("/saml/metadata"))), &m))
	for _, k := range m.Keys {
		if k.Use == "encryption" {
			return []byte("-----BEGIN CERTIFICATE-----\n" + strings.TrimSpace(string(k.Cert)) + "\n-----END CERTIFICATE-----\n")
		}
	}
	t.Fatal("no encryption certificate in the metadata")
	return nil
}
