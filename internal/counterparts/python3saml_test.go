package counterparts_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// startPython runs scripts/python3-saml/sp.py.
func startPython(t *testing.T) *library {
	t.Helper()
	python := cached(t, "python3-saml", "bin", "python3")
	_, err := os.Stat(python)
	missing(t, "python3-saml (scripts/deps.sh)", err)
	return startLibrary(t, python, "../../scripts/python3-saml/sp.py")
}

// pythonOptions are the settings of a service provider named name, which has a
// key pair, and signs its requests where signed says so.
func pythonOptions(t *testing.T, i *idptest.Live, name string, signed bool) map[string]any {
	t.Helper()
	key, cert := theirKey(t)
	const rsaSHA256, sha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"
	return map[string]any{"settings": map[string]any{
		"strict": true,
		"sp": map[string]any{
			"entityId":                 "https://" + name + ".test/python",
			"assertionConsumerService": map[string]string{"url": "https://" + name + ".test/acs", "binding": idp.BindingPOST},
			"NameIDFormat":             idp.NameIDEmail,
			"x509cert":                 string(cert), "privateKey": string(key),
		},
		"idp": map[string]any{
			"entityId":            i.URL + "/saml/metadata",
			"singleSignOnService": map[string]string{"url": i.URL + "/saml/sso", "binding": idp.BindingRedirect},
			"x509cert":            string(schematest.PEM(i.Cert.Raw)),
		},
		"security": map[string]any{
			"authnRequestsSigned": signed, "wantAssertionsSigned": true, "rejectDeprecatedAlgorithm": true,
			"signatureAlgorithm": rsaSHA256, "digestAlgorithm": sha256, "failOnAuthnContextMismatch": true,
		},
	}}
}

// pythonApplications are two service providers, which decrypt.
func pythonApplications(t *testing.T, i *idptest.Live) [2]application {
	t.Helper()
	return startPython(t).applications(i,
		func(name, logout string) map[string]any {
			o := pythonOptions(t, i, name, true)
			settings := o["settings"].(map[string]any)
			settings["sp"].(map[string]any)["singleLogoutService"] = map[string]string{"url": logout, "binding": idp.BindingRedirect}
			settings["idp"].(map[string]any)["singleLogoutService"] = map[string]string{"url": i.URL + "/saml/slo", "binding": idp.BindingRedirect}
			security := settings["security"].(map[string]any)
			security["logoutRequestSigned"], security["logoutResponseSigned"] = true, true
			return o
		},
		// Its metadata has a key for encryption only where it refuses everything
		// that is not encrypted.
		func(sp *idp.ServiceProvider) { sp.EncryptCerts = [][]byte{samltest.A().Cert.Raw} })
}

func TestPython3SAML(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("zoe@example.com", "Zoë", "O'Hara & <Söhne>"), "127.0.0.2")
	n := startPython(t)
	want := map[string]any{
		oidMail: []any{"zoe@example.com"}, "urn:oid:2.5.4.42": []any{"Zoë"}, "urn:oid:2.5.4.4": []any{"O'Hara & <Söhne>"},
		"urn:oid:2.16.840.1.113730.3.1.241": []any{"Zoë O'Hara & <Söhne>"}, "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": []any{"zoe@example.com"},
	}
	for _, requests := range []string{"unsigned", "signed"} {
		o := pythonOptions(t, i, "python", requests == "signed")
		for _, sign := range []string{idp.SignAssertion, idp.SignBoth} {
			t.Run(requests+", answer signed "+sign, func(t *testing.T) {
				i.Register([]byte(n.ask("metadata", o).XML), func(sp *idp.ServiceProvider) {
					sp.Sign = sign
					if sp.RequireSignedRequests != (requests == "signed") {
						t.Error("its metadata does not say whether it signs")
					}
				})
				v := newVisitor(t, i, phone)
				a := v.approve(n.start(v, o, `state="<&'>+%20 ✓`))
				if got := a.fields.Get("RelayState"); got != `state="<&'>+%20 ✓` {
					t.Errorf("RelayState %q", got)
				}
				got := n.ask("validate", o, "response", a.fields.Get("SAMLResponse"))
				if got.Error != "" || got.Profile.NameID != "zoe@example.com" || got.Profile.NameIDFormat != idp.NameIDEmail {
					t.Fatalf("got %+v", got)
				}
				if diff := cmp.Diff(want, got.Profile.Attributes); diff != "" {
					t.Error(diff)
				}
				exercised.signIn(python3SAML)
			})
		}
	}
	t.Run("an answer to another request", func(t *testing.T) {
		o := pythonOptions(t, i, "python", false)
		i.Register([]byte(n.ask("metadata", o).XML), nil)
		v := newVisitor(t, i, phone)
		a := v.approve(n.start(v, o, ""))
		n.ask("request", o, "relayState", "")
		if got := n.ask("validate", o, "response", a.fields.Get("SAMLResponse")); !strings.Contains(got.Error, "InResponseTo") {
			t.Errorf("got %+v", got)
		}
		exercised.refusal(python3SAML)
	})
}
