// Package schematest judges the XML that Latchkey makes with programs that
// other people wrote: xmllint against the OASIS schemas, xmlsec1 for
// signatures. For tests only.
//
// The programs are taken from PATH, or from LATCHKEY_XMLLINT and
// LATCHKEY_XMLSEC1; the schemas from /usr/share/xml (Debian packages
// opensaml-schemas and xmltooling-schemas), or from the folder that
// LATCHKEY_SCHEMAS names. Where one is missing the test is skipped, unless
// LATCHKEY_REQUIRE_ALL is 1. Nothing is ever fetched from a network.
package schematest

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// schemas by namespace of the root element.
var schemas = map[string]string{
	"urn:oasis:names:tc:SAML:2.0:protocol":  "opensaml/saml-schema-protocol-2.0.xsd",
	"urn:oasis:names:tc:SAML:2.0:assertion": "opensaml/saml-schema-assertion-2.0.xsd",
	"urn:oasis:names:tc:SAML:2.0:metadata":  "opensaml/saml-schema-metadata-2.0.xsd",
	"urn:oasis:names:tc:SAML:1.0:assertion": "opensaml/cs-sstc-schema-assertion-1.1.xsd",

	// An envelope of the Enhanced Client or Proxy profile: its schema imports
	// those of SOAP and of what is inside.
	"http://schemas.xmlsoap.org/soap/envelope/": "opensaml/saml-schema-ecp-2.0.xsd",
}

// imports maps what the schemas import by address to local files.
var imports = map[string]string{
	"http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/xmldsig-core-schema.xsd": "xmltooling/xmldsig-core-schema.xsd",
	"http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/xenc-schema.xsd":          "xmltooling/xenc-schema.xsd",
	"http://www.w3.org/TR/xmldsig-core/xmldsig-core-schema.xsd":                   "xmltooling/xmldsig-core-schema.xsd",
	"http://www.w3.org/2001/xml.xsd":                                              "xmltooling/xml.xsd",
	"http://schemas.xmlsoap.org/soap/envelope/":                                   "xmltooling/soap-envelope.xsd",
}

// Validate checks documents (Responses, Assertions, metadata) against the
// OASIS schemas; the root of the first one chooses the schema.
func Validate(t testing.TB, docs ...[]byte) {
	t.Helper()
	xmllint := program(t, "LATCHKEY_XMLLINT", "xmllint")
	folder := os.Getenv("LATCHKEY_SCHEMAS")
	if folder == "" {
		folder = "/usr/share/xml"
	}
	if _, err := os.Stat(filepath.Join(folder, "opensaml")); err != nil {
		unavailable(t, "the OASIS schemas are not installed: "+err.Error())
	}
	schema, ok := schemas[parse(t, docs[0]).NamespaceURI()]
	if !ok {
		t.Fatalf("no schema for the root of %.200s", docs[0])
	}
	dir := t.TempDir()
	cmd := exec.Command(xmllint, append([]string{"--nonet", "--noout", "--schema", withExtensions(t, dir, folder, schema)},
		write(t, dir, docs)...)...)
	cmd.Env = append(os.Environ(), "XML_CATALOG_FILES="+catalog(t, dir, folder))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v\n%.4000s\n%.4000s", err, out, docs[0])
	}
}

// extensions are what the schemas of SAML don't know of and allow from
// elsewhere.
var extensions = map[string]string{
	"http://www.w3.org/2009/xmlenc11#":            "xmltooling/xenc11-schema.xsd",
	"urn:oasis:names:tc:SAML:metadata:ui":         "opensaml/sstc-saml-metadata-ui-v1.0.xsd",
	"urn:oasis:names:tc:SAML:metadata:algsupport": "opensaml/sstc-saml-metadata-algsupport-v1.0.xsd",
}

// withExtensions is a schema together with those of the extensions.
func withExtensions(t testing.TB, dir, folder, schema string) string {
	t.Helper()
	text := `<schema xmlns="http://www.w3.org/2001/XMLSchema">`
	add := func(namespace, file string) {
		text += fmt.Sprintf(`<import namespace=%q schemaLocation="file://%s"/>`, namespace, filepath.ToSlash(filepath.Join(folder, file)))
	}
	for namespace, file := range schemas {
		if file == schemas["http://schemas.xmlsoap.org/soap/envelope/"] {
			namespace = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp"
		}
		if file == schema {
			add(namespace, file)
		}
	}
	for namespace, file := range extensions {
		add(namespace, file)
	}
	text += `</schema>`
	name := filepath.Join(dir, "all.xsd")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// VerifySignature checks every signature in doc with xmlsec1 and the key of
// certPEM alone, and that there is at least one. elements name what may carry
// an ID: "Response", "Assertion", "EntityDescriptor"; the first two by default.
// "AssertionID:Assertion" is one whose ID is another attribute, as in SAML 1.1.
func VerifySignature(t testing.TB, doc, certPEM []byte, elements ...string) {
	t.Helper()
	VerifySignatures(t, [][]byte{doc}, certPEM, elements...)
}

// VerifySignatures is VerifySignature for many documents at once, which have
// equally many signatures.
func VerifySignatures(t testing.TB, docs [][]byte, certPEM []byte, elements ...string) {
	t.Helper()
	if err := verify(t, docs, certPEM, elements); err != nil {
		t.Error(err)
	}
}

// RefuseSignature checks that xmlsec1 refuses a signature of doc.
func RefuseSignature(t testing.TB, doc, certPEM []byte, elements ...string) {
	t.Helper()
	if verify(t, [][]byte{doc}, certPEM, elements) == nil {
		t.Errorf("xmlsec1 accepts\n%.4000s", doc)
	}
}

func verify(t testing.TB, docs [][]byte, certPEM []byte, elements []string) error {
	t.Helper()
	program(t, "LATCHKEY_XMLSEC1", "xmlsec1")
	if len(elements) == 0 {
		elements = []string{"Response", "Assertion"}
	}
	signatures := len(parse(t, docs[0]).FindElements("//Signature"))
	for _, doc := range docs {
		if n := len(parse(t, doc).FindElements("//Signature")); n == 0 || n != signatures {
			return fmt.Errorf("%d signatures, want %d and at least one, in\n%.4000s", n, signatures, doc)
		}
	}
	for i := range signatures {
		if err := verifyAt(t, docs, certPEM, elements, fmt.Sprintf("(//*[local-name()='Signature'])[%d]", i+1)); err != nil {
			return err
		}
	}
	return nil
}

// PEM encodes a DER certificate.
func PEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func parse(t testing.TB, doc []byte) *etree.Element {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromBytes(doc); err != nil {
		t.Fatalf("read XML: %v\n%.4000s", err, doc)
	}
	return d.Root()
}

func write(t testing.TB, dir string, docs [][]byte) []string {
	t.Helper()
	names := make([]string, len(docs))
	for i, d := range docs {
		names[i] = filepath.Join(dir, fmt.Sprintf("%04d.xml", i))
		if err := os.WriteFile(names[i], d, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func catalog(t testing.TB, dir, folder string) string {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(`<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">`)
	for address, file := range imports {
		fmt.Fprintf(&b, `<system systemId=%q uri="file://%s"/>`, address, filepath.ToSlash(filepath.Join(folder, file)))
	}
	b.WriteString(`</catalog>`)
	name := filepath.Join(dir, "catalog.xml")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func program(t testing.TB, variable, name string) string {
	t.Helper()
	if p := os.Getenv(variable); p != "" {
		return p
	}
	p, err := exec.LookPath(name)
	if err != nil {
		unavailable(t, name+" is not installed")
	}
	return p
}

func unavailable(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("LATCHKEY_REQUIRE_ALL") == "1" {
		t.Fatal(why)
	}
	t.Skip(strings.TrimSpace(why))
}
