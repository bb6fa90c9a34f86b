//go:build browser

package browsertest

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// participant is an application that has a session of its own.
type participant struct {
	*samltest.SP
	server *httptest.Server
}

// joins registers an application whose logout endpoint does as told, and lets
// it take part in the person's session.
func (w *world) joins(name, binding string, answer func(p *participant, asked string, rw http.ResponseWriter)) *participant {
	w.t.Helper()
	p := &participant{SP: samltest.NewSP(name)}
	p.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		must(w.t, r.ParseForm())
		answer(p, requestID(w.t, r.Form.Get("SAMLRequest")), rw)
	}))
	w.t.Cleanup(func() { p.server.CloseClientConnections(); p.server.Close() })
	p.Name, p.SLO = name, []idp.Endpoint{{Binding: binding, Location: p.server.URL + "/slo"}}
	stored := p.ServiceProvider
	must(w.t, w.idp.Store.SaveServiceProvider(context.Background(), &stored))
	return p
}

func (w *world) session(email string) *idp.SSOSession {
	w.t.Helper()
	u, err := w.idp.Store.UserByEmail(context.Background(), email)
	must(w.t, err)
	all, err := w.idp.Store.SSOSessions(context.Background(), u.ID)
	must(w.t, err)
	if len(all) != 1 {
		w.t.Fatalf("%d sessions", len(all))
	}
	return &all[0]
}

// requestID is that of a LogoutRequest in either encoding.
func requestID(t *testing.T, param string) string {
	raw, err := base64.StdEncoding.DecodeString(param)
	must(t, err)
	if raw[0] != '<' {
		raw, err = io.ReadAll(flate.NewReader(bytes.NewReader(raw)))
		must(t, err)
	}
	var m struct {
		ID string `xml:"ID,attr"`
	}
	must(t, xml.Unmarshal(raw, &m))
	return m.ID
}

// answered takes p's answer back to the identity provider.
func (w *world) answered(p *participant, asked string) string {
	r := p.LoggedOut(w.idp.Now(), asked)
	r.Destination = w.idp.URL + "/saml/slo"
	return w.idp.URL + "/saml/slo?" + p.SignQuery(samltest.ResponseQuery(r.XML(), nil), samltest.RSASHA256)
}

// TestSignOut: the person signs out; one application answers by redirect, one
// by a form that submits itself, and one never.
func TestSignOut(t *testing.T) {
	w := newWorld(t)
	b := chrome.Open(t) // it may talk to this machine
	b.Open(w.app.url)
	b.Waiting()
	w.approve(w.dana, w.claim(w.dana, b))
	b.Click("#notice-first")
	w.arrived(b, "dana@example.com")

	quick := w.joins("Quick", idp.BindingRedirect, func(p *participant, asked string, rw http.ResponseWriter) {
		rw.Header().Set("Location", w.answered(p, asked))
		rw.WriteHeader(http.StatusFound)
	})
	postal := w.joins("Postal", idp.BindingPOST, func(p *participant, asked string, rw http.ResponseWriter) {
		r := p.LoggedOut(w.idp.Now(), asked)
		r.Destination = w.idp.URL + "/saml/slo"
		rw.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(rw, `<form method="post" action="%s"><input name="SAMLResponse" value="%s"></form><script>document.forms[0].submit()</script>`,
			r.Destination, base64.StdEncoding.EncodeToString([]byte(p.SignXML(r.XML(), samltest.Signing{}))))
	})
	stop := make(chan struct{})
	defer close(stop)
	dead := w.joins("Dead", idp.BindingRedirect, func(*participant, string, http.ResponseWriter) { <-stop })
	session := w.session("dana@example.com")
	for _, p := range []*participant{quick, postal, dead} {
		session.Join(idp.Participant{SP: p.EntityID, Name: p.Name, Issuer: w.idp.URL + "/saml/metadata", NameID: "dana@example.com", NameIDFormat: idp.NameIDEmail, SessionIndex: "_" + p.Slug})
	}
	must(t, w.idp.Store.PutSSOSession(context.Background(), session))
	w.idp.Update(session.Participants[0].SP, func(sp *idp.ServiceProvider) { sp.SLO = nil })

	tab := b.Another()
	tab.Allow("can escape its sandboxing") // our own page in the frame could; an application's cannot
	tab.Open(w.idp.URL + "/saml/slo")
	axe := chrome.LoadAxe(t)
	axe.Check(tab, "sign out?")
	tab.Click("main button")
	tab.Until(`document.querySelectorAll('.outcome[data-outcome=done]').length === 2`)
	tab.Told("#title", "Signing you out…")
	axe.Check(tab, "signing out")
	tab.Fits("signing out")
	w.idp.Forward(20 * time.Second)
	tab.Told("#title", "You are not signed out everywhere")
	axe.Check(tab, "partial")
	if dir := os.Getenv("SHOTS"); dir != "" {
		must(t, os.WriteFile(dir+"/logout.png", tab.Screenshot(), 0o600))
	}
	text := chrome.Eval[string](tab, "document.querySelector('#apps').innerText")
	contains(t, "page", text, "Quick\nSigned out", "Postal\nSigned out", "Dead\nDid not answer", appName+"\nCannot be told")

	tab.Open(w.idp.URL + "/saml/slo")
	tab.Until(`document.body.innerText.includes("Nobody is signed in here")`)
}
