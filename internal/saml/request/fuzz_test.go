package request_test

import (
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// FuzzParse holds that no message panics, and that what is accepted from a
// service provider that must sign is what it signed.
func FuzzParse(f *testing.F) {
	sp, id := samltest.A(), samltest.Fixed()
	sp.SigningCerts = [][]byte{id.Cert.Raw}
	r := sp.Request(now)
	r.Children = `<saml:Subject><saml:NameID>bob</saml:NameID></saml:Subject><samlp:NameIDPolicy AllowCreate="1"/>` +
		`<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>urn:x</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>`
	signed := id.SignXML(sp.Request(now).XML(), samltest.Signing{Method: samltest.ECDSASHA256})
	for _, seed := range []string{r.XML(), signed, strings.ReplaceAll(signed, "ds:", "d:")} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		in := &binding.Inbound{Binding: idp.BindingPOST, XML: message}
		req, err := request.Parse(in)
		if err != nil {
			return
		}
		login, err := request.Judge(req, in, &sp.ServiceProvider, env)
		if err == nil && (login.RequestID != "_sp-a-1" || login.ACS != "https://sp-a.test/acs") {
			t.Fatal("accepted what was never signed")
		}
	})
}

func receiveAndJudge(b *testing.B, sp *samltest.SP, receive func() (*binding.Inbound, error)) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = judge(sp, receive)
	}
}

// BenchmarkJudge measures decoding, Parse and Judge together.
func BenchmarkJudge(b *testing.B) {
	sp := samltest.A()
	message := sp.Request(now).XML()
	query := sp.SignQuery(samltest.RedirectQuery(message, nil), samltest.RSASHA256)
	body := samltest.POSTBody(sp.SignXML(message, samltest.Signing{KeyInfo: sp.X509()}), nil)
	b.Run("redirect", func(b *testing.B) {
		receiveAndJudge(b, sp, func() (*binding.Inbound, error) { return binding.Redirect(query) })
	})
	b.Run("POST", func(b *testing.B) {
		receiveAndJudge(b, sp, func() (*binding.Inbound, error) { return binding.POST(samltest.FormType, body) })
	})
}

// BenchmarkRefuse measures the dearest requests within the limits that are
// refused. Target: 2 ms and 1 MB each.
func BenchmarkRefuse(b *testing.B) {
	sp := samltest.A()
	message := sp.Request(now).XML()
	declared := ""
	for i := range 60 {
		declared += ` xmlns:n` + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `="urn:n"`
	}
	stuff := func(message string, elements int, element string) string {
		return samltest.Insert(message, "<samlp:Extensions"+declared+">"+strings.Repeat(element, elements)+"</samlp:Extensions>")
	}
	signed := sp.SignXML(message, samltest.Signing{KeyInfo: sp.X509()})
	for name, message := range map[string]string{
		"unsigned":           stuff(message, 480, `<t v="tttt">&lt;&lt;</t>`),
		"captured, stuffed":  stuff(signed, 80, "<x y='"+strings.Repeat("z", 130)+"'/>"),
		"captured, too many": stuff(signed, 450, `<t v="ttt">t</t>`),
		"unknown key":        samltest.B().SignXML(message, samltest.Signing{}),
	} {
		query := samltest.RedirectQuery(message, nil)
		in, err := binding.Redirect(query)
		if err != nil {
			b.Fatal(err)
		}
		in.Binding = idp.BindingPOST
		b.Run(name, func(b *testing.B) {
			receiveAndJudge(b, sp, func() (*binding.Inbound, error) { return in, nil })
		})
	}
}
