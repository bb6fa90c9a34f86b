package ecp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/ecp"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/soap"
)

var (
	now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	env = request.Env{SSOURL: samltest.ECP, Now: now}
)

func programs(sp *samltest.SP) *samltest.SP {
	samltest.Programs(&sp.ServiceProvider)
	return sp
}

func TestJudge(t *testing.T) {
	b := programs(samltest.B())
	message := b.SignXML(b.ECPRequest(now).XML(), samltest.Signing{})
	m, err := ecp.Parse(samltest.SOAPType, []byte(samltest.Envelope("", message)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.Judge(&b.ServiceProvider, env)
	if err != nil || l.ACS != "https://sp-b.test/paos" || l.Binding != idp.BindingPAOS || !l.Signed || !b.Receives(l) {
		t.Errorf("%+v, %v", l, err)
	}
	t.Run("the same address for browsers is another endpoint", func(t *testing.T) {
		l := *l
		l.Binding = ""
		if b.Receives(&l) {
			t.Error("an answer by HTTP-POST goes to a PAOS endpoint")
		}
	})
	t.Run("paos:Request that says the right address", func(t *testing.T) {
		header := `<paos:Request xmlns:paos="urn:liberty:paos:2003-08" ` + samltest.NextActor + ` responseConsumerURL="https://sp-b.test/paos"/>`
		m, err := ecp.Parse(samltest.SOAPType, []byte(samltest.Envelope(header, message)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Judge(&b.ServiceProvider, env); err != nil {
			t.Error(err)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	b := programs(samltest.B())
	message := b.ECPRequest(now).XML()
	binding := func(kind, value string) string { return samltest.ChannelBindings(kind, value, "") }
	for _, tt := range []struct{ name, envelope string }{
		{"paos:Request without address", samltest.Envelope(`<paos:Request xmlns:paos="urn:liberty:paos:2003-08"/>`, message)},
		{"paos:Request twice", samltest.Envelope(strings.Repeat(`<paos:Request xmlns:paos="urn:liberty:paos:2003-08" responseConsumerURL="x"/>`, 2), message)},
		{"ChannelBindings without type", samltest.Envelope(binding("", "YQ=="), message)},
		{"ChannelBindings without value", samltest.Envelope(binding("x", ""), message)},
		{"ChannelBindings that are not base64", samltest.Envelope(binding("x", "a b"), message)},
		{"too many ChannelBindings", samltest.Envelope(strings.Repeat(binding("x", "YQ=="), 9), message)},
		{"ChannelBindings with a child", samltest.Envelope(binding("x", "<y/>"), message)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if m, err := ecp.Parse(samltest.SOAPType, []byte(tt.envelope)); m != nil || !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: idp.XMLSchema}) {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	issued := &response.Issued{
		XML:             []byte(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_x">a &lt; b</samlp:Response>`),
		ChannelBindings: []idp.ChannelBinding{{Type: `"x"`, Value: "YQ=="}}, SessionKey: []byte("key"),
	}
	out, err := ecp.Answer{Login: &idp.Login{ACS: "https://sp.test/paos?a=1&b=2", Signed: true}, Response: issued}.XML()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "<S:Body>"+string(issued.XML)+"</S:Body>") {
		t.Errorf("the response was changed: %s", out)
	}
	a, err := samltest.ReadECP(strings.Replace(string(out), "a &lt; b", `<samlp:Status><samlp:StatusCode Value="x"/></samlp:Status>`, 1))
	if err != nil || a.ACS != "https://sp.test/paos?a=1&b=2" || !a.Authenticated || len(a.ChannelBindings) != 1 || string(a.SessionKey) != "key" {
		t.Errorf("%+v, %v: %s", a, err, out)
	}
	header := []soap.Name{
		{Space: "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp", Local: "Response"}, {Space: request.ChannelBindingNS, Local: "ChannelBindings"},
	}
	if _, err := soap.Parse(samltest.SOAPType, out, header...); err != nil {
		t.Error(err)
	}
	for n := range header { // each must be understood
		if _, err := soap.Parse(samltest.SOAPType, out, header[n]); err == nil {
			t.Errorf("only %s must be understood", header[n].Local)
		}
	}
	if _, err := (ecp.Answer{Login: &idp.Login{}, Response: &response.Issued{XML: []byte("<")}}).XML(); err == nil {
		t.Error("a response that is not XML")
	}
}

// FuzzECP holds that no envelope panics, that what a service provider must sign
// is signed, and that no answer goes where it has no PAOS endpoint.
func FuzzECP(f *testing.F) {
	a, id := programs(samltest.A()), samltest.Fixed()
	a.SigningCerts = [][]byte{id.Cert.Raw}
	r := a.ECPRequest(now)
	r.Children = "<samlp:Extensions>" + samltest.ChannelBindings("x", "YQ==", "") + "</samlp:Extensions>"
	signed := id.SignXML(r.XML(), samltest.Signing{Method: samltest.ECDSASHA256})
	f.Add([]byte(samltest.Envelope("", r.XML())))
	f.Add([]byte(samltest.Envelope(samltest.ChannelBindings("x", "YQ==", samltest.NextActor), signed)))
	f.Add([]byte(samltest.Envelope(`<paos:Request xmlns:paos="urn:liberty:paos:2003-08" responseConsumerURL="x"/>`, signed)))
	f.Fuzz(func(t *testing.T, envelope []byte) {
		m, err := ecp.Parse(samltest.SOAPType, envelope)
		if err != nil {
			return
		}
		l, _ := m.Judge(&a.ServiceProvider, env)
		if l != nil && (!l.Signed || !a.Receives(l) || l.Binding != idp.BindingPAOS) {
			t.Fatalf("%+v of %s", l, envelope)
		}
	})
}
