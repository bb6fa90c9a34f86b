package request_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

func TestServiceProvider(t *testing.T) {
	b, c := samltest.B(), samltest.C()
	for name, issuer := range map[string]string{
		"A29 unknown": "https://evil.test", "P7 case": "https://SP-b.test", "P7 slash": "https://sp-b.test/", "P7 space": " https://sp-b.test",
	} {
		t.Run(name, func(t *testing.T) {
			r := b.Request(now)
			r.Issuer = issuer
			login, err := post(b, r.XML())
			refused(t, login, err, idp.SPUnknown)
		})
	}
	t.Run("A29 SP C", func(t *testing.T) {
		login, err := post(c, c.Request(now).XML())
		refused(t, login, err, idp.SPDisabled)
	})
	t.Run("P7 draft", func(t *testing.T) {
		b := samltest.B()
		b.Draft = true
		login, err := post(b, b.Request(now).XML())
		refused(t, login, err, idp.SPDisabled)
	})
	t.Run("P7 not registered at all", func(t *testing.T) {
		in, _ := binding.POST(samltest.FormType, samltest.POSTBody(b.Request(now).XML(), nil))
		req, err := request.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		login, err := request.Judge(req, in, nil, env)
		refused(t, login, err, idp.SPUnknown)
	})
}

func TestACS(t *testing.T) {
	b := samltest.B()
	b.ACS = append(b.ACS,
		idp.Endpoint{Index: 1, Binding: idp.BindingPOST, Location: "https://sp-b.test/acs1?so=00D"},
		idp.Endpoint{Index: 2, Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact", Location: "https://sp-b.test/artifact"})
	send := func(acs, attributes string) (*idp.Login, error) {
		r := b.Request(now)
		r.ACS, r.Attributes = acs, attributes
		return post(b, r.XML())
	}
	for _, acs := range []string{
		"https://sp-b.test/acs/../x", "https://SP-B.test/acs", "https://sp-b.test:443/acs", "https://sp-b.test@evil.test/acs",
		"https://sp-b.test/acs?x=1", "https://sp-b.test/acs/", "https://evil.test/", "https://sp-b.test/ac",
	} {
		t.Run("A15 P2 "+url.PathEscape(acs), func(t *testing.T) {
			login, err := send(acs, "")
			refused(t, login, err, idp.ACSUnregistered)
		})
	}
	t.Run("P2 also when signed", func(t *testing.T) {
		r := b.Request(now)
		r.ACS = "https://evil.test/"
		login, err := post(b, b.SignXML(r.XML(), samltest.Signing{}))
		refused(t, login, err, idp.ACSUnregistered)
	})
	t.Run("A16 P3", func(t *testing.T) {
		login, err := send("", `AssertionConsumerServiceIndex="9"`)
		refused(t, login, err, idp.ACSUnregistered)
	})
	for name, tt := range map[string]struct{ acs, attributes, want string }{
		"ACCEPT by URL":               {"https://sp-b.test/acs1?so=00D", "", "https://sp-b.test/acs1?so=00D"},
		"ACCEPT by URL and binding":   {"https://sp-b.test/acs", `ProtocolBinding="` + idp.BindingPOST + `"`, "https://sp-b.test/acs"},
		"ACCEPT by index":             {"", `AssertionConsumerServiceIndex="1"`, "https://sp-b.test/acs1?so=00D"},
		"ACCEPT by index and binding": {"", `AssertionConsumerServiceIndex="1" ProtocolBinding="` + idp.BindingPOST + `"`, "https://sp-b.test/acs1?so=00D"},
		"ACCEPT default":              {"", "", "https://sp-b.test/acs"},
	} {
		t.Run(name, func(t *testing.T) {
			login, err := send(tt.acs, tt.attributes)
			if got := accepted(t, login, err).ACS; got != tt.want {
				t.Errorf("ACS = %s", got)
			}
		})
	}
	for name, tt := range map[string][2]string{
		"P18 Artifact":                 {"https://sp-b.test/acs", `ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"`},
		"P18 SOAP":                     {"", `ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP"`},
		"P18 PAOS":                     {"", `ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:PAOS"`},
		"P18 registered Artifact URL":  {"https://sp-b.test/artifact", ""},
		"P18 index of an Artifact ACS": {"", `AssertionConsumerServiceIndex="2"`},
	} {
		t.Run(name, func(t *testing.T) {
			login, err := send(tt[0], tt[1])
			answered(t, login, err, saml.StatusRequester, saml.StatusUnsupportedBinding, "https://sp-b.test/acs")
		})
	}
	t.Run("P18 unregistered URL stays with us", func(t *testing.T) {
		login, err := send("https://evil.test/", `ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:PAOS"`)
		refused(t, login, err, idp.ACSUnregistered)
	})
	t.Run("P2 no endpoint", func(t *testing.T) {
		sp := samltest.B()
		sp.ACS = nil
		login, err := post(sp, b.Request(now).XML())
		refused(t, login, err, idp.ACSUnregistered)
	})
	for _, acs := range []string{"javascript:alert(1)", "data:text/html,x", "http://sp-b.test/acs", "http://localhost/acs", "//sp-b.test/acs", "https:sp-b.test"} {
		t.Run("P4 "+url.PathEscape(acs), func(t *testing.T) {
			sp := samltest.B()
			sp.ACS[0].Location = acs
			login, err := post(sp, sp.Request(now).XML())
			refused(t, login, err, idp.ACSScheme)
		})
	}
	t.Run("P4 ACCEPT localhost in local mode", func(t *testing.T) {
		defer func(e request.Env) { env = e }(env)
		env.Local = true
		sp := samltest.B()
		sp.ACS[0].Location = "http://localhost:9000/acs"
		login, err := post(sp, sp.Request(now).XML())
		accepted(t, login, err)
	})
}

func TestDestination(t *testing.T) {
	b := samltest.B()
	for name, d := range map[string]string{
		"A17 http": "http://idp.test/saml/sso", "A17 other host": "https://evil.test/saml/sso", "A17 trailing slash": samltest.SSO + "/",
		"A17 stage path": "https://idp.test/prod/saml/sso", "P6 port": "https://idp.test:443/saml/sso",
	} {
		t.Run(name, func(t *testing.T) {
			r := b.Request(now)
			r.Destination = d
			login, err := post(b, r.XML())
			refused(t, login, err, idp.ReasonDestination)
			login, err = post(b, b.SignXML(r.XML(), samltest.Signing{}))
			refused(t, login, err, idp.ReasonDestination)
		})
	}
	without := b.Request(now)
	without.Destination = ""
	t.Run("S12 signed without Destination", func(t *testing.T) {
		login, err := post(b, b.SignXML(without.XML(), samltest.Signing{}))
		refused(t, login, err, idp.ReasonDestination)
		login, err = redirect(b, b.SignQuery(samltest.RedirectQuery(without.XML(), nil), samltest.RSASHA256))
		refused(t, login, err, idp.ReasonDestination)
	})
	t.Run("S12 ACCEPT where the preset allows it", func(t *testing.T) {
		sp := samltest.B()
		sp.AllowMissingDestination = true
		login, err := post(sp, b.SignXML(without.XML(), samltest.Signing{}))
		accepted(t, login, err)
	})
	t.Run("ACCEPT unsigned without Destination", func(t *testing.T) {
		login, err := post(b, without.XML())
		accepted(t, login, err)
	})
}

func TestServe(t *testing.T) {
	b := samltest.B()
	send := func(children, attributes string) (*idp.Login, error) {
		r := b.Request(now)
		r.Children, r.Attributes = children, attributes
		return post(b, r.XML())
	}
	policy := func(attributes string) string { return "<samlp:NameIDPolicy " + attributes + "/>" }
	context := func(comparison string, classes ...string) string {
		s := `<samlp:RequestedAuthnContext Comparison="` + comparison + `">`
		for _, c := range classes {
			s += "<saml:AuthnContextClassRef>" + c + "</saml:AuthnContextClassRef>"
		}
		return s + "</samlp:RequestedAuthnContext>"
	}
	const kerberos = "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"
	const password = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	for _, tt := range []struct{ name, children, attributes, top, second string }{
		{"A33 P9 format", policy(`Format="` + idp.NameIDPersistent + `"`), "", saml.StatusRequester, saml.StatusInvalidNameIDPolicy},
		{"A33 P9 SPNameQualifier", policy(`SPNameQualifier="https://sp-a.test"`), "", saml.StatusRequester, saml.StatusInvalidNameIDPolicy},
		{"P9 encrypted", policy(`Format="urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"`), "", saml.StatusRequester, saml.StatusInvalidNameIDPolicy},
		{"A34 P11 exact", context("exact", kerberos), "", saml.StatusResponder, saml.StatusNoAuthnContext},
		{"P11 minimum", context("minimum", idp.ACRPHR), "", saml.StatusResponder, saml.StatusNoAuthnContext},
		{"P11 better", context("better", password), "", saml.StatusResponder, saml.StatusNoAuthnContext},
		{"P11 declarations", "<samlp:RequestedAuthnContext><saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef></samlp:RequestedAuthnContext>", "", saml.StatusResponder, saml.StatusNoAuthnContext},
		{"P10 EncryptedID", "<saml:Subject><saml:EncryptedID/></saml:Subject>", "", saml.StatusResponder, saml.StatusUnknownPrincipal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			login, err := send(tt.children, tt.attributes)
			answered(t, login, err, tt.top, tt.second, "https://sp-b.test/acs")
		})
	}
	t.Run("P15 passive is for the session to answer", func(t *testing.T) {
		login, err := send("", `IsPassive="true"`)
		if !accepted(t, login, err).Passive {
			t.Error("IsPassive is forgotten")
		}
	})
	t.Run("ACCEPT everything at once", func(t *testing.T) {
		children := `<saml:Subject><saml:NameID Format="` + idp.NameIDEmail + `">bob@example.com</saml:NameID></saml:Subject>` +
			policy(`Format="`+idp.NameIDEmail+`" SPNameQualifier="https://sp-b.test" AllowCreate="false"`) + context("exact", kerberos, password)
		login, err := send(children, `ForceAuthn="true"`)
		want := &idp.Login{
			SP: b.EntityID, RequestID: "_sp-b-1", ACS: "https://sp-b.test/acs", ForceAuthn: true,
			NameIDFormat: idp.NameIDEmail, SPNameQualifier: "https://sp-b.test",
			ACRRequest: []string{kerberos, password}, ACRComparison: "exact",
			Subject: &idp.LoginSubject{NameID: "bob@example.com", Format: idp.NameIDEmail},
		}
		if diff := cmp.Diff(want, accepted(t, login, err)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("P9 ACCEPT unspecified", func(t *testing.T) {
		login, err := send(policy(`Format="`+idp.NameIDUnspecified+`" AllowCreate="true"`), "")
		if accepted(t, login, err).NameIDFormat != "" {
			t.Error("the format was kept")
		}
	})
}

// TestMicrosoft sends the AuthnRequest of login.microsoftonline.com: no ACS, no
// Destination, no AllowCreate, SHA-1, and a KeyInfo without certificate.
func TestMicrosoft(t *testing.T) {
	sp := samltest.B()
	sp.EntityID, sp.NameID = "urn:federation:MicrosoftOnline", "persistent = id"
	sp.AllowMissingDestination = true
	r := sp.Request(now)
	r.Destination, r.ACS = "", ""
	r.Children = `<samlp:NameIDPolicy Format="` + idp.NameIDPersistent + `"/>`
	signing := samltest.Signing{Method: samltest.RSASHA1, Digest: samltest.SHA1, KeyInfo: `<ds:X509Data><ds:X509SKI>AAAA</ds:X509SKI></ds:X509Data><ds:KeyName>MicrosoftOnline</ds:KeyName>`}
	login, err := post(sp, r.XML())
	accepted(t, login, err)

	t.Run("S5 SHA-1 names the command", func(t *testing.T) {
		login, err := post(sp, sp.SignXML(r.XML(), signing))
		refused(t, login, err, idp.SigAlgorithm)
		var e *idp.Error
		if !errors.As(err, &e) || !strings.Contains(e.Fix, "latchkey sp update 'urn:federation:MicrosoftOnline' --allow-sha1") ||
			!strings.Contains(e.Fix, "RSA-SHA1") || e.SP != sp.EntityID {
			t.Errorf("fix = %+v", e)
		}
	})
	sp.AllowSHA1 = true
	login, err = post(sp, sp.SignXML(r.XML(), signing))
	accepted(t, login, err)
}
