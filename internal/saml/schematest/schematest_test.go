package schematest_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

// A judge that never says no proves nothing.
func TestTheJudgesSayNo(t *testing.T) {
	doc, certPEM := signed(t)
	_, otherPEM := signed(t)
	schematest.VerifySignature(t, doc, certPEM)
	schematest.RefuseSignature(t, doc, otherPEM)
	schematest.RefuseSignature(t, bytes.Replace(doc, []byte("hello"), []byte("hullo"), 1), certPEM)

	judge := &recorder{TB: t}
	schematest.VerifySignatures(judge, [][]byte{doc, bytes.Replace(doc, []byte("hello"), []byte("hullo"), 1), doc}, certPEM)
	if !judge.failed {
		t.Error("a changed document passes among good ones")
	}
	judge = &recorder{TB: t}
	schematest.Validate(judge, []byte(`<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ID="_a"/>`))
	if !judge.failed {
		t.Error("a Response without Version and Status is valid")
	}
}

// recorder notes that a helper has failed the test.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Error(...any)          { r.failed = true }

func signed(t *testing.T) (doc, certPEM []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	el := etree.NewElement("Response")
	el.CreateAttr("ID", "_a")
	el.CreateElement("Text").SetText("hello")
	if err := dsig.Sign(el, key, cert, false, dsig.First); err != nil {
		t.Fatal(err)
	}
	return dsig.Serialize(el), schematest.PEM(der)
}
