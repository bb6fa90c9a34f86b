package counterparts_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

// everywhere is a browser in which Ana is signed in at both applications; at one
// only, where the other cannot be told of a sign-out.
func (s *stage) everywhere() *visitor {
	s.Helper()
	s.forget()
	v := s.signedIn()
	if !s.two.deaf {
		a, ok := v.goesOn(s.two.open(v, wish{}))
		if !ok {
			s.Fatal("asks for another approval")
		}
		s.takes(s.two, v, a)
	}
	if !s.one.signedIn(v) || !s.two.deaf && !s.two.signedIn(v) {
		s.Fatal("not signed in at both")
	}
	return v
}

// forget ends Ana's sessions of before: a request without SessionIndex is about
// all of them (SAML Core 3.7.1).
func (s *stage) forget() {
	s.Helper()
	ana, err := s.idp.Store.UserByEmail(s.Context(), "ana@example.com")
	must(s.T, err)
	_, err = s.idp.Store.EndSSOSessions(s.Context(), ana.ID, "")
	must(s.T, err)
}

// out checks that nobody takes Ana for signed in, nor do we.
func (s *stage) out(v *visitor) {
	s.Helper()
	if s.one.signedIn(v) || !s.two.deaf && s.two.signedIn(v) {
		s.Error("still signed in at an application")
	}
	if _, ok := v.goesOn(s.one.open(v, wish{})); ok {
		s.Error("the session signs in")
	}
}

// logoutBySP: one application starts, the other one is told, and the first one
// hears that all went well.
func (s *stage) logoutBySP() {
	s.withoutSOAP()
	v := s.everywhere()
	p := s.one.leave(v)
	if !s.two.deaf {
		outcomes := v.signOut(p)
		if !slices.Equal(outcomes, []string{"done"}) {
			s.Errorf("the other application: %v", outcomes)
		}
		p = v.submit(p, form{action: "/logout/finish", fields: url.Values{"l": {p.url.Query().Get("l")}}})
	}
	p = v.carry(p)
	if ours := strings.HasPrefix(p.url.String(), s.idp.URL); ours || p.status != http.StatusOK || !strings.Contains(p.body, "signed out") {
		s.Errorf("told %d %s\n%.4000s\n%s", p.status, p.url, p.body, s.idp.Log)
	}
	s.out(v)
}

// logoutByPerson: Ana signs out at our own page, and both applications end
// their sessions.
func (s *stage) logoutByPerson() {
	s.withoutSOAP()
	v := s.everywhere()
	if outcomes := v.signOut(v.startLogout()); !slices.Equal(outcomes, []string{"done", "done"}) {
		s.Errorf("applications: %v", outcomes)
	}
	s.out(v)
}

// logoutEncrypted: both applications are told an identifier that only they can
// read.
func (s *stage) logoutEncrypted() {
	for _, a := range []application{s.one, s.two} {
		s.idp.Update(a.entityID, func(sp *idp.ServiceProvider) { sp.Encryption = idp.EncryptRequired })
		s.Cleanup(func() { s.idp.Update(a.entityID, func(sp *idp.ServiceProvider) { sp.Encryption = idp.EncryptOff }) })
	}
	s.key, _ = theirKey(s.T)
	s.logoutByPerson()
}

// logoutBySOAP: an application is told by a call of ours, without the browser.
func (s *stage) logoutBySOAP() {
	s.endpoints([]idp.Endpoint{{Binding: idp.BindingSOAP, Location: s.one.soap}}, s.one)
	v := s.signedIn()
	p := v.startLogout()
	if strings.Contains(p.body, "<iframe") {
		s.Error("there is a frame for it")
	}
	if outcomes := v.signOut(p); !slices.Equal(outcomes, []string{"done"}) {
		s.Errorf("applications: %v", outcomes)
	}
	if s.one.signedIn(v) {
		s.Error("still signed in at the application")
	}
}

// withoutSOAP lets us tell the applications through the browser only. We prefer
// a call where there is an endpoint for it.
func (s *stage) withoutSOAP() {
	for _, a := range []application{s.one, s.two} {
		sp, err := s.idp.Store.ServiceProvider(s.Context(), a.entityID)
		must(s.T, err)
		if len(sp.SLO) == 0 {
			s.Fatalf("no logout endpoint in the metadata of %s", a.entityID)
		}
		s.endpoints(slices.DeleteFunc(sp.SLO, func(e idp.Endpoint) bool { return e.Binding == idp.BindingSOAP }), a)
	}
}

// endpoints replaces the logout endpoints of an application during a behaviour.
func (s *stage) endpoints(to []idp.Endpoint, of application) {
	s.idp.Update(of.entityID, func(sp *idp.ServiceProvider) {
		before := sp.SLO
		s.Cleanup(func() { s.idp.Update(of.entityID, func(sp *idp.ServiceProvider) { sp.SLO = before }) })
		sp.SLO = to
	})
}

// startLogout signs out at our own page.
func (v *visitor) startLogout() page {
	v.t.Helper()
	p := v.get(v.idp.URL + "/saml/slo")
	f, ok := readForm(v.t, p.body)
	if !ok || f.action != "/logout/start" {
		v.t.Fatalf("no way to sign out: %d %s", p.status, p.body)
	}
	return v.submit(p, f)
}

// signOut does what the page of a sign-out does by itself: it loads the frames,
// and asks what became of the applications until nobody is waited for.
func (v *visitor) signOut(p page) (outcomes []string) {
	v.t.Helper()
	if p.status != http.StatusOK || p.url.Path != "/logout" {
		v.t.Fatalf("not the page of a sign-out: %d %s\n%.2000s\n%s", p.status, p.url, p.body, v.idp.Log)
	}
	for _, src := range frames(v, p) {
		if told := v.carry(v.get(src)); told.status != http.StatusOK || !strings.HasPrefix(told.url.String(), v.idp.URL) {
			v.t.Errorf("frame %s ended at %d %s\n%.2000s", src, told.status, told.url, told.body)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var state struct {
			Outcomes []string
			Pending  bool
		}
		r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.idp.URL+"/v1/logout?"+p.url.RawQuery, nil)
		must(v.t, err)
		r.Header.Set("X-Requested-By", "latchkey")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		answer := v.do(r)
		if err := json.Unmarshal([]byte(answer.body), &state); err != nil || answer.status != http.StatusOK {
			v.t.Fatalf("state: %d %s", answer.status, answer.body)
		}
		if !state.Pending {
			return state.Outcomes
		}
	}
	v.t.Fatal("still waiting")
	return nil
}

// frames are the addresses of the frames of a page.
func frames(v *visitor, p page) (all []string) {
	v.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.body))
	must(v.t, err)
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "iframe" {
			to, err := p.url.Parse(attribute(n, "src"))
			must(v.t, err)
			all = append(all, to.String())
		}
	}
	return all
}

// carry sends the forms of logout messages on, as the pages that hold them do by
// themselves. Those that are ours are judged by xmllint and xmlsec1.
func (v *visitor) carry(p page) page {
	v.t.Helper()
	for range 5 {
		f, ok := readForm(v.t, p.body)
		if !ok || !f.fields.Has("SAMLRequest") && !f.fields.Has("SAMLResponse") {
			return p
		}
		if strings.HasPrefix(p.url.String(), v.idp.URL) {
			name := "SAMLRequest"
			if f.fields.Has("SAMLResponse") {
				name = "SAMLResponse"
			}
			xml, err := base64.StdEncoding.DecodeString(f.fields.Get(name))
			must(v.t, err)
			schematest.VerifySignature(v.t, xml, schematest.PEM(v.idp.Cert.Raw), "LogoutRequest", "LogoutResponse")
			v.judge(xml)
		}
		p = v.submit(p, f)
	}
	v.t.Fatalf("forms without end, at %s", p.url)
	return p
}

// judgeRedirect sees every redirect. A message of ours has to be valid, and the
// query has to be signed (SAML Bindings 3.4.4.1).
func (v *visitor) judgeRedirect(next *http.Request, before []*http.Request) error {
	if len(before) > 10 {
		return errors.New("redirects without end")
	}
	query := next.URL.RawQuery
	if from := before[len(before)-1].URL; !strings.HasPrefix(from.String(), v.idp.URL) || !strings.Contains(query, "SAMLRe") {
		return nil
	}
	message := query[strings.Index(query, "SAMLRe"):]
	signed, _, found := strings.Cut(message, "&Signature=")
	fields, err := url.ParseQuery(message)
	if err != nil || !found {
		return errors.New("no signed message: " + query)
	}
	signature, err := base64.StdEncoding.DecodeString(fields.Get("Signature"))
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(v.idp.Cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature); err != nil {
		return err
	}
	deflated, err := base64.StdEncoding.DecodeString(fields.Get("SAMLRequest") + fields.Get("SAMLResponse"))
	if err != nil {
		return err
	}
	xml, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	if err != nil {
		return err
	}
	v.judge(xml)
	return nil
}

// judge checks a logout message of ours by the schema, and that it keeps the
// person to itself where assertions do.
func (v *visitor) judge(xml []byte) {
	v.t.Helper()
	schematest.Validate(v.t, xml)
	if request := bytes.Contains(xml, []byte("<samlp:LogoutRequest")); request && bytes.Contains(xml, []byte("EncryptedID")) != (v.key != nil) {
		v.t.Errorf("LogoutRequest %s", xml)
	}
	exercised.message()
}
