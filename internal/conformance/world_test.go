package conformance_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
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
}

// world is the identity provider and the parties that it knows.
type world struct {
	idp  *idptest.IdP
	ours ours
	ids  map[string]bool // of everything that we were sent: none comes twice

	plain      *party // need not sign
	signing    *party // says AuthnRequestsSigned
	persistent *party // has generated persistent identifiers
	opaque     *party // the same, another one
	nameless   *party // is given no identifier, and attributes of its own
	encrypting *party // has a key for encryption, and demands it
	people     int
}

// ours is what our metadata says.
type ours struct {
	entityID string
	sso      map[string]string // binding -> address
	certs    []*x509.Certificate
}

func newWorld(t testing.TB) *world {
	t.Helper()
	within := func(c *config.Config) { c.MetadataMaxValidity = 14 * 24 * time.Hour }
	w := &world{idp: idptest.New(t, idptest.Options{Bare: true, Config: within}), ids: map[string]bool{}}
	w.plain = w.add(t, "plain", samltest.B().Identity, adminapi.Settings{})
	w.signing = w.add(t, "signing", samltest.A().Identity, adminapi.Settings{})
	w.persistent = w.add(t, "persistent", samltest.B().Identity, adminapi.Settings{NameID: ptr("persistent")})
	w.opaque = w.add(t, "opaque", samltest.B().Identity, adminapi.Settings{NameID: ptr("persistent")})
	w.nameless = w.add(t, "nameless", samltest.B().Identity, adminapi.Settings{
		NameID: ptr("none"), Attributes: &[]string{`"Kürzel & <1>"|"the friendly one"|urn:x:format = "R&D"`},
	})
	w.encrypting = w.add(t, "encrypting", samltest.B().Identity, adminapi.Settings{Encryption: ptr("required")})
	w.ours = readOurs(t, w.get(t, idptest.Base+"/saml/metadata"))
	return w
}

func ptr[T any](v T) *T { return &v }

// add lets an administrator add a service provider from its metadata.
func (w *world) add(t testing.TB, name string, id samltest.Identity, settings adminapi.Settings) *party {
	t.Helper()
	p := &party{Identity: id, entityID: "https://" + name + ".test/sp", acs: "https://" + name + ".test/acs?a=1&b=2", second: "https://" + name + ".test/acs7", slug: name}
	settings.Slug = &p.slug
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
		extensions + key(` use="signing"`, samltest.Fixed()) + key("", p.Identity) +
		endpoint(7, p.second, "") + endpoint(9, p.acs, ` isDefault="true"`) +
		`</md:SPSSODescriptor></md:EntityDescriptor>`
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
	o := ours{entityID: root.SelectAttrValue("entityID", ""), sso: map[string]string{}}
	for _, e := range role.SelectElements("SingleSignOnService") {
		o.sso[e.SelectAttrValue("Binding", "")] = e.SelectAttrValue("Location", "")
	}
	for _, key := range role.SelectElements("KeyDescriptor") {
		if key.SelectAttrValue("use", "signing") != "signing" {
			continue
		}
		for _, e := range key.FindElements(".//X509Certificate") {
			der, err := base64.StdEncoding.DecodeString(e.Text())
			must(t, err)
			cert, err := x509.ParseCertificate(der)
			must(t, err)
			o.certs = append(o.certs, cert)
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
