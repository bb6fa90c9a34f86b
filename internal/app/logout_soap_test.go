package app_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// soap calls the SOAP endpoint as a server does: no cookies, no Origin.
func (v *visit) soap(envelope string) (body string, status int) {
	v.IdP.T.Helper()
	r := httptest.NewRequestWithContext(v.IdP.T.Context(), http.MethodPost, idptest.Base+"/saml/slo/soap", strings.NewReader(envelope))
	r.Header.Set("Content-Type", "text/xml")
	resp := v.IdP.Serve(r, address())
	return idptest.Body(v.IdP.T, resp), resp.StatusCode
}

type envelope struct {
	Response sent `xml:"Body>LogoutResponse"`
	Request  sent `xml:"Body>LogoutRequest"`
}

// server is the SOAP endpoint of a service provider.
type server struct {
	*samltest.SP
	*httptest.Server
	mu  sync.Mutex
	got []sent
}

func newServer(t *testing.T, name string, answer func(s *server, m sent, w http.ResponseWriter)) *server {
	t.Helper()
	s := &server{SP: samltest.NewSP(name)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e envelope
		if err := xml.Unmarshal(body, &e); err != nil || r.Header.Get("Cookie") != "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml") {
			t.Errorf("%s got %s: %v", name, body, err)
		}
		s.mu.Lock()
		s.got = append(s.got, e.Request)
		s.mu.Unlock()
		answer(s, e.Request, w)
	}))
	t.Cleanup(s.Close)
	s.SLO = []idp.Endpoint{{Binding: idp.BindingSOAP, Location: s.URL + "/slo"}}
	return s
}

// says answers with a LogoutResponse as change makes it.
func says(change func(s *server, r *samltest.LogoutResponse)) func(*server, sent, http.ResponseWriter) {
	return func(s *server, m sent, w http.ResponseWriter) {
		r := s.LoggedOut(idptest.Start.Add(time.Minute), m.ID)
		r.Destination = ""
		if change != nil {
			change(s, &r)
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, samltest.Soap(r.XML()))
	}
}

func TestLogoutBySOAP(t *testing.T) {
	v := newVisit(t, idptest.Options{})
	b := v.guests[0]
	r := b.Logout(v.IdP.Clock.Now(), aliceID, b.index)
	r.Destination = samltest.SLO + "/soap"
	call := samltest.Soap(b.SignXML(r.XML(), samltest.Signing{}))
	body, status := v.soap(call)
	var e envelope
	must(t, xml.Unmarshal([]byte(body), &e))
	// A can be told through a browser only, and there is none.
	if status != http.StatusOK || e.Response.status() != "Success PartialLogout" || e.Response.InResponseTo != r.ID || e.Response.Signature == nil || v.alive() {
		t.Errorf("%d %s, alive %v", status, body, v.alive())
	}
	t.Run("P21 replay", func(t *testing.T) {
		if body, status := v.soap(call); status != http.StatusInternalServerError || !strings.Contains(body, "faultcode") {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("P21 nobody", func(t *testing.T) {
		r := r
		r.ID = "_again"
		body, status := v.soap(samltest.Soap(b.SignXML(r.XML(), samltest.Signing{})))
		if status != http.StatusOK || !strings.Contains(body, "UnknownPrincipal") {
			t.Errorf("%d %s", status, body)
		}
	})
	for name, text := range map[string]string{
		"unsigned":               samltest.Soap(r.XML()),
		"signed for the browser": samltest.Soap(b.SignXML(b.Logout(v.IdP.Clock.Now(), aliceID).XML(), samltest.Signing{})),
		"no envelope":            b.SignXML(r.XML(), samltest.Signing{}),
		"empty":                  "",
	} {
		t.Run(name, func(t *testing.T) {
			body, status := v.soap(text)
			if status != http.StatusInternalServerError || !strings.Contains(body, "S:Client") || strings.Contains(body, "LogoutResponse") {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

// TestLogoutTellsServersAtOnce: twenty applications, each of which answers only
// when all have been called. One call after the other would never end.
func TestLogoutTellsServersAtOnce(t *testing.T) {
	const n = 20
	var all sync.WaitGroup
	all.Add(n)
	var servers []*samltest.SP
	var got []*server
	for k := range n {
		s := newServer(t, fmt.Sprintf("soap-%d", k), func(s *server, m sent, w http.ResponseWriter) {
			all.Done()
			all.Wait()
			says(nil)(s, m, w)
		})
		servers, got = append(servers, s.SP), append(got, s)
	}
	v := newVisit(t, idptest.Options{LocalCalls: true}, servers...)
	resp := v.Get("/saml/slo?" + signedQuery(v.guests[1], v.guests[1].Logout(v.IdP.Clock.Now(), aliceID)))
	page := resp.Header.Get("Location")
	s := v.state(logoutOf(page))
	for k, o := range s.Outcomes[1:] { // the first is B, in the browser
		if o != "done" {
			t.Errorf("application %d: %s", k, o)
		}
	}
	for k, server := range got {
		if len(server.got) != 1 || server.got[0].NameID.Value != aliceID || server.got[0].SessionIndex[0] != v.guests[k+2].index || server.got[0].Signature == nil {
			t.Errorf("%s was told %+v", server.EntityID, server.got)
		}
	}
}

func TestLogoutServersThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		answer  func(*server, sent, http.ResponseWriter)
		outcome string
	}{
		"says no":            {says(func(_ *server, r *samltest.LogoutResponse) { r.Status = "Responder" }), "failed"},
		"partial":            {says(func(_ *server, r *samltest.LogoutResponse) { r.Second = "PartialLogout" }), "failed"},
		"P22 another answer": {says(func(_ *server, r *samltest.LogoutResponse) { r.InResponseTo = "_x" }), "failed"},
		"P22 another sender": {says(func(_ *server, r *samltest.LogoutResponse) { r.Issuer = samltest.B().EntityID }), "failed"},
		"a fault": {func(_ *server, _ sent, w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/xml")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, samltest.Soap(`<S:Fault><faultcode>S:Server</faultcode><faultstring>no</faultstring></S:Fault>`))
		}, "failed"},
		"HTML":       {func(_ *server, _ sent, w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") }, "failed"},
		"P23 hangup": {func(*server, sent, http.ResponseWriter) { panic(http.ErrAbortHandler) }, "left_open"},
		"signed by a stranger": {func(s *server, m sent, w http.ResponseWriter) {
			r := s.LoggedOut(idptest.Start.Add(time.Minute), m.ID)
			r.Destination = ""
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, samltest.Soap(samltest.A().SignXML(r.XML(), samltest.Signing{})))
		}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "soap", c.answer)
			v := newVisit(t, idptest.Options{LocalCalls: true}, s.SP)
			page := v.PostForm("/logout/start", nil).Header.Get("Location")
			if got := v.state(logoutOf(page)); got.Outcomes[2] != c.outcome || v.alive() {
				t.Errorf("%+v, want %s; alive %v", got, c.outcome, v.alive())
			}
		})
	}
	t.Run("AD1 an address of the inside", func(t *testing.T) {
		s := newServer(t, "soap", says(nil))
		v := newVisit(t, idptest.Options{}, s.SP)
		page := v.PostForm("/logout/start", nil).Header.Get("Location")
		if got := v.state(logoutOf(page)); got.Outcomes[2] != "left_open" || len(s.got) != 0 {
			t.Errorf("%+v, %d calls", got, len(s.got))
		}
	})
}

func TestLogoutByAdministrator(t *testing.T) {
	call := func(t *testing.T, v *visit, path string, body any) (out adminapi.SignedOut) {
		t.Helper()
		text, err := json.Marshal(body)
		must(t, err)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, idptest.Base+path, strings.NewReader(string(text)))
		for k, val := range map[string]string{"Authorization": "Bearer " + idptest.AdminToken, "X-Requested-By": "latchkey", "Content-Type": "application/json"} {
			r.Header.Set(k, val)
		}
		resp := v.IdP.Serve(r, address())
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, idptest.Body(t, resp))
		}
		return idptest.Decode[adminapi.SignedOut](t, resp)
	}
	begin := func(t *testing.T) (*visit, *server) {
		s := newServer(t, "soap", says(nil))
		return newVisit(t, idptest.Options{LocalCalls: true}, s.SP), s
	}
	check := func(t *testing.T, v *visit, s *server, out adminapi.SignedOut) {
		t.Helper()
		if v.alive() || out.People != 1 || len(out.Applications) != 3 || len(s.got) != 1 ||
			out.Applications[0].Outcome != idp.LogoutUntold || out.Applications[2].Outcome != idp.LogoutDone {
			t.Errorf("%+v, %d calls, alive %v", out, len(s.got), v.alive())
		}
	}
	t.Run("a person", func(t *testing.T) {
		v, s := begin(t)
		check(t, v, s, call(t, v, "/v1/admin/users/"+v.IdP.Alice.ID+"/signout", nil))
	})
	t.Run("a device", func(t *testing.T) {
		v, s := begin(t)
		if out := call(t, v, "/v1/admin/users/"+v.IdP.Alice.ID+"/signout", adminapi.SignOut{Device: "another"}); out.People != 0 || !v.alive() {
			t.Errorf("%+v", out)
		}
		check(t, v, s, call(t, v, "/v1/admin/users/"+v.IdP.Alice.ID+"/signout", adminapi.SignOut{Device: v.session().CredentialID}))
	})
	t.Run("everybody", func(t *testing.T) {
		v, s := begin(t)
		for range 30 { // more than a page
			v.IdP.AddUser(idptest.RandomKey()+"@example.com", "x", "y")
		}
		var all adminapi.SignedOut
		for after, more := "", true; more; more = after != "" {
			out := call(t, v, "/v1/admin/signout", adminapi.SignOutAll{Everybody: true, After: after})
			all.People += out.People
			all.Applications = append(all.Applications, out.Applications...)
			after = out.After
		}
		check(t, v, s, all)
	})
}
