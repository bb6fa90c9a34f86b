package counterparts_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// startNode runs scripts/node-saml/sp.js.
func startNode(t *testing.T) *library {
	t.Helper()
	program, err := exec.LookPath("node")
	missing(t, "Node.js", err)
	modules := cached(t, "node-saml", "node_modules")
	_, err = os.Stat(filepath.Join(modules, "@node-saml"))
	missing(t, "node-saml (scripts/deps.sh)", err)
	return startLibrary(t, program, "../../scripts/node-saml/sp.js", "NODE_PATH="+modules)
}

// nodeApplications are two service providers, which sign and decrypt.
func nodeApplications(t *testing.T, i *idptest.Live) [2]application {
	t.Helper()
	n := startNode(t)
	key, cert := theirKey(t)
	return n.applications(i, func(name, logout string) map[string]any {
		o := nodeOptions(t, i, name, "Redirect", true)
		o["logoutUrl"], o["logoutCallbackUrl"] = i.URL+"/saml/slo", logout
		o["decryptionPvk"], o["decryptionCert"] = string(key), string(cert)
		return o
	}, nil)
}

// nodeOptions are the settings of a service provider named name.
func nodeOptions(t *testing.T, i *idptest.Live, name, binding string, signed bool) map[string]any {
	t.Helper()
	o := map[string]any{
		"issuer": "https://" + name + ".test", "callbackUrl": "https://" + name + ".test/callback?app=1",
		"entryPoint": i.URL + "/saml/sso", "idpCert": string(schematest.PEM(i.Cert.Raw)), "idpIssuer": i.URL + "/saml/metadata",
		"audience": "https://" + name + ".test", "authnRequestBinding": "HTTP-" + binding,
		"skipRequestCompression":  binding == "POST", // or it deflates, which HTTP-POST knows nothing of
		"wantAuthnResponseSigned": false, "wantAssertionsSigned": true,
	}
	if signed {
		their := samltest.A()
		key, err := x509.MarshalPKCS8PrivateKey(their.Key)
		must(t, err)
		o["privateKey"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
		o["publicCert"] = string(schematest.PEM(their.Cert.Raw))
		o["signatureAlgorithm"], o["digestAlgorithm"] = "sha256", "sha256"
	}
	return o
}

func TestNodeSAML(t *testing.T) {
	i := idptest.NewLive(t)
	zoe := i.AddUser("zoe@example.com", "Zoë", "O'Hara & <Söhne>")
	phone := i.Phone(zoe, "127.0.0.2")
	n := startNode(t)
	relay := func(binding string) string {
		if binding == "Redirect" {
			// It signs "%20" and "'" and sends "+" and "%27": a RelayState that
			// holds either breaks its own signature.
			return `state="<&>+%20✓`
		}
		return `state="<&'>+%20 ✓`
	}
	want := map[string]any{
		"urn:oid:0.9.2342.19200300.100.1.3": "zoe@example.com", "urn:oid:2.5.4.42": "Zoë", "urn:oid:2.5.4.4": "O'Hara & <Söhne>",
		"urn:oid:2.16.840.1.113730.3.1.241": "Zoë O'Hara & <Söhne>", "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": "zoe@example.com",
	}
	for _, binding := range []string{"Redirect", "POST"} {
		for _, requests := range []string{"unsigned", "signed"} {
			for _, sign := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
				t.Run(binding+" "+requests+", answer signed "+sign, func(t *testing.T) {
					o := nodeOptions(t, i, "node", binding, requests == "signed")
					o["wantAssertionsSigned"], o["wantAuthnResponseSigned"] = sign != idp.SignResponse, sign != idp.SignAssertion
					i.Register([]byte(n.ask("metadata", o).XML), func(sp *idp.ServiceProvider) {
						sp.Sign, sp.RequireSignedRequests = sign, requests == "signed"
					})
					v := newVisitor(t, i, phone)
					a := v.approve(n.start(v, o, relay(binding)))
					if a.action != o["callbackUrl"] || a.fields.Get("RelayState") != relay(binding) {
						t.Errorf("posted to %q with RelayState %q", a.action, a.fields.Get("RelayState"))
					}
					got := n.ask("validate", o, "response", a.fields.Get("SAMLResponse"))
					if got.Error != "" || got.Profile.NameID != "zoe@example.com" || got.Profile.NameIDFormat != idp.NameIDEmail {
						t.Fatalf("got %+v", got)
					}
					if diff := cmp.Diff(want, got.Profile.Attributes); diff != "" {
						t.Error(diff)
					}
					if again := n.ask("validate", o, "response", a.fields.Get("SAMLResponse")); !strings.Contains(again.Error, "InResponseTo") {
						t.Errorf("a second time: %+v", again)
					}
					exercised.signIn(nodeSAML)
				})
			}
		}
	}
}

func TestNodeSAMLRefuses(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
	n := startNode(t)
	o := nodeOptions(t, i, "node", "Redirect", false)
	i.Register([]byte(n.ask("metadata", o).XML), nil)
	for name, change := range map[string]struct {
		option string
		value  any
		says   string
	}{
		"another audience": {"audience", "https://other.test", "audience"},
		"another key":      {"idpCert", string(schematest.PEM(samltest.B().Cert.Raw)), "Invalid signature"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t, i, phone)
			a := v.approve(n.start(v, o, ""))
			changed := nodeOptions(t, i, "node", "Redirect", false)
			changed[change.option] = change.value
			if got := n.ask("validate", changed, "response", a.fields.Get("SAMLResponse")); !strings.Contains(got.Error, change.says) {
				t.Errorf("got %+v", got)
			}
			exercised.refusal(nodeSAML)
		})
	}
	t.Run("denied on the phone", func(t *testing.T) {
		v := newVisitor(t, i, phone)
		a := v.deny(n.start(v, o, ""))
		got := n.ask("validate", o, "response", a.fields.Get("SAMLResponse"))
		if !strings.Contains(got.Error, "AuthnFailed") && !strings.Contains(got.Error, "Responder") {
			t.Errorf("got %+v", got)
		}
		exercised.refusal(nodeSAML)
	})
}
