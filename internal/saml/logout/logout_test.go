package logout_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/logout"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// us is the identity provider's key.
func us() (samltest.Identity, response.Signing) {
	id := samltest.A().Identity
	return id, response.Signing{Signer: id.Key, Certificate: id.Cert}
}

func target() *idp.LogoutTarget {
	return &idp.LogoutTarget{
		Participant: idp.Participant{
			SP: "https://sp-b.test", Issuer: "https://idp.test/saml/metadata", NameID: "ana<&>@example.com", NameIDFormat: idp.NameIDEmail, Qualified: true,
		},
		SessionIndexes: []string{"_one", "_two"},
	}
}

var endpoint = &idp.Endpoint{Binding: idp.BindingPOST, Location: "https://sp-b.test/slo?so=1&x=2"}

// messages are what we send, in the forms of the bindings with XML signatures.
func messages(t *testing.T, sp *idp.ServiceProvider) map[string][]byte {
	t.Helper()
	_, key := us()
	out := map[string][]byte{}
	keep := func(name string, m *logout.Message, err error) {
		if err != nil {
			t.Fatal(err)
		}
		sent, err := m.POST("", false, key)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = sent.XML
	}
	m, err := logout.NewRequest(sp, target(), endpoint, "_r1", now)
	keep("request", m, err)
	keep("success", logout.NewResponse(sp, logout.Answer{InResponseTo: "_x", Issuer: "https://idp.test"}, endpoint.Location, "_a1", now), nil)
	keep("partial", logout.NewResponse(sp, logout.Answer{InResponseTo: "_x", Issuer: "https://idp.test", Partial: true}, endpoint.Location, "_a2", now), nil)
	keep("failed", logout.NewResponse(sp, logout.Answer{InResponseTo: "_x", Issuer: "https://idp.test", Failed: &saml.StatusError{
		Top: saml.StatusRequester, Second: saml.StatusUnknownPrincipal, Message: "nobody",
	}}, "", "_a3", now), nil)
	return out
}

func TestMessagesAreValid(t *testing.T) {
	id, _ := us()
	sp := samltest.B().ServiceProvider
	var docs [][]byte
	for name, xml := range messages(t, &sp) {
		docs = append(docs, xml)
		if name == "request" && (!strings.Contains(string(xml), `NotOnOrAfter="2026-11-22T12:05:00.000Z"`) ||
			strings.Count(string(xml), "<samlp:SessionIndex>") != 2 || !strings.Contains(string(xml), `SPNameQualifier="https://sp-b.test"`)) {
			t.Errorf("%s", xml)
		}
	}
	schematest.Validate(t, docs...)
	schematest.VerifySignatures(t, docs, schematest.PEM(id.Cert.Raw), "LogoutRequest", "LogoutResponse")
}

// TestRedirectVerifies: the signature of the query holds by our own verifier,
// which reads the octets as they are on the wire.
func TestRedirectVerifies(t *testing.T) {
	id, key := us()
	sp := samltest.B().ServiceProvider
	for _, relay := range []string{"", "a b&=+é", strings.Repeat("r", 1024)} {
		m, err := logout.NewRequest(&sp, target(), endpoint, "_r1", now)
		if err != nil {
			t.Fatal(err)
		}
		to, err := m.Redirect(relay, relay != "", key)
		if err != nil {
			t.Fatal(err)
		}
		query, ok := strings.CutPrefix(to, endpoint.Location+"&")
		if !ok {
			t.Fatalf("goes to %s", to)
		}
		in, err := binding.Redirect(query)
		if err != nil {
			t.Fatal(err)
		}
		claim, err := logout.ParseRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		we := samltest.SP{ServiceProvider: idp.ServiceProvider{EntityID: "https://idp.test/saml/metadata", SigningCerts: [][]byte{id.Cert.Raw}}}
		r, signed, err := logout.JudgeRequest(claim, in, &we.ServiceProvider, logout.Env{URL: endpoint.Location, Now: now})
		if err != nil || !signed || in.RelayState != relay || r.NameID.Value != target().NameID || len(r.SessionIndexes) != 2 {
			t.Errorf("%+v, signed %v, %v", r, signed, err)
		}
		schematest.Validate(t, inflated(t, query))
	}
}

func inflated(t *testing.T, query string) []byte {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(q.Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(flate.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEncryptedID: a NameID goes encrypted where assertions do, and comes
// encrypted by any of our keys.
func TestEncryptedID(t *testing.T) {
	id, _ := us()
	sp := samltest.B()
	sp.Encryption, sp.EncryptCerts = idp.EncryptRequired, [][]byte{sp.Cert.Raw}
	sent := messages(t, &sp.ServiceProvider)["request"]
	if strings.Contains(string(sent), "ana&lt;") || !strings.Contains(string(sent), "saml:EncryptedID") {
		t.Fatalf("%s", sent)
	}
	schematest.Validate(t, sent)
	schematest.VerifySignature(t, sent, schematest.PEM(id.Cert.Raw), "LogoutRequest")
	der, err := x509.MarshalPKCS8PrivateKey(sp.Key)
	if err != nil {
		t.Fatal(err)
	}
	if plain := schematest.Decrypt(t, sent, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); !strings.Contains(string(plain), "ana&lt;&amp;&gt;@example.com") {
		t.Errorf("decrypted: %s", plain)
	}

	in := &binding.Inbound{Binding: idp.BindingPOST, XML: sent}
	claim, err := logout.ParseRequest(in)
	if err != nil {
		t.Fatal(err)
	}
	we := idp.ServiceProvider{EntityID: "https://idp.test/saml/metadata", SigningCerts: [][]byte{id.Cert.Raw}}
	env := logout.Env{URL: endpoint.Location, Now: now}
	other := samltest.RSA(2048).Key.(crypto.Decrypter)
	for name, c := range map[string]struct {
		keys []crypto.Decrypter
		ok   bool
	}{"ours, second": {[]crypto.Decrypter{other, sp.Key.(crypto.Decrypter)}, true}, "another": {[]crypto.Decrypter{other}, false}, "none": {nil, false}} {
		env.Keys = func() ([]crypto.Decrypter, error) { return c.keys, nil }
		r, _, err := logout.JudgeRequest(claim, in, &we, env)
		if (err == nil) != c.ok || c.ok && r.NameID.Value != target().NameID {
			t.Errorf("%s: %v", name, err)
		}
		if !c.ok && !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: idp.EncFailed}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("not in a message that nobody signed", func(t *testing.T) {
		env.Keys = func() ([]crypto.Decrypter, error) { return []crypto.Decrypter{sp.Key.(crypto.Decrypter)}, nil }
		we.ConfirmUnsignedLogout = true
		bare := string(sent)
		from, to := strings.Index(bare, "<ds:Signature"), strings.Index(bare, "</ds:Signature>")+len("</ds:Signature>")
		in := &binding.Inbound{Binding: idp.BindingPOST, XML: []byte(bare[:from] + bare[to:])}
		claim, err := logout.ParseRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := logout.JudgeRequest(claim, in, &we, env); !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: idp.SLOUnsigned}) {
			t.Errorf("%v", err)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(samltest.B().Logout(now, "ana@example.com", "_1").XML()))
	f.Add([]byte(samltest.B().LoggedOut(now, "_1").XML()))
	f.Fuzz(func(t *testing.T, xml []byte) {
		if r, err := logout.ParseRequest(&binding.Inbound{Binding: idp.BindingPOST, XML: xml}); err == nil && (r.ID == "" || r.Issuer == "") {
			t.Fatal("a request without ID or Issuer")
		}
		if r, err := logout.ParseResponse(&binding.Inbound{Binding: idp.BindingPOST, XML: xml, Response: true}); err == nil && (r.ID == "" || r.Issuer == "" || r.Status == "") {
			t.Fatal("a response without ID, Issuer or Status")
		}
	})
}
