package response_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// theirs is the service provider's key for decryption.
var theirs = sync.OnceValue(func() samltest.Identity { return samltest.RSA(2048) })

func theirPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(theirs().Key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// encrypting makes sp want encryption with these algorithms; none: of our choice.
func encrypting(sp *idp.ServiceProvider, methods ...idp.EncryptionMethod) {
	cert := theirs().Cert.Raw
	sp.Encryption, sp.EncryptCerts = idp.EncryptRequired, [][]byte{cert}
	sp.EncryptionMethods = map[string][]idp.EncryptionMethod{idp.CertID(cert): methods}
	sp.AllowCBC = len(methods) > 0
}

// secrets are what nobody but the service provider may read.
var secrets = []string{"ana@example.com", "Assertion1", "_assertion1", "groups", "Payroll", "AuthnStatement", "_session1"}

func TestEncrypted(t *testing.T) {
	t.Run("X17 encrypted, every algorithm and signature", func(t *testing.T) {
		for _, content := range []string{xmlenc.AES128GCM, xmlenc.AES256GCM, xmlenc.AES128CBC, xmlenc.AES256CBC} {
			for _, mode := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
				in := issue()
				in.SP.Sign = mode
				encrypting(in.SP, idp.EncryptionMethod{Algorithm: content})
				out := assert(t, in)
				if !bytes.Contains(out.XML, []byte(content)) {
					t.Errorf("not encrypted with %s", content)
				}
				for _, secret := range secrets {
					if bytes.Contains(out.XML, []byte(secret)) {
						t.Errorf("%s is readable in\n%s", secret, out.XML)
					}
				}
				schematest.Validate(t, out.XML)
				plain := schematest.VerifyEncrypted(t, [][]byte{out.XML}, theirPEM(t), certPEM(), mode != idp.SignResponse)
				assertion := only(t, tree(t, plain[0]), "./EncryptedAssertion/Assertion")
				if got := only(t, assertion, "./Subject/NameID").Text(); got != "ana@example.com" {
					t.Errorf("NameID %q", got)
				}
			}
		}
	})
	t.Run("X17 encrypted, 500 users", func(t *testing.T) {
		random := rand.New(rand.NewPCG(2, 17))
		docs, texts := make([][]byte, 500), make([]string, 500)
		for i := range docs {
			in := issue()
			in.SP.NameID = "unspecified = odd"
			in.SP.Attributes = append(in.SP.Attributes, "odd = odd")
			encrypting(in.SP)
			texts[i] = oddText(random)
			in.User.Attributes["odd"] = []string{texts[i]}
			docs[i] = assert(t, in).XML
		}
		schematest.Validate(t, docs...)
		for i, plain := range schematest.VerifyEncrypted(t, docs, theirPEM(t), certPEM(), true) {
			if got := only(t, tree(t, plain), "//NameID").Text(); got != texts[i] {
				t.Fatalf("%q is read as %q", texts[i], got)
			}
		}
	})
	t.Run("X17 encrypted, a changed answer is refused", func(t *testing.T) {
		in := issue()
		in.SP.Sign = idp.SignBoth
		encrypting(in.SP)
		root := tree(t, assert(t, in).XML)
		value := only(t, root, "./EncryptedAssertion/EncryptedData/CipherData/CipherValue")
		text := []byte(value.Text())
		text[40] ^= 1
		value.SetText(string(text))
		changed := dsig.Serialize(root)
		schematest.RefuseSignature(t, changed, certPEM())
		schematest.RefuseDecryption(t, changed, theirPEM(t))
	})
}

// xmlenc11 rsa-oaep, which xmlsec1 1.2 doesn't have: valid, and read by us.
func TestEncryptedWithXMLEnc11(t *testing.T) {
	in := issue()
	in.SP.Sign = idp.SignBoth
	encrypting(in.SP,
		idp.EncryptionMethod{Algorithm: xmlenc.AES256GCM},
		idp.EncryptionMethod{Algorithm: xmlenc.OAEP, Digest: xmlenc.SHA256, MGF: xmlenc.MGF1SHA256})
	out := assert(t, in)
	schematest.Validate(t, out.XML)
	schematest.VerifySignature(t, out.XML, certPEM())
	root, err := xmlsafe.Parse(out.XML, xmlsafe.Message())
	if err != nil {
		t.Fatal(err)
	}
	data := only(t, root, "./EncryptedAssertion/EncryptedData")
	only(t, data, "./KeyInfo/EncryptedKey/EncryptionMethod/MGF")
	key := theirs().Key.(crypto.Decrypter)
	assertion, err := xmlenc.Decrypt(data, []crypto.Decrypter{key}, xmlenc.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	_, cert := testKey()
	if _, err := dsig.Verify(assertion, []*x509.Certificate{cert}, dsig.Policy{}); err != nil {
		t.Error(err)
	}
}

// crewjam/saml decrypts AES-128-GCM and AES-CBC. It never sees a signature of
// an assertion before it has decrypted it.
func TestGoServiceProvidersDecrypt(t *testing.T) {
	_, cert := testKey()
	u, _ := url.Parse(acs)
	for _, content := range []string{xmlenc.AES128GCM, xmlenc.AES128CBC, xmlenc.AES256CBC} {
		for _, mode := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
			t.Run(content[len(content)-10:]+" "+mode, func(t *testing.T) {
				in := fresh()
				in.SP.Sign = mode
				encrypting(in.SP, idp.EncryptionMethod{Algorithm: content})
				out := assert(t, in)
				sp := consumer(t, in.SP.EntityID, cert)
				sp.Key, sp.Certificate = theirs().Key, theirs().Cert
				got, err := sp.ParseXMLResponse(out.XML, []string{"_request1"}, *u)
				if err != nil {
					t.Fatal(private(err))
				}
				if got.Subject.NameID.Value != "ana@example.com" || len(got.AttributeStatements[0].Attributes) != 4 {
					t.Errorf("crewjam/saml reads %+v", got)
				}
				sp.Key = samltest.A().Key
				if _, err := sp.ParseXMLResponse(out.XML, []string{"_request1"}, *u); err == nil {
					t.Error("another key opens it")
				}
			})
		}
	}
}

// Where encryption is wanted and impossible, nothing is sent, and the person is
// told of an error of ours.
func TestNeverInPlain(t *testing.T) {
	for name, change := range map[string]func(*idp.ServiceProvider){
		"IIP-IDP09 the key is gone":  func(sp *idp.ServiceProvider) { sp.EncryptCerts = nil },
		"a key that nobody can read": func(sp *idp.ServiceProvider) { sp.EncryptCerts = [][]byte{{0x30}} },
		"a short key":                func(sp *idp.ServiceProvider) { sp.EncryptCerts = [][]byte{samltest.RSA(1024).Cert.Raw} },
		"IIP-MD10 no common algorithm": func(sp *idp.ServiceProvider) {
			encrypting(sp, idp.EncryptionMethod{Algorithm: "http://www.w3.org/2001/04/xmlenc#rsa-1_5"})
			sp.Encryption = idp.EncryptIfKey
		},
		"an unknown setting": func(sp *idp.ServiceProvider) { sp.Encryption = "sometimes" },
	} {
		t.Run(name, func(t *testing.T) {
			in := issue()
			encrypting(in.SP)
			change(in.SP)
			s, counter := signing()
			out, err := response.Assert(in, s)
			if err == nil || out != nil {
				t.Fatalf("sent %v", out)
			}
			if e := (*idp.Error)(nil); errors.As(err, &e) {
				t.Errorf("told as %v", e)
			}
			if !strings.Contains(err.Error(), "encrypt assertion for "+in.SP.EntityID) {
				t.Errorf("log: %v", err)
			}
			if counter.n != 0 {
				t.Errorf("%d signatures made", counter.n)
			}
		})
	}
	t.Run("if-key without a key is in plain", func(t *testing.T) {
		in := issue()
		in.SP.Encryption = idp.EncryptIfKey
		if out := assert(t, in); !bytes.Contains(out.XML, []byte("<saml:Assertion ")) {
			t.Errorf("got %s", out.XML)
		}
	})
}

func BenchmarkAssertEncrypted(b *testing.B) {
	s, _ := signing()
	in := issue()
	encrypting(in.SP)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := response.Assert(in, s); err != nil {
			b.Fatal(err)
		}
	}
}
