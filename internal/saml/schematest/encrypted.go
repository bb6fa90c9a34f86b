package schematest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Decrypt has xmlsec1 put what is encrypted in doc into its place, with the
// private key of keyPEM (PKCS #8).
func Decrypt(t testing.TB, doc, keyPEM []byte) []byte {
	t.Helper()
	out, err := decrypt(t, doc, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// RefuseDecryption checks that xmlsec1 cannot decrypt doc with that key.
func RefuseDecryption(t testing.TB, doc, keyPEM []byte) {
	t.Helper()
	program(t, "LATCHKEY_XMLSEC1", "xmlsec1")
	if out, err := decrypt(t, doc, keyPEM); err == nil {
		t.Errorf("xmlsec1 decrypts it\n%.4000s", out)
	}
}

func decrypt(t testing.TB, doc, keyPEM []byte) ([]byte, error) {
	t.Helper()
	xmlsec1 := program(t, "LATCHKEY_XMLSEC1", "xmlsec1")
	dir := t.TempDir()
	for name, data := range map[string][]byte{"key.pem": keyPEM, "in.xml": doc} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Only the EncryptedKey leads to a key: the certificate beside it is a hint
	// for people with several, and xmlsec1 would ask who issued it.
	cmd := exec.Command(xmlsec1, "--decrypt", "--enabled-key-data", "enc-key,rsa", "--privkey-pem", "key.pem", "--output", "out.xml", "in.xml")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("xmlsec1 --decrypt: %w\n%.4000s\n%.4000s", err, out, doc)
	}
	return os.ReadFile(filepath.Join(dir, "out.xml"))
}

// Encrypt has xmlsec1 encrypt an element by AES-128-GCM and RSA-OAEP, for the
// key of certPEM, and returns the EncryptedData.
func Encrypt(t testing.TB, element, certPEM []byte) []byte {
	t.Helper()
	const template = `<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element">` +
		`<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/>` +
		`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>` +
		`<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>` +
		`<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>` +
		`<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>`
	xmlsec1 := program(t, "LATCHKEY_XMLSEC1", "xmlsec1")
	dir := t.TempDir()
	for name, data := range map[string][]byte{"cert.pem": certPEM, "in.xml": element, "template.xml": []byte(template)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(xmlsec1, "--encrypt", "--pubkey-cert-pem", "cert.pem", "--session-key", "aes-128", "--xml-data", "in.xml", "--output", "out.xml", "template.xml")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("xmlsec1 --encrypt: %v\n%.4000s", err, out)
	}
	out, err := os.ReadFile(filepath.Join(dir, "out.xml"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(bytes.TrimPrefix(out, []byte(`<?xml version="1.0"?>`)))
}

// VerifyEncrypted has xmlsec1 verify the signatures of Responses over the form
// that was sent, decrypt their assertions, and verify the signatures of these.
// assertions says whether they have one. It returns what was decrypted.
func VerifyEncrypted(t testing.TB, docs [][]byte, keyPEM, certPEM []byte, assertions bool) [][]byte {
	t.Helper()
	plain := make([][]byte, len(docs))
	for i, doc := range docs {
		if bytes.Contains(doc, []byte("<saml:Assertion")) {
			t.Fatalf("an assertion in plain:\n%.4000s", doc)
		}
		plain[i] = Decrypt(t, doc, keyPEM)
	}
	if parse(t, docs[0]).FindElement("./Signature") != nil {
		VerifySignatures(t, docs, certPEM)
	}
	if assertions {
		if err := verifyAt(t, plain, certPEM, []string{"Assertion"}, "//*[local-name()='Assertion']/*[local-name()='Signature']"); err != nil {
			t.Error(err)
		}
	}
	return plain
}

// verifyAt has xmlsec1 verify the signature at xpath in each of docs.
func verifyAt(t testing.TB, docs [][]byte, certPEM []byte, elements []string, xpath string) error {
	t.Helper()
	xmlsec1 := program(t, "LATCHKEY_XMLSEC1", "xmlsec1")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), certPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--verify", "--enabled-reference-uris", "same-doc", "--enabled-key-data", "raw-x509-cert", "--pubkey-cert-pem", "cert.pem"}
	for _, e := range elements {
		attribute, element, other := strings.Cut(e, ":")
		if !other {
			attribute, element = "ID", e
		}
		args = append(args, "--id-attr:"+attribute, element)
	}
	cmd := exec.Command(xmlsec1, slices.Concat(args, []string{"--node-xpath", xpath}, write(t, dir, docs))...)
	cmd.Dir = dir // xmlsec1 takes a comma in a path for a separator
	out, err := cmd.CombinedOutput()
	if ok := strings.Count(string(out), "OK\n"); err != nil || ok < len(docs) {
		return fmt.Errorf("xmlsec1 verifies %d of %d documents at %s: %w\n%.4000s", ok, len(docs), xpath, err, out)
	}
	return nil
}
