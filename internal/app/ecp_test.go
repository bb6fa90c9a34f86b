package app_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	samlstatus "github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const classPassword = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

// program calls the endpoint for programs as alice, from an address of its own.
type program struct {
	*idptest.IdP
	t        testing.TB
	ip       string
	name     string
	password string
	id       string // of the app password
}

// newProgram lets programs sign in to A and B, and gives alice an app password
// for one of them.
func newProgram(t testing.TB, sp *samltest.SP, opts ...idptest.Options) *program {
	t.Helper()
	i := idptest.New(t, opts...)
	for _, entity := range []string{samltest.A().EntityID, samltest.B().EntityID} {
		i.UpdateSP(entity, samltest.Programs)
	}
	p := &program{IdP: i, t: t, ip: "203.0.113.5", name: i.Alice.Email}
	p.password, p.id = p.appPassword(i.Alice, sp.EntityID, 90*24*time.Hour)
	return p
}

func (p *program) appPassword(u *idp.User, sp string, life time.Duration) (password, id string) {
	p.t.Helper()
	characters, err := login.NewAppPassword(bytes.NewReader([]byte(idptest.RandomKey() + idptest.RandomKey())))
	if err != nil {
		p.t.Fatal(err)
	}
	now := p.Clock.Millis()
	id = idp.Base32.EncodeToString([]byte(characters[:16]))
	err = p.Store.CreateAppPassword(context.Background(), &idp.AppPassword{
		ID: id, UserID: u.ID, SP: sp, Name: "mail", Hash: login.AppPasswordHash(characters), CreatedAt: now, ExpiresAt: now.Add(life),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return login.DisplayCode(characters), id
}

// request is a fresh one of B, unsigned.
func (p *program) request() samltest.Request { return p.of(samltest.B()) }

func (p *program) of(sp *samltest.SP) samltest.Request {
	r := sp.ECPRequest(p.Clock.Now())
	r.ID = "_" + idptest.RandomKey()
	return r
}

// send posts an envelope; header are names and values, "" for none.
func (p *program) send(envelope string, header ...string) (*http.Response, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, samltest.ECP, strings.NewReader(envelope))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", samltest.SOAPType)
	r.SetBasicAuth(p.name, p.password)
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
		if header[n+1] == "" {
			r.Header.Del(header[n])
		}
	}
	resp := p.Serve(r, p.ip)
	return resp, idptest.Body(p.t, resp)
}

// ask sends a message and reads the answer.
func (p *program) ask(message string, status int) *samltest.ECPAnswer {
	p.t.Helper()
	return p.envelope(samltest.Envelope("", message), status)
}

func (p *program) envelope(envelope string, status int) *samltest.ECPAnswer {
	p.t.Helper()
	resp, body := p.send(envelope)
	if resp.StatusCode != status {
		p.t.Fatalf("%d %s, want %d\n%s", resp.StatusCode, body, status, p.Log)
	}
	a, err := samltest.ReadECP(body)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// cert is the certificate of the key that signs.
func (p *program) cert() []byte {
	p.t.Helper()
	body := idptest.Body(p.t, p.Browser(p.ip).Get("/saml/metadata"))
	_, after, _ := strings.Cut(body, "X509Certificate>")
	der, _, _ := strings.Cut(after, "<")
	return []byte("-----BEGIN CERTIFICATE-----\n" + strings.TrimSpace(der) + "\n-----END CERTIFICATE-----\n")
}

// events are the audit events of a kind.
func (p *program) events(kind string) (found []idp.AuditEvent) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, idptest.Base+"/v1/admin/audit?limit=500&event="+kind+"&day="+p.Clock.Now().UTC().Format(time.DateOnly), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+idptest.AdminToken)
	resp := p.Serve(r, "192.0.2.1")
	var page struct{ Items []idp.AuditEvent }
	if err := json.Unmarshal([]byte(idptest.Body(p.t, resp)), &page); err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("audit: %d %v", resp.StatusCode, err)
	}
	return page.Items
}

// TestProgramSignsIn follows the whole profile, with crewjam/saml as the service
// provider that judges the assertion, on both table engines.
func TestProgramSignsIn(t *testing.T) {
	for name, engine := range map[string]func(testing.TB, idp.Clock) table.Table{
		"embedded": nil, "dynamo": func(t testing.TB, clock idp.Clock) table.Table { return dynamotest.New(t, clock) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, samltest.A(), idptest.Options{Engine: engine})
			client := &samltest.Program{
				SP: samltest.A(), IdP: p.Transport(p.ip), Username: "Alice@Example.com", Password: strings.ToLower(p.password),
				Clock: p.Clock.Now, Consume: p.crewjam,
			}
			who, err := client.Open()
			if err != nil || who != "alice@example.com" {
				t.Fatalf("signed in as %q: %v", who, err)
			}
			t.Run("a service provider in the middle gets nothing", func(t *testing.T) {
				p.Clock.Add(time.Second)
				client.Elsewhere = "https://evil.test/paos"
				if who, err := client.Open(); err == nil || !strings.Contains(err.Error(), "elsewhere") {
					t.Errorf("signed in as %q: %v", who, err)
				}
			})
			t.Run("once", func(t *testing.T) {
				client.Elsewhere = ""
				if who, err := client.Open(); err == nil || !strings.Contains(err.Error(), "500 fault") {
					t.Errorf("a repeated request: %q, %v", who, err)
				}
				if reasons := p.Log.Reasons(); reasons[len(reasons)-1] != string(idp.ReasonReplay) {
					t.Errorf("reasons %v", reasons)
				}
			})
			stored, err := p.Store.AppPassword(t.Context(), p.Alice.ID, p.id)
			if err != nil || stored.LastUsedAt != p.Clock.Millis() {
				t.Errorf("use not noted: %+v, %v", stored, err)
			}
			if sessions, err := p.Store.SSOSessions(t.Context(), p.Alice.ID); err != nil || len(sessions) != 0 {
				t.Errorf("sessions %v, %v", sessions, err)
			}
		})
	}
}

// crewjam judges a Response as the PAOS endpoint of A.
func (p *program) crewjam(at, requestID string, response []byte) (string, error) {
	at0 := saml.TimeNow
	saml.TimeNow = p.Clock.Now
	defer func() { saml.TimeNow = at0 }()
	var md saml.EntityDescriptor
	if err := xml.Unmarshal([]byte(idptest.Body(p.t, p.Browser(p.ip).Get("/saml/metadata"))), &md); err != nil {
		return "", err
	}
	acs, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	sp := saml.ServiceProvider{EntityID: samltest.A().EntityID, AcsURL: *acs, IDPMetadata: &md}
	assertion, err := sp.ParseXMLResponse(response, []string{requestID}, *acs)
	if invalid := (*saml.InvalidResponseError)(nil); errors.As(err, &invalid) {
		return "", fmt.Errorf("crewjam: %w", invalid.PrivateErr)
	}
	if err != nil {
		return "", err
	}
	return assertion.Subject.NameID.Value, nil
}

func TestProgramsAnswer(t *testing.T) {
	p := newProgram(t, samltest.B())
	req := p.request()
	resp, body := p.send(samltest.Envelope("", req.XML()))
	idptest.CheckHeaders(t, resp)
	if ct := resp.Header.Get("Content-Type"); ct != "text/xml; charset=utf-8" || len(resp.Cookies()) != 0 || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", resp.Header)
	}
	a, err := samltest.ReadECP(body)
	if err != nil || a.Status != samlstatus.StatusSuccess || a.ACS != "https://sp-b.test/paos" || a.Authenticated || a.SessionKey != nil {
		t.Fatalf("%+v, %v: %s", a, err, body)
	}
	schematest.Validate(t, a.Response)
	schematest.VerifySignature(t, a.Response, p.cert())
	schematest.Validate(t, []byte(body))
	for path, want := range map[string]string{
		"./Subject/NameID":                                   "alice@example.com",
		"./Conditions/AudienceRestriction/Audience":          "https://sp-b.test",
		"./AuthnStatement/AuthnContext/AuthnContextClassRef": classPassword,
	} {
		if e := a.Assertion.FindElement(path); e == nil || e.Text() != want {
			t.Errorf("%s: %v, want %s", path, e, want)
		}
	}
	data := a.Assertion.FindElement("./Subject/SubjectConfirmation[@Method='urn:oasis:names:tc:SAML:2.0:cm:bearer']/SubjectConfirmationData")
	if data == nil || data.SelectAttrValue("Recipient", "") != "https://sp-b.test/paos" || data.SelectAttrValue("InResponseTo", "") != req.ID {
		t.Errorf("confirmation of %s", a.Response)
	}
	statement := a.Assertion.FindElement("./AuthnStatement")
	if statement.SelectAttr("SessionIndex") != nil || statement.SelectAttr("SessionNotOnOrAfter") == nil {
		t.Errorf("statement of %s", a.Response)
	}
	done := p.events(idp.AuditECPFinished)
	if len(done) != 1 || done[0].UserID != p.Alice.ID || done[0].SP != "https://sp-b.test" || done[0].Detail["acr"] != classPassword || done[0].Detail["app_password"] != p.id {
		t.Errorf("events %+v", done)
	}
	if strings.Contains(p.Log.String(), strings.ReplaceAll(p.password, "-", "")) || strings.Contains(p.Log.String(), p.password) {
		t.Error("the log holds the app password")
	}
	t.Run("default endpoint", func(t *testing.T) {
		req := p.request()
		req.ACS, req.Attributes = "", ""
		if a := p.ask(req.XML(), http.StatusOK); a.ACS != "https://sp-b.test/paos" || a.Status != samlstatus.StatusSuccess {
			t.Errorf("%+v", a)
		}
	})
	t.Run("signed, by a service provider that does not know to whom", func(t *testing.T) {
		req := p.request()
		req.Destination = ""
		message := samltest.B().SignXML(req.XML(), samltest.Signing{})
		if a := p.ask(message, http.StatusOK); a.Status != samlstatus.StatusSuccess || !a.Authenticated {
			t.Errorf("%+v", a)
		}
		req.ID, req.ACS, req.Attributes = "_"+idptest.RandomKey(), "", ""
		message = samltest.B().SignXML(req.XML(), samltest.Signing{})
		p.Log.Reset()
		resp := p.Browser("192.0.2.8").PostFrom("https://sp-b.test", "/saml/sso", samltest.POSTBody(message, nil))
		if got := p.Log.Reasons(); resp.StatusCode != http.StatusBadRequest || got[0] != string(idp.ReasonDestination) {
			t.Errorf("the same in a browser: %d %v", resp.StatusCode, got)
		}
	})
	t.Run("as programs write it", func(t *testing.T) {
		envelope := strings.Replace(samltest.Envelope("", "\n  "+p.request().XML()+"\n"), "<S:Body>", "<S:Header/>\n<S:Body>", 1)
		if a := p.envelope(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"+envelope+"\n", http.StatusOK); a.Status != samlstatus.StatusSuccess {
			t.Errorf("%+v", a)
		}
	})
	t.Run("the other endpoint, by its index", func(t *testing.T) {
		req := p.request()
		req.ACS, req.Attributes = "", `AssertionConsumerServiceIndex="1"`
		if a := p.ask(req.XML(), http.StatusOK); a.ACS != "https://sp-b.test/paos-other" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("signed, by userPrincipalName, the session no longer than the password", func(t *testing.T) {
		p.UpdateUser(p.Alice.ID, func(u *idp.User) { u.UPN = "alice@corp.example" })
		p.name = "ALICE@corp.example"
		p.password, _ = p.appPassword(p.Alice, samltest.B().EntityID, 2*time.Hour)
		a := p.ask(samltest.B().SignXML(p.request().XML(), samltest.Signing{}), http.StatusOK)
		until := a.Assertion.FindElement("./AuthnStatement").SelectAttrValue("SessionNotOnOrAfter", "")
		if want := p.Clock.Now().Add(2 * time.Hour).Format("2006-01-02T15:04:05.000Z"); !a.Authenticated || until != want {
			t.Errorf("authenticated %v, until %s, want %s", a.Authenticated, until, want)
		}
	})
}

// TestProgramIsTold: what the service provider hears, at its PAOS endpoint.
func TestProgramIsTold(t *testing.T) {
	asks := func(class, comparison string) func(*program, *samltest.Request) {
		return func(_ *program, r *samltest.Request) {
			r.Children = `<samlp:RequestedAuthnContext Comparison="` + comparison + `"><saml:AuthnContextClassRef>` + class + `</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>`
		}
	}
	sp := func(change func(*idp.ServiceProvider)) func(*program, *samltest.Request) {
		return func(p *program, _ *samltest.Request) { p.UpdateSP(samltest.B().EntityID, change) }
	}
	for _, tt := range []struct {
		name   string
		change func(*program, *samltest.Request)
		status string // of the Response; empty: success
	}{
		{"P28 person disabled", func(p *program, _ *samltest.Request) {
			p.UpdateUser(p.Alice.ID, func(u *idp.User) { u.Disabled = true })
		}, samlstatus.StatusAuthnFailed},
		{"not assigned", sp(func(s *idp.ServiceProvider) { s.Access = []string{"user:bob@example.com"} }), samlstatus.StatusAuthnFailed},
		{"assigned", sp(func(s *idp.ServiceProvider) { s.Access = []string{"user:alice@example.com"} }), ""},
		{"attribute missing", sp(func(s *idp.ServiceProvider) { s.NameID = "persistent = immutableId" }), samlstatus.StatusAuthnFailed},
		{"another Subject", func(_ *program, r *samltest.Request) {
			r.Children = `<saml:Subject><saml:NameID>bob@example.com</saml:NameID></saml:Subject>`
		}, samlstatus.StatusUnknownPrincipal},
		{"the right Subject", func(_ *program, r *samltest.Request) {
			r.Children = `<saml:Subject><saml:NameID>alice@example.com</saml:NameID></saml:Subject>`
		}, ""},
		{"E3 min-acr qr", sp(func(s *idp.ServiceProvider) { s.MinACR = idp.ACRQR }), samlstatus.StatusNoAuthnContext},
		{"E3 passkeys only", sp(func(s *idp.ServiceProvider) { s.QRPolicy = idp.QRPolicyOff }), samlstatus.StatusNoAuthnContext},
		{"E3 asks for the phone", asks(idp.ACRQR, "exact"), samlstatus.StatusNoAuthnContext},
		{"E3 asks for better than a password", asks(classPassword, "better"), samlstatus.StatusNoAuthnContext},
		{"asks for a password", asks(classPassword, "exact"), ""},
		{"default class is not claimed", sp(func(s *idp.ServiceProvider) { s.DefaultACR = idp.ACRPHR }), ""},
		{"NameIDPolicy", func(_ *program, r *samltest.Request) {
			r.Children = `<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos"/>`
		}, samlstatus.StatusInvalidNameIDPolicy},
		{"ForceAuthn and IsPassive", func(_ *program, r *samltest.Request) { r.Attributes += ` ForceAuthn="true" IsPassive="true"` }, ""},
		{"binding of browsers", func(_ *program, r *samltest.Request) {
			r.Attributes = `ProtocolBinding="` + idp.BindingPOST + `"`
		}, samlstatus.StatusUnsupportedBinding},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProgram(t, samltest.B())
			req := p.request()
			tt.change(p, &req)
			a := p.ask(req.XML(), http.StatusOK)
			if tt.status == "" {
				if a.Status != samlstatus.StatusSuccess || !strings.Contains(string(a.Response), ">"+classPassword+"<") {
					t.Fatalf("%+v %s", a, a.Response)
				}
				return
			}
			if a.Status != tt.status || a.Assertion != nil || a.ACS != "https://sp-b.test/paos" {
				t.Fatalf("%+v %s, want %s", a, a.Response, tt.status)
			}
			schematest.Validate(t, a.Response)
			schematest.VerifySignature(t, a.Response, p.cert())
			if e := p.events(idp.AuditECPRejected); len(e) != 1 || e[0].Detail["status"] != tt.status {
				t.Errorf("events %+v", e)
			}
			if again := p.ask(req.XML(), http.StatusInternalServerError); again.Fault != "Client" || p.Key.Signs() > 3 {
				t.Errorf("replay: %+v, %d signatures", again, p.Key.Signs())
			}
		})
	}
}

func TestChannelBindings(t *testing.T) {
	const kind, value = "tls-server-end-point", "Y2hhbm5lbA=="
	extension := func(bindings ...string) string {
		return "<samlp:Extensions>" + strings.Join(bindings, "") + "</samlp:Extensions>"
	}
	ours := samltest.ChannelBindings(kind, value, "")
	other := samltest.ChannelBindings(kind, "b3RoZXI=", "")
	for _, tt := range []struct {
		name, extensions, header string
		unsigned, ok             bool
	}{
		{"both", extension(ours), samltest.ChannelBindings(kind, value, samltest.NextActor), false, true},
		{"one of two", extension(other, ours), samltest.ChannelBindings(kind, value, samltest.NextActor), false, true},
		{"not signed", extension(ours), samltest.ChannelBindings(kind, value, samltest.NextActor), true, false},
		{"another value", extension(other), samltest.ChannelBindings(kind, value, samltest.NextActor), false, false},
		{"another type", extension(samltest.ChannelBindings("tls-unique", value, "")), samltest.ChannelBindings(kind, value, samltest.NextActor), false, false},
		{"only of the service provider", extension(ours), "", false, false},
		{"only of the program", "", samltest.ChannelBindings(kind, value, samltest.NextActor), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProgram(t, samltest.B())
			req := p.request()
			req.Children = tt.extensions
			message := req.XML()
			if !tt.unsigned {
				message = samltest.B().SignXML(message, samltest.Signing{})
			}
			a := p.envelope(samltest.Envelope(tt.header, message), http.StatusOK)
			if !tt.ok {
				if a.Status != samlstatus.StatusRequestDenied || a.Assertion != nil || a.ChannelBindings != nil {
					t.Errorf("%+v", a)
				}
				return
			}
			advice := a.Assertion.FindElements("./Advice/ChannelBindings")
			if len(a.ChannelBindings) != 1 || a.ChannelBindings[0] != value || len(advice) != 1 || advice[0].Text() != value || advice[0].SelectAttrValue("Type", "") != kind {
				t.Errorf("%+v %s", a, a.Response)
			}
			schematest.Validate(t, a.Response)
			schematest.VerifySignature(t, a.Response, p.cert())
		})
	}
}

// TestSessionKey: program and service provider get the same key, if nobody
// between them can read it.
func TestSessionKey(t *testing.T) {
	p := newProgram(t, samltest.B())
	id := samltest.RSA(2048)
	p.UpdateSP(samltest.B().EntityID, func(sp *idp.ServiceProvider) {
		sp.Encryption, sp.EncryptCerts = idp.EncryptRequired, [][]byte{id.Cert.Raw}
	})
	const asks = `<samlec:SessionKey xmlns:samlec="urn:ietf:params:xml:ns:samlec" ` + samltest.NextActor + `><samlec:EncType>17</samlec:EncType></samlec:SessionKey>`
	der, err := x509.MarshalPKCS8PrivateKey(id.Key)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	keys := map[string]bool{}
	for _, header := range []string{asks, ""} {
		a := p.envelope(samltest.Envelope(header, p.request().XML()), http.StatusOK)
		if a.Assertion != nil || len(a.SessionKey) != 32 || !strings.Contains(string(a.Response), "EncryptedAssertion") {
			t.Fatalf("%+v %s", a, a.Response)
		}
		plain := schematest.Decrypt(t, a.Response, key)
		schematest.Validate(t, a.Response)
		_, after, _ := strings.Cut(string(plain), "<samlec:GeneratedKey")
		_, text, _ := strings.Cut(after, ">")
		text, _, _ = strings.Cut(text, "<")
		if got, err := base64.StdEncoding.DecodeString(text); err != nil || !bytes.Equal(got, a.SessionKey) {
			t.Errorf("the assertion has another key: %s", plain)
		}
		keys[string(a.SessionKey)] = true
	}
	if len(keys) != 2 {
		t.Error("the same key twice")
	}
}
