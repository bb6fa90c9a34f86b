package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// passkeyHere signs in with a passkey in the browser and returns the answer.
func (p *webPhone) passkeyHere(b *idptest.Browser, location string) (sid string, resp *http.Response) {
	p.t.Helper()
	b.Get(location)
	u, err := url.Parse(location)
	if err != nil {
		p.t.Fatal(err)
	}
	made := b.API("/v1/login/sessions", map[string]any{"login": u.Query().Get("l"), "mode": "passkey"}, "Idempotency-Key", idptest.RandomKey())
	view := idptest.Decode[idptest.View](p.t, made)
	return view.SID, b.API("/v1/login/sessions/"+view.SID+"/passkey", map[string]any{"assertion": p.assert(b, view.SID)})
}

// attest makes the stored device one that cannot leave its hardware.
func attest(t *testing.T, i *idptest.IdP, id string) {
	t.Helper()
	d, err := i.Store.Device(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	d.Attested, d.BackupEligible, d.BackupState = true, false, false
	if err := i.Store.SaveDevice(context.Background(), d); err != nil {
		t.Fatal(err)
	}
}

// hardware is a browser with a passkey that cannot leave its device.
func hardware(t *testing.T, i *idptest.IdP) (*idptest.Browser, *webPhone) {
	t.Helper()
	p := newWebPhone(t, i, "203.0.113.8", i.Alice)
	p.auth.Options.BackupEligible = false
	p.enroll(i.Invite(i.Alice))
	attest(t, i, p.device)
	return i.Browser("203.0.113.8"), p
}

func requested(comparison string, classes ...string) func(*samltest.Request) {
	var b strings.Builder
	fmt.Fprintf(&b, `<samlp:RequestedAuthnContext xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" Comparison=%q>`, comparison)
	for _, c := range classes {
		fmt.Fprintf(&b, `<saml:AuthnContextClassRef xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">%s</saml:AuthnContextClassRef>`, c)
	}
	b.WriteString(`</samlp:RequestedAuthnContext>`)
	return func(r *samltest.Request) { r.Children += b.String() }
}

// Which class comes back, or that none does, by what was asked and what the
// person has: a phone that scans (10), a passkey (20), one in hardware (30).
func TestRequestedAuthnContext(t *testing.T) {
	const password = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	const kerberos = "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"
	const none, early = "refused", "NoAuthnContext"
	for _, c := range []struct {
		comparison    string
		classes       []string
		qr, phr, phrh string
	}{
		{"exact", []string{kerberos}, early, early, early},
		{"exact", []string{password}, password, password, password},
		{"exact", []string{idp.ACRPHR}, none, idp.ACRPHR, idp.ACRPHR},
		{"exact", []string{kerberos, idp.ACRPHRHW}, none, none, idp.ACRPHRHW},
		{"minimum", []string{idp.ACRQR}, idp.ACRQR, idp.ACRQR, idp.ACRQR},
		{"minimum", []string{idp.ACRPHR}, none, idp.ACRPHR, idp.ACRPHR},
		{"minimum", []string{kerberos}, early, early, early},
		{"better", []string{idp.ACRQR}, none, idp.ACRPHR, idp.ACRPHRHW},
		{"better", []string{idp.ACRPHR}, none, none, idp.ACRPHRHW},
		{"better", []string{idp.ACRPHRHW}, early, early, early},
		{"maximum", []string{idp.ACRQR}, idp.ACRQR, none, none},
		{"maximum", []string{idp.ACRPHR}, idp.ACRQR, idp.ACRPHR, none},
	} {
		t.Run(fmt.Sprintf("P11 A34 %s %v", c.comparison, c.classes), func(t *testing.T) {
			i := idptest.New(t)
			for level, want := range map[string]string{"qr": c.qr, "phr": c.phr, "phr-hw": c.phrh} {
				var b *idptest.Browser
				var here *webPhone
				switch level {
				case "qr":
					b = i.Browser(screenIP)
				case "phr":
					b, here = browserPasskey(t, i, i.Bob)
				default:
					b, here = hardware(t, i)
				}
				if got := reach(t, i, b, here, requested(c.comparison, c.classes...)); got != want {
					t.Errorf("%s: %s, want %s", level, got, want)
				}
			}
		})
	}
}

// reach signs in and tells what the service provider hears: a class, a status,
// or nothing because we refuse.
func reach(t *testing.T, i *idptest.IdP, b *idptest.Browser, here *webPhone, change func(*samltest.Request)) string {
	t.Helper()
	resp := b.Get("/saml/sso?" + b.Query(change))
	if resp.StatusCode == http.StatusOK {
		if xml := string(idptest.ReadPost(t, resp).SAMLResponse); strings.Contains(xml, ":status:NoAuthnContext") && !strings.Contains(xml, "Assertion ") {
			return "NoAuthnContext"
		}
		return "an unexpected answer"
	}
	location := resp.Header.Get("Location")
	var sid string
	if here == nil {
		b.Get(location)
		u, _ := url.Parse(location)
		made := b.Create(u.Query().Get("l"), idptest.RandomKey())
		if made.StatusCode != http.StatusCreated {
			return "refused"
		}
		v := idptest.Decode[idptest.View](t, made)
		h := i.EnrolledHandset(i.Bob, phoneIP)
		c := h.MustScan(v.Frames[0].URL)
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		sid = v.SID
	} else {
		var resp *http.Response
		if sid, resp = here.passkeyHere(b, location); resp.StatusCode != http.StatusOK {
			return "refused"
		}
	}
	finished := b.Finish(sid, idptest.RandomKey())
	if finished.StatusCode != http.StatusOK {
		return "refused"
	}
	xml := string(idptest.ReadPost(t, finished).SAMLResponse)
	_, rest, _ := strings.Cut(xml, "AuthnContextClassRef>")
	class, _, _ := strings.Cut(rest, "<")
	return class
}

func TestMinimumLevelOfAnApplication(t *testing.T) {
	for class, want := range map[string][3]string{
		"":           {idp.ACRQR, idp.ACRPHR, idp.ACRPHRHW},
		idp.ACRPHR:   {"refused", idp.ACRPHR, idp.ACRPHRHW},
		idp.ACRPHRHW: {"refused", "refused", idp.ACRPHRHW},
	} {
		t.Run("P11 "+class, func(t *testing.T) {
			i := idptest.New(t)
			i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.MinACR = class })
			bob, passkey := browserPasskey(t, i, i.Bob)
			alice, hard := hardware(t, i)
			for n, got := range []string{
				reach(t, i, i.Browser(screenIP), nil, nil), reach(t, i, bob, passkey, nil), reach(t, i, alice, hard, nil),
			} {
				if got != want[n] {
					t.Errorf("level %d: %s, want %s", n, got, want[n])
				}
			}
		})
	}
}

// Q13: a counter that goes back is told, refuses where hardware is demanded,
// and locks nobody out.
func TestCounterGoesBack(t *testing.T) {
	for _, c := range []struct {
		stored, next uint32
		suspect      bool
	}{{10, 9, true}, {10, 10, true}, {0, 0, false}, {0, 5, false}, {5, 0, true}, {5, 6, false}} {
		t.Run(fmt.Sprintf("Q13 A46 %d to %d", c.stored, c.next), func(t *testing.T) {
			i := idptest.New(t)
			b, here := hardware(t, i)
			d, err := i.Store.Device(context.Background(), here.device)
			if err != nil {
				t.Fatal(err)
			}
			d.SignCount = c.stored
			if err := i.Store.SaveDevice(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			here.cred.Counter = c.next
			i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.MinACR = idp.ACRPHRHW })
			_, resp := here.passkeyHere(b, b.StartLogin(nil))
			if !c.suspect {
				accepted(t, resp, http.StatusOK)
			} else if p := idptest.ReadProblem(t, resp); p.Code != idp.DeviceNotStrongEnough {
				t.Errorf("where hardware is demanded: %s", p.Code)
			}
			i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.MinACR = "" })
			here.cred.Counter = 100
			sid, resp := here.passkeyHere(b, b.StartLogin(nil))
			accepted(t, resp, http.StatusOK)
			assertionID(t, b.Finish(sid, idptest.RandomKey()))
			events := 0
			for _, e := range i.Audit() {
				if e.Event == idp.AuditCloneSuspect {
					events++
				}
			}
			if d, err = i.Store.Device(context.Background(), here.device); err != nil || d.CloneSuspect != c.suspect || (events > 0) != c.suspect {
				t.Errorf("suspect %t, %d events, %v", d.CloneSuspect, events, err)
			}
			if strings.Contains(i.Log.String(), `"event":"alert"`) != c.suspect {
				t.Error("alert in the log")
			}
			if i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.MinACR = idp.ACRPHRHW }); c.suspect {
				here.cred.Counter = 200
				_, resp := here.passkeyHere(b, b.StartLogin(nil))
				if p := idptest.ReadProblem(t, resp); p.Code != idp.DeviceNotStrongEnough {
					t.Errorf("a suspicion is forgotten: %s", p.Code)
				}
			}
		})
	}
}

// A45: what is wrong with a passkey's answer is refused with its own code.
func TestForgedPasskey(t *testing.T) {
	i := idptest.New(t)
	b, here := browserPasskey(t, i, i.Alice)
	flip := func(name string) func(map[string]any) {
		return func(response map[string]any) {
			raw, err := idp.DecodeBase64(response[name].(string), -1)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)-1] ^= 1
			response[name] = idp.Base64.EncodeToString(raw)
		}
	}
	flags := func(mask byte) func(map[string]any) {
		return func(response map[string]any) {
			raw, err := idp.DecodeBase64(response["authenticatorData"].(string), -1)
			if err != nil {
				t.Fatal(err)
			}
			raw[32] &^= mask
			response["authenticatorData"] = idp.Base64.EncodeToString(raw)
		}
	}
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   idp.Code
	}{
		"signature":         {flip("signature"), idp.BadSignature},
		"userHandle":        {flip("userHandle"), idp.BadSignature},
		"counter":           {flip("authenticatorData"), idp.BadSignature},
		"user not present":  {flags(1), idp.BadSignature},
		"user not verified": {flags(4), idp.UVRequired},
	} {
		t.Run("Q14 A45 "+name, func(t *testing.T) {
			view := b.ShowCode()
			var assertion map[string]any
			if err := json.Unmarshal(here.assert(b, view.SID), &assertion); err != nil {
				t.Fatal(err)
			}
			c.change(assertion["response"].(map[string]any))
			if p := idptest.ReadProblem(t, b.API("/v1/login/sessions/"+view.SID+"/passkey", map[string]any{"assertion": assertion})); p.Code != c.want {
				t.Errorf("%s, want %s", p.Code, c.want)
			}
			if v := b.Poll(view.SID); v.Status != idp.StateCreated {
				t.Errorf("session is %s", v.Status)
			}
		})
	}
}
