package app_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// guest is a service provider that takes part in a session of alice.
type guest struct {
	*samltest.SP
	index string // SessionIndex that it was given
}

// visit is alice in her browser, signed in to service providers by one
// approval, all of them with logout endpoints in the browser.
type visit struct {
	*person
	guests []guest
}

const aliceID = "alice@example.com"

// newVisit signs alice in to A and B of samltest, and to more like them.
func newVisit(t *testing.T, opts idptest.Options, more ...*samltest.SP) *visit {
	t.Helper()
	v := visitTo(t, idptest.New(t, opts), more...)
	v.IdP.Log.Reset()
	return v
}

// visitTo is newVisit at an identity provider that is there.
func visitTo(t *testing.T, i *idptest.IdP, more ...*samltest.SP) *visit {
	t.Helper()
	v := &visit{person: newPerson(i, i.Alice)}
	for n, sp := range append([]*samltest.SP{samltest.B(), samltest.A()}, more...) {
		if len(sp.SLO) == 0 {
			sp.SLO = []idp.Endpoint{{Binding: idp.BindingRedirect, Location: sp.EntityID + "/slo?x=1"}, {Binding: idp.BindingPOST, Location: sp.EntityID + "/slo"}}
		}
		stored := sp.ServiceProvider
		if before, err := i.Store.ServiceProvider(t.Context(), sp.EntityID); err == nil {
			stored.Version, stored.CreatedAt = before.Version, before.CreatedAt
		}
		must(t, i.Store.SaveServiceProvider(t.Context(), &stored))
		v.guests = append(v.guests, guest{SP: sp})
		if n == 0 {
			assertion(t, v.Finish(v.approve(v.Start(v.signIn(sp))).SID, idptest.RandomKey()))
		} else {
			answer, ok := goesOn(v.Browser, v.Get(v.Start(v.signIn(sp))))
			if !ok {
				t.Fatal("the second application asks again")
			}
			assertion(t, answer)
		}
	}
	session := v.session()
	for n, p := range session.Participants {
		v.guests[n].index = p.SessionIndex
	}
	return v
}

// signIn is the query of a signed AuthnRequest.
func (v *visit) signIn(sp *samltest.SP) string {
	r := sp.Request(v.IdP.Clock.Now())
	r.ID += idptest.RandomKey()
	return sp.SignQuery(samltest.RedirectQuery(r.XML(), nil), samltest.RSASHA256)
}

// session is alice's only one.
func (v *visit) session() *idp.SSOSession {
	v.IdP.T.Helper()
	all, err := v.IdP.Store.SSOSessions(context.Background(), v.IdP.Alice.ID)
	must(v.IdP.T, err)
	if len(all) != 1 {
		v.IdP.T.Fatalf("%d sessions", len(all))
	}
	return &all[0]
}

// alive reports whether alice's session is there.
func (v *visit) alive() bool {
	v.IdP.T.Helper()
	all, err := v.IdP.Store.SSOSessions(context.Background(), v.IdP.Alice.ID)
	must(v.IdP.T, err)
	return len(all) > 0
}

// signedQuery is a logout message by redirect.
func signedQuery(g guest, r samltest.LogoutRequest, relay ...string) string {
	var state *string
	if len(relay) > 0 {
		state = &relay[0]
	}
	return g.SignQuery(samltest.RedirectQuery(r.XML(), state), samltest.RSASHA256)
}

// asks sends a signed LogoutRequest by redirect and returns the page that it
// leads to.
func (v *visit) asks(g guest, relay ...string) string {
	v.IdP.T.Helper()
	resp := v.Get("/saml/slo?" + signedQuery(g, g.Logout(v.IdP.Clock.Now(), aliceID, g.index), relay...))
	to := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/logout?l=") {
		v.IdP.T.Fatalf("logout: %d to %q: %s", resp.StatusCode, to, idptest.Body(v.IdP.T, resp))
	}
	return to
}

// sent is a logout message of ours as a service provider reads it.
type sent struct {
	XMLName      xml.Name
	ID           string    `xml:"ID,attr"`
	Destination  string    `xml:"Destination,attr"`
	InResponseTo string    `xml:"InResponseTo,attr"`
	NotOnOrAfter time.Time `xml:"NotOnOrAfter,attr"`
	Issuer       string    `xml:"Issuer"`
	NameID       struct {
		Format          string `xml:"Format,attr"`
		SPNameQualifier string `xml:"SPNameQualifier,attr"`
		Value           string `xml:",chardata"`
	} `xml:"NameID"`
	SessionIndex []string `xml:"SessionIndex"`
	Top          struct {
		Value  string `xml:"Value,attr"`
		Second struct {
			Value string `xml:"Value,attr"`
		} `xml:"StatusCode"`
	} `xml:"Status>StatusCode"`
	Signature *struct{} `xml:"http://www.w3.org/2000/09/xmldsig# Signature"`

	to         string // without the message
	relayState string
}

func (s sent) status() string {
	return strings.TrimSpace(strings.TrimPrefix(s.Top.Value, statusPrefix) + " " + strings.TrimPrefix(s.Top.Second.Value, statusPrefix))
}

// byRedirect reads a message of ours by redirect, after checking its signature
// over the octets of the query.
func byRedirect(t testing.TB, i *idptest.IdP, resp *http.Response, param string) sent {
	t.Helper()
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", resp.StatusCode, idptest.Body(t, resp))
	}
	location := resp.Header.Get("Location")
	at := strings.Index(location, param+"=")
	end := strings.Index(location, "&Signature=")
	if at < 0 || end < 0 {
		t.Fatalf("no signed %s in %q", param, location)
	}
	q, err := url.ParseQuery(location[at:])
	must(t, err)
	signature, err := base64.StdEncoding.DecodeString(q.Get("Signature"))
	must(t, err)
	digest := sha256.Sum256([]byte(location[at:end]))
	must(t, rsa.VerifyPKCS1v15(i.Key.Public().(*rsa.PublicKey), crypto.SHA256, digest[:], signature))
	compressed, err := base64.StdEncoding.DecodeString(q.Get(param))
	must(t, err)
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(compressed)))
	must(t, err)
	s := parseSent(t, text)
	if s.Signature != nil {
		t.Error("XML signature in a redirect")
	}
	s.to, s.relayState = location[:at-1], q.Get("RelayState")
	return s
}

func parseSent(t testing.TB, text []byte) (s sent) {
	t.Helper()
	must(t, xml.Unmarshal(text, &s))
	return s
}

// told takes g's frame of a logout's page and lets it answer.
func (v *visit) frame(id, n string) *http.Response { return v.Get("/logout/tell?l=" + id + "&n=" + n) }

func (v *visit) answers(g guest, inResponseTo string, change ...func(*samltest.LogoutResponse)) *http.Response {
	r := g.LoggedOut(v.IdP.Clock.Now(), inResponseTo)
	for _, c := range change {
		c(&r)
	}
	return v.Get("/saml/slo?" + g.SignQuery(samltest.ResponseQuery(r.XML(), nil), samltest.RSASHA256))
}

// logoutState is the answer of the page's API.
type logoutState struct {
	Outcomes []string
	Pending  bool
	Partial  bool
}

func (v *visit) state(id string) logoutState {
	v.IdP.T.Helper()
	return idptest.Decode[logoutState](v.IdP.T, v.Get("/v1/logout?l="+id))
}

func logoutOf(page string) string { return strings.TrimPrefix(page, "/logout?l=") }
