package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	samlstatus "github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const faultMustUnderstand = "MustUnderstand"

// TestECPRefuses: what is refused before a password is looked at. Nothing is
// written, signed or counted.
func TestECPRefuses(t *testing.T) {
	plain := func(change func(*program, *samltest.Request)) func(*program) string {
		return func(p *program) string {
			r := p.request()
			change(p, &r)
			return samltest.Envelope("", r.XML())
		}
	}
	signedBy := func(sp *samltest.SP, id samltest.Identity, change func(*samltest.Request)) func(*program) string {
		return func(p *program) string {
			r := p.of(sp)
			if change != nil {
				change(&r)
			}
			return samltest.Envelope("", id.SignXML(r.XML(), samltest.Signing{}))
		}
	}
	a, b := samltest.A(), samltest.B()
	for _, tt := range []struct {
		name     string
		envelope func(*program) string
		fault    string
		reason   idp.Reason
	}{
		{"E4 SOAP 1.2", func(p *program) string {
			return strings.Replace(samltest.Envelope("", p.request().XML()), "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", 1)
		}, "VersionMismatch", idp.XMLSchema},
		{"E4 unknown header that must be understood", func(p *program) string {
			return samltest.Envelope(`<x:Y xmlns:x="urn:x" `+samltest.NextActor+`/>`, p.request().XML())
		}, faultMustUnderstand, idp.XMLSchema},
		{"E4 the service provider's header", func(p *program) string {
			return samltest.Envelope(`<ecp:RelayState xmlns:ecp="urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp" `+samltest.NextActor+`>x</ecp:RelayState>`, p.request().XML())
		}, faultMustUnderstand, idp.XMLSchema},
		{"E4 two messages", func(p *program) string { return samltest.Envelope("", p.request().XML()+p.request().XML()) }, "Client", idp.XMLSchema},
		{"E4 no Body", func(*program) string { return `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"/>` }, "Client", idp.XMLSchema},
		{"E4 actor", func(p *program) string {
			return samltest.Envelope(`<x:Y xmlns:x="urn:x" S:actor="urn:another"/>`, p.request().XML())
		}, "Client", idp.XMLSchema},
		{"A05 X1 external entity", func(p *program) string {
			return `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + samltest.Envelope("", strings.Replace(p.request().XML(), "https://sp-b.test</saml:Issuer>", "&e;</saml:Issuer>", 1))
		}, "Client", idp.XMLDoctype},
		{"X8 comment in Issuer", func(p *program) string {
			return samltest.Envelope("", strings.Replace(p.request().XML(), "</saml:Issuer>", "<!---->.evil</saml:Issuer>", 1))
		}, "Client", idp.XMLComment},
		{"another message", func(*program) string {
			return samltest.Envelope("", `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_x"/>`)
		}, "Client", idp.XMLSchema},
		{"E5 endpoint of somebody else", plain(func(_ *program, r *samltest.Request) { r.ACS = "https://evil.test/paos" }), "Client", idp.ACSUnregistered},
		{"E5 endpoint for browsers", plain(func(_ *program, r *samltest.Request) { r.ACS = "https://sp-b.test/acs" }), "Client", idp.ACSUnregistered},
		{"E5 endpoint for browsers, by index", plain(func(_ *program, r *samltest.Request) { r.ACS, r.Attributes = "", `AssertionConsumerServiceIndex="0"` }), "Client", idp.ACSUnregistered},
		{"E5 no PAOS endpoint", plain(func(p *program, r *samltest.Request) {
			r.ACS = ""
			p.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.ACS = sp.ACS[:1] })
		}), "Client", idp.ACSUnregistered},
		{"E5 responseConsumerURL", func(p *program) string {
			return samltest.Envelope(`<paos:Request xmlns:paos="urn:liberty:paos:2003-08" `+samltest.NextActor+` responseConsumerURL="https://evil.test/paos"/>`, p.request().XML())
		}, "Client", idp.ACSUnregistered},
		{"E5 responseConsumerURL is the other endpoint", func(p *program) string {
			return samltest.Envelope(`<paos:Request xmlns:paos="urn:liberty:paos:2003-08" `+samltest.NextActor+` responseConsumerURL="https://sp-b.test/paos-other"/>`, p.request().XML())
		}, "Client", idp.ACSUnregistered},
		{"A17 P6 Destination of browsers", plain(func(_ *program, r *samltest.Request) { r.Destination = samltest.SSO }), "Client", idp.ReasonDestination},
		{"S12 signed for browsers", signedBy(b, b.Identity, func(r *samltest.Request) { r.Destination = samltest.SSO }), "Client", idp.ReasonDestination},
		{"A20 S8 signature required", func(p *program) string { return samltest.Envelope("", p.of(a).XML()) }, "Client", idp.SigRequired},
		{"A21 S9 signed by another", signedBy(a, b.Identity, nil), "Client", idp.SigUntrustedKey},
		{"changed after it was signed", func(p *program) string {
			e := signedBy(a, a.Identity, nil)(p)
			return strings.Replace(e, "/paos\"", "/paos-other\"", 1)
		}, "Client", idp.SigReference},
		{"A27 S1 wrapped: the signed request in the header", func(p *program) string {
			signed := a.SignXML(p.of(a).XML(), samltest.Signing{})
			evil := p.of(a)
			return samltest.Envelope(`<x:Y xmlns:x="urn:x">`+signed+`</x:Y>`, evil.XML())
		}, "Client", idp.SigRequired},
		{"A27 S1 wrapped: the signed request inside another", func(p *program) string {
			signed := a.SignXML(p.of(a).XML(), samltest.Signing{})
			evil := p.of(a)
			evil.Children = "<samlp:Extensions>" + signed + "</samlp:Extensions>"
			return samltest.Envelope("", evil.XML())
		}, "Client", idp.SigShape},
		{"A27 S1 wrapped: the signature refers to the header", func(p *program) string {
			original := p.of(a)
			signed := a.SignXML(original.XML(), samltest.Signing{})
			from, to := strings.Index(signed, "<ds:Signature "), strings.Index(signed, "</ds:Signature>")+len("</ds:Signature>")
			return samltest.Envelope(`<x:Y xmlns:x="urn:x">`+original.XML()+`</x:Y>`, samltest.Insert(p.of(a).XML(), signed[from:to]))
		}, "Client", idp.SigReference},
		{"X11 the same ID twice", func(p *program) string {
			r := p.request()
			return samltest.Envelope(`<x:Y xmlns:x="urn:x" ID="`+r.ID+`"/>`, r.XML())
		}, "Client", idp.XMLDuplicateID},
		{"too old", plain(func(p *program, r *samltest.Request) {
			r.IssueInstant = p.Clock.Now().Add(-6 * time.Minute).Format(time.RFC3339)
		}), "Client", idp.TimeWindow},
		{"unknown service provider", plain(func(_ *program, r *samltest.Request) { r.Issuer = "https://unknown.test" }), "Client", idp.SPUnknown},
		{"disabled", plain(func(p *program, _ *samltest.Request) {
			p.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.Disabled = true })
		}), "Client", idp.SPDisabled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var count *tabletest.Counting
			p := newProgram(t, b, idptest.Options{Table: func(inner table.Table) table.Table {
				count = tabletest.NewCounting(inner)
				return count
			}})
			envelope, signs := tt.envelope(p), p.Key.Signs()
			p.Log.Reset()
			count.Take()
			resp, body := p.send(envelope)
			writes := count.Take().WriteRequests
			f, err := samltest.ReadECP(body)
			if err != nil || resp.StatusCode != http.StatusInternalServerError || f.Fault != tt.fault {
				t.Errorf("%d %s, want a fault %s", resp.StatusCode, body, tt.fault)
			}
			if got := p.Log.Reasons(); !slices.Equal(got, []string{string(tt.reason)}) {
				t.Errorf("reasons %v, want %s", got, tt.reason)
			}
			if writes != 0 || p.Key.Signs() != signs {
				t.Errorf("%d writes, %d signatures", writes, p.Key.Signs()-signs)
			}
			for _, told := range []string{"evil", "unknown.test", "passwd", "urn:x", ".go:"} {
				if strings.Contains(body, told) {
					t.Errorf("%q is reflected in %s", told, body)
				}
			}
			idptest.CheckHeaders(t, resp)
		})
	}
}

// TestECPDoor: who may knock at all.
func TestECPDoor(t *testing.T) {
	p := newProgram(t, samltest.B())
	for _, tt := range []struct {
		name   string
		prep   func()
		header []string
		status int
		reason string
	}{
		{"a page of another site", nil, []string{"Origin", "https://evil.test"}, http.StatusForbidden, "cross_site"},
		{"a page of ours", nil, []string{"Origin", idptest.Base}, http.StatusForbidden, "cross_site"},
		{"a browser", nil, []string{"Sec-Fetch-Site", "none"}, http.StatusForbidden, "cross_site"},
		{"a form", nil, []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusInternalServerError, string(idp.BindingParams)},
		{"no credentials", nil, []string{"Authorization", ""}, http.StatusUnauthorized, "unauthorized"},
		{"other credentials", nil, []string{"Authorization", "Bearer " + idptest.AdminToken}, http.StatusUnauthorized, "unauthorized"},
		{"E3 off", func() { p.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.ECP = false }) }, nil, http.StatusForbidden, string(idp.ECPOff)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prep != nil {
				tt.prep()
			}
			p.Log.Reset()
			resp, body := p.send(samltest.Envelope("", p.request().XML()), tt.header...)
			if got := p.Log.Reasons(); resp.StatusCode != tt.status || !slices.Equal(got, []string{tt.reason}) {
				t.Errorf("%d %v, want %d %s: %s", resp.StatusCode, got, tt.status, tt.reason, body)
			}
			want := ""
			if tt.status == http.StatusUnauthorized {
				want = `Basic realm="Latchkey app password", charset="UTF-8"`
			}
			if got := resp.Header.Get("WWW-Authenticate"); got != want {
				t.Errorf("WWW-Authenticate %q", got)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		resp, _ := p.send(strings.Repeat(" ", 65<<10))
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d", resp.StatusCode)
		}
	})
	t.Run("GET", func(t *testing.T) {
		if resp := p.Browser(p.ip).Get("/saml/ecp"); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
			t.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
	})
}

// TestAppPasswordIsWrong: each is answered alike, and no request is used up.
func TestAppPasswordIsWrong(t *testing.T) {
	for name, change := range map[string]func(p *program){
		"E1 another password": func(p *program) { p.password = strings.Repeat("0000-", 6) + "0000" },
		"E1 not a password":   func(p *program) { p.password = "hunter2" },
		"E1 empty":            func(p *program) { p.password = "" },
		"E1 unknown person":   func(p *program) { p.name, p.password = "nobody@example.com", strings.Repeat("0000-", 6)+"0000" },
		"another person's":    func(p *program) { p.name = p.Bob.Email },
		"E3 of another application": func(p *program) {
			p.password, _ = p.appPassword(p.Alice, samltest.A().EntityID, time.Hour)
		},
		"E3 expired": func(p *program) {
			p.password, _ = p.appPassword(p.Alice, samltest.B().EntityID, time.Hour)
			p.Clock.Add(time.Hour)
		},
		"E3 revoked": func(p *program) {
			if _, err := p.Store.RevokeAppPassword(p.t.Context(), p.Alice.ID, p.id); err != nil {
				p.t.Fatal(err)
			}
		},
		"person removed": func(p *program) {
			if err := p.Store.DeleteUser(p.t.Context(), p.Alice.ID); err != nil {
				p.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, samltest.B())
			right := p.password
			change(p)
			signs := p.Key.Signs()
			resp, body := p.send(samltest.Envelope("", p.request().XML()))
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" || p.Key.Signs() != signs {
				t.Fatalf("%d %s", resp.StatusCode, body)
			}
			_, told, _ := strings.Cut(body, "<faultstring>")
			told, _, _ = strings.Cut(told, " Reference:")
			if told != "Give the person's e-mail address and an app password that is for this application." {
				t.Errorf("told %q", told)
			}
			if e := p.events(idp.AuditECPFailed); len(e) != 1 || e[0].SP != "https://sp-b.test" || e[0].Detail["name_sha256"] == "" {
				t.Errorf("events %+v", e)
			}
			for _, secret := range []string{right, p.password, p.name} {
				if secret != "" && strings.Contains(p.Log.String(), secret) {
					t.Errorf("the log holds %q", secret)
				}
			}
		})
	}
}

// TestECPGuessing is rows E1 and A59.
func TestECPGuessing(t *testing.T) {
	t.Run("A59 E1 twenty wrong ones of an address", func(t *testing.T) {
		var count *tabletest.Counting
		p := newProgram(t, samltest.B(), idptest.Options{Table: func(inner table.Table) table.Table {
			count = tabletest.NewCounting(inner)
			return count
		}})
		right, req := p.password, p.request()
		p.password = "0000"
		var statuses []int
		for range 20 {
			resp, _ := p.send(samltest.Envelope("", req.XML()))
			statuses = append(statuses, resp.StatusCode)
			if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
		want := append(slices.Repeat([]int{http.StatusUnauthorized}, 10), slices.Repeat([]int{http.StatusTooManyRequests}, 10)...)
		if !slices.Equal(statuses, want) {
			t.Fatalf("statuses %v", statuses)
		}
		if e := p.events(idp.AuditECPFailed); len(e) != 10 {
			t.Errorf("%d events", len(e))
		}
		count.Take()
		for range 1000 {
			p.send(samltest.Envelope("", req.XML()))
		}
		if n := count.Take(); n.WriteRequests != 0 {
			t.Errorf("1,000 guesses beyond the limit wrote %d times", n.WriteRequests)
		}
		p.password = right
		if resp, _ := p.send(samltest.Envelope("", req.XML())); resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the address is let in: %d", resp.StatusCode)
		}
		p.Clock.Add(31 * time.Second)
		if a := p.ask(req.XML(), http.StatusOK); a.Status != samlstatus.StatusSuccess {
			t.Errorf("after a while: %+v", a)
		}
	})
	t.Run("E1 from everywhere against a person", func(t *testing.T) {
		p := newProgram(t, samltest.B())
		right := p.password
		p.password = "0000"
		limited := 0
		for n := range 30 {
			p.ip = "198.51.100." + string(rune('1'+n/10)) + string(rune('0'+n%10))
			resp, _ := p.send(samltest.Envelope("", p.request().XML()))
			if resp.StatusCode == http.StatusTooManyRequests {
				limited++
			}
		}
		if limited != 20 {
			t.Errorf("%d of 30 were limited, want 20", limited)
		}
		p.password = right // strangers lock nobody out
		if a := p.ask(p.request().XML(), http.StatusOK); a.Status != samlstatus.StatusSuccess {
			t.Errorf("%+v", a)
		}
	})
	t.Run("E1 known and unknown people cost the same", func(t *testing.T) {
		var count *tabletest.Counting
		p := newProgram(t, samltest.B(), idptest.Options{Table: func(inner table.Table) table.Table {
			count = tabletest.NewCounting(inner)
			return count
		}})
		p.password = strings.Repeat("0000-", 6) + "0000"
		cost := func(name, ip string) tabletest.Counts {
			p.name, p.ip = name, ip
			count.Take()
			p.send(samltest.Envelope("", p.request().XML()))
			return count.Take()
		}
		known, unknown := cost(p.Alice.Email, "192.0.2.11"), cost("nobody@example.com", "192.0.2.12")
		if known != unknown {
			t.Errorf("known %+v, unknown %+v", known, unknown)
		}
	})
	t.Run("a right one is not counted", func(t *testing.T) {
		p := newProgram(t, samltest.B())
		for range 12 {
			p.ask(p.request().XML(), http.StatusOK)
		}
	})
}

// TestECPReplay: a request is answered once, at whatever endpoint (P1, A19).
func TestECPReplay(t *testing.T) {
	p := newProgram(t, samltest.B())
	for _, first := range []string{"browser", "program"} {
		t.Run("A19 P1 first by a "+first, func(t *testing.T) {
			r := p.request()
			r.Destination = ""
			browser := func() *http.Response {
				r := r
				r.ACS, r.Attributes = "", ""
				return p.Browser("192.0.2.77").Get("/saml/sso?" + samltest.RedirectQuery(r.XML(), nil))
			}
			if first == "browser" {
				if resp := browser(); resp.StatusCode != http.StatusSeeOther {
					t.Fatalf("browser: %d", resp.StatusCode)
				}
				p.Log.Reset()
				p.ask(r.XML(), http.StatusInternalServerError)
			} else {
				p.ask(r.XML(), http.StatusOK)
				p.Log.Reset()
				if resp := browser(); resp.StatusCode != http.StatusBadRequest {
					t.Errorf("browser: %d", resp.StatusCode)
				}
			}
			if got := p.Log.Reasons(); !slices.Equal(got, []string{string(idp.ReasonReplay)}) {
				t.Errorf("reasons %v", got)
			}
		})
	}
	t.Run("50 at once", func(t *testing.T) {
		req, done := p.request().XML(), make(chan int, 50)
		for range 50 {
			go func() {
				resp, _ := p.send(samltest.Envelope("", req))
				done <- resp.StatusCode
			}()
		}
		granted := 0
		for range 50 {
			if <-done == http.StatusOK {
				granted++
			}
		}
		if granted != 1 {
			t.Errorf("%d answers to one request", granted)
		}
	})
}
