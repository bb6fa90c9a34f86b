package conformance_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// URIs that both sides know from the standard.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"

	bindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	bindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	bindingArtifact = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"
	bindingSOAP     = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"
	bindingPAOS     = "urn:oasis:names:tc:SAML:2.0:bindings:PAOS"

	formatEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	formatUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	formatPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	formatTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

// party is a service provider of the suite.
type party struct {
	samltest.Identity
	entityID, acs, second string // acs is the default endpoint, second has index 7
	slug                  string

	logout map[string]string // endpoints of logout: binding -> address
	left   string            // where answers to its LogoutRequests go; empty: where the requests do
	paos   string            // endpoint for programs; empty: none
}

// world is the identity provider and the parties that it knows.
type world struct {
	idp  *idptest.IdP
	ours ours
	ids  map[string]bool // of everything that we were sent: none comes twice

	plain      *party // need not sign
	signing    *party // says AuthnRequestsSigned
	persistent *party // has generated persistent identifiers, with qualifiers
	opaque     *party // has them without
	nameless   *party // is given no identifier, and attributes of its own
	encrypting *party // has a key for encryption, and demands it
	programs   *party // lets programs sign in
	people     int
}

// ours is what our metadata says.
type ours struct {
	entityID string
	sso, slo map[string]string // binding -> address
	certs    []*x509.Certificate

	encryption *x509.Certificate // of the key that identifiers are encrypted with
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{ids: map[string]bool{}, idp: idptest.New(t, idptest.Options{
		Bare: true, LocalCalls: true, Keys: decrypts,
		Config: func(c *config.Config) { c.MetadataMaxValidity = 14 * 24 * time.Hour },
	})}
	w.plain = w.add(t, "plain", samltest.B().Identity, adminapi.Settings{})
	w.signing = w.add(t, "signing", samltest.A().Identity, adminapi.Settings{})
	w.persistent = w.add(t, "persistent", samltest.B().Identity, adminapi.Settings{NameID: ptr("persistent"), QualifyNameID: ptr(true)})
	w.opaque = w.add(t, "opaque", samltest.B().Identity, adminapi.Settings{NameID: ptr("persistent")})
	w.nameless = w.add(t, "nameless", samltest.B().Identity, adminapi.Settings{
		NameID: ptr("none"), Attributes: &[]string{`"Kürzel & <1>"|"the friendly one"|urn:x:format = "R&D"`},
	})
	w.encrypting = w.add(t, "encrypting", samltest.B().Identity, adminapi.Settings{Encryption: ptr("required")})
	w.programs = w.add(t, "programs", samltest.B().Identity, adminapi.Settings{ECP: ptr(true)})
	w.ours = readOurs(t, w.get(t, idptest.Base+"/saml/metadata"))
	return w
}

// decrypts gives the identity provider a key that others can encrypt for.
func decrypts(o *keys.Options) {
	key := decrypter{samltest.RSA(keys.MinBits).Key.(*rsa.PrivateKey)}
	o.DecryptRefs = []string{"enc"}
	o.OpenDecrypter = func(context.Context, string) (keys.Decrypter, error) { return key, nil }
}

type decrypter struct{ *rsa.PrivateKey }

func (decrypter) ID() string { return "enc" }

func (d decrypter) Decrypt(_ context.Context, text []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return d.PrivateKey.Decrypt(nil, text, opts)
}

func ptr[T any](v T) *T { return &v }

// add lets an administrator add a service provider from its metadata.
func (w *world) add(t testing.TB, name string, id samltest.Identity, settings adminapi.Settings) *party {
	t.Helper()
	p := &party{Identity: id, entityID: "https://" + name + ".test/sp", acs: "https://" + name + ".test/acs?a=1&b=2", second: "https://" + name + ".test/acs7", slug: name}
	settings.Slug = &p.slug
	switch name { // each in a way of its own
	case "plain":
		p.logout = map[string]string{bindingRedirect: "https://plain.test/slo?x=1&y=2", bindingPOST: "https://plain.test/slo"}
	case "persistent":
		p.logout, p.left = map[string]string{bindingRedirect: "https://persistent.test/slo"}, "https://persistent.test/slo/left"
	case "signing":
		p.logout, p.left = map[string]string{bindingPOST: "https://signing.test/slo"}, "https://signing.test/slo/left"
	case "encrypting":
		p.logout = map[string]string{bindingPOST: "https://encrypting.test/slo"}
	case "programs":
		p.paos = "https://programs.test/paos"
	}
	must(t, w.register(t, p, w.until(7*24*time.Hour), name == "signing", settings))
	return p
}

// register adds a service provider from its metadata, whose root has more
// attributes.
func (w *world) register(t testing.TB, p *party, attributes string, signs bool, settings adminapi.Settings) error {
	t.Helper()
	_, err := w.admin(t).AddServiceProvider(context.Background(), adminapi.NewServiceProvider{
		Settings: settings, Metadata: adminapi.Document(p.metadata(attributes, signs)), Preset: "generic",
	})
	return err
}

// until is a validUntil.
func (w *world) until(d time.Duration) string {
	return ` validUntil="` + w.now().Add(d).UTC().Format(time.RFC3339) + `"`
}

// admin is the administrator.
func (w *world) admin(t testing.TB) *adminclient.Client {
	t.Helper()
	c, err := adminclient.New(idptest.Base, &http.Client{Transport: w.idp.Transport("203.0.113.1")}, adminclient.Bearer(idp.Secret(idptest.AdminToken)))
	must(t, err)
	return c
}

// metadata is what a service provider publishes of itself. Its key has no use, so
// it is for both, and another one stands before it, which is for signing. Its
// first endpoint is not the default one. It has extensions that nobody knows.
func (p *party) metadata(attributes string, signs bool) string {
	key := func(use string, id samltest.Identity) string {
		return `<md:KeyDescriptor` + use + `><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` +
			encode(id.Cert.Raw) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
	}
	const extensions = `<md:Extensions><x:Thing z="1">t<x:Other/></x:Thing></md:Extensions>`
	endpoint := func(index int, location string, more string) string {
		return fmt.Sprintf(`<md:AssertionConsumerService index="%d" Binding="%s" Location="%s"%s/>`,
			index, bindingPOST, strings.ReplaceAll(location, "&", "&amp;"), more)
	}
	return `<md:EntityDescriptor xmlns:md="` + nsMetadata + `" entityID="` + p.entityID + `" xmlns:x="urn:x" x:y="z"` + attributes + `>` + extensions +
		fmt.Sprintf(`<md:SPSSODescriptor AuthnRequestsSigned="%t" WantAssertionsSigned="true" protocolSupportEnumeration="%s">`, signs, nsProtocol) +
		extensions + key(` use="signing"`, samltest.Fixed()) + key("", p.Identity) + p.logoutServices() +
		endpoint(7, p.second, "") + endpoint(9, p.acs, ` isDefault="true"`) + p.paosEndpoint() +
		`</md:SPSSODescriptor></md:EntityDescriptor>`
}

func (p *party) logoutServices() (all string) {
	for _, binding := range slices.Sorted(maps.Keys(p.logout)) {
		left := ""
		if p.left != "" {
			left = ` ResponseLocation="` + p.left + `"`
		}
		all += `<md:SingleLogoutService Binding="` + binding + `" Location="` + strings.ReplaceAll(p.logout[binding], "&", "&amp;") + `"` + left + `/>`
	}
	return all
}

func (p *party) paosEndpoint() string {
	if p.paos == "" {
		return ""
	}
	return `<md:AssertionConsumerService index="11" Binding="` + bindingPAOS + `" Location="` + p.paos + `"/>`
}

// get reads a document.
func (w *world) get(t testing.TB, address string) *http.Response {
	t.Helper()
	resp := w.idp.Browser("203.0.113.2").Get(address)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", address, resp.StatusCode)
	}
	return resp
}

// readOurs reads our metadata as a service provider does.
func readOurs(t testing.TB, resp *http.Response) ours {
	t.Helper()
	root := parse(t, []byte(idptest.Body(t, resp)))
	role := root.SelectElement("IDPSSODescriptor")
	if role == nil || role.NamespaceURI() != nsMetadata {
		t.Fatal("our metadata has no IDPSSODescriptor")
	}
	o := ours{entityID: root.SelectAttrValue("entityID", ""), sso: map[string]string{}, slo: map[string]string{}}
	for _, e := range role.SelectElements("SingleSignOnService") {
		o.sso[e.SelectAttrValue("Binding", "")] = e.SelectAttrValue("Location", "")
	}
	for _, e := range role.SelectElements("SingleLogoutService") {
		o.slo[e.SelectAttrValue("Binding", "")] = e.SelectAttrValue("Location", "")
	}
	for _, key := range role.SelectElements("KeyDescriptor") {
		for _, e := range key.FindElements(".//X509Certificate") {
			der, err := base64.StdEncoding.DecodeString(e.Text())
			must(t, err)
			cert, err := x509.ParseCertificate(der)
			must(t, err)
			if key.SelectAttrValue("use", "") == "encryption" {
				o.encryption = cert
			} else {
				o.certs = append(o.certs, cert)
			}
		}
	}
	return o
}

func parse(t testing.TB, xml []byte) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	must(t, doc.ReadFromBytes(xml))
	return doc.Root()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// request makes a fresh request of a service provider, without an endpoint.
func (v *visit) request(p *party) samltest.Request {
	return samltest.Request{
		ID: "_" + idptest.RandomKey(), Version: "2.0", IssueInstant: v.now().UTC().Format(time.RFC3339),
		Destination: v.ours.sso[bindingRedirect], Issuer: p.entityID,
	}
}

func (w *world) now() time.Time { return w.idp.Clock.Now() }

// person is somebody new, who has a phone.
func (w *world) person() (u *idp.User) {
	w.people++
	return w.idp.AddUser(fmt.Sprintf("person%d@example.com", w.people), "Pat", "Person")
}
