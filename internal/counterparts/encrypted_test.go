package counterparts_test

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/crewjam/saml"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// theirKey is the key pair that all of the counterparts have, in PEM.
func theirKey(t *testing.T) (key, cert []byte) {
	t.Helper()
	their := samltest.A()
	der, err := x509.MarshalPKCS8PrivateKey(their.Key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), schematest.PEM(their.Cert.Raw)
}

// encrypted is a way to want encryption, and what it comes to.
type encrypted struct {
	name    string
	change  func(*idp.ServiceProvider)
	content string
}

// mustHold fails the test unless the answer is encrypted with an algorithm.
func (e encrypted) mustHold(t *testing.T, xml []byte) {
	t.Helper()
	if text := string(xml); !strings.Contains(text, `Algorithm="`+e.content+`"`) || strings.Contains(text, "ana@example.com") {
		t.Errorf("not encrypted with %s:\n%s", e.content, text)
	}
}

func TestCrewjamDecrypts(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
	address, entityID := newCrewjam(t, i, saml.HTTPRedirectBinding, "", saml.EmailAddressNameIDFormat)
	key, _ := theirKey(t)
	for _, e := range []encrypted{
		// Its metadata names AES-CBC only, though it reads AES-128-GCM.
		{"as its metadata says", func(sp *idp.ServiceProvider) { sp.AllowCBC = true }, xmlenc.AES128CBC},
		{"AES-128-GCM", func(sp *idp.ServiceProvider) { sp.EncryptionMethods, sp.AllowCBC = nil, false }, xmlenc.AES128GCM},
	} {
		for _, sign := range []string{idp.SignAssertion, idp.SignBoth} {
			t.Run(e.name+", signed "+sign, func(t *testing.T) {
				i.Update(entityID, func(sp *idp.ServiceProvider) {
					sp.Encryption, sp.Sign = idp.EncryptRequired, sign
					e.change(sp)
				})
				v := newVisitor(t, i, phone)
				v.key = key
				a := v.approve(v.open(address))
				e.mustHold(t, a.xml)
				if got := readSeen(t, v.deliver(a)); got.NameID != "ana@example.com" {
					t.Errorf("signed in as %+v", got)
				}
				exercised.signIn(crewjam)
			})
		}
	}
}

func TestNodeSAMLDecrypts(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
	n := startNode(t)
	key, cert := theirKey(t)
	o := nodeOptions(t, i, "node", "Redirect", false)
	o["decryptionPvk"], o["decryptionCert"] = string(key), string(cert)
	metadata := []byte(n.ask("metadata", o).XML)
	for _, e := range []encrypted{
		{"as its metadata says", func(*idp.ServiceProvider) {}, xmlenc.AES256GCM},
		{"AES-128-GCM", func(sp *idp.ServiceProvider) { sp.EncryptionAlgorithm = "aes128-gcm" }, xmlenc.AES128GCM},
		{"AES-256-CBC", func(sp *idp.ServiceProvider) { sp.EncryptionAlgorithm, sp.AllowCBC = "aes256-cbc", true }, xmlenc.AES256CBC},
	} {
		for _, sign := range []string{idp.SignAssertion, idp.SignBoth} {
			t.Run(e.name+", signed "+sign, func(t *testing.T) {
				i.Register(metadata, func(sp *idp.ServiceProvider) {
					sp.Encryption, sp.Sign = idp.EncryptRequired, sign
					e.change(sp)
				})
				v := newVisitor(t, i, phone)
				v.key = key
				a := v.approve(n.start(v, o, ""))
				e.mustHold(t, a.xml)
				got := n.ask("validate", o, "response", a.fields.Get("SAMLResponse"))
				if got.Error != "" || got.Profile.NameID != "ana@example.com" {
					t.Errorf("got %+v", got)
				}
				exercised.signIn(nodeSAML)
			})
		}
	}
}

func TestSimpleSAMLphpDecrypts(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
	p := startPHP(t, i, "Redirect")
	key, _ := theirKey(t)
	for _, e := range []encrypted{
		{"as it is chosen", func(*idp.ServiceProvider) {}, xmlenc.AES128GCM},
		{"AES-256-GCM", func(sp *idp.ServiceProvider) { sp.EncryptionAlgorithm = "aes256-gcm" }, xmlenc.AES256GCM},
		{"AES-256-CBC", func(sp *idp.ServiceProvider) { sp.AllowCBC = true }, xmlenc.AES256CBC},
	} {
		t.Run(e.name, func(t *testing.T) {
			p.register(i, "signed", func(sp *idp.ServiceProvider) {
				sp.Encryption = idp.EncryptRequired
				e.change(sp)
			})
			v := newVisitor(t, i, phone)
			v.key = key
			a := v.approve(v.open(p.whoami("signed")))
			e.mustHold(t, a.xml)
			got := readSeen(t, v.deliver(a))
			if mail := got.Attributes["urn:oid:0.9.2342.19200300.100.1.3"]; len(mail) != 1 || mail[0] != "ana@example.com" {
				t.Errorf("signed in as %+v", got)
			}
			exercised.signIn(simpleSAMLphp)
		})
	}
}
