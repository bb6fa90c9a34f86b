package dsig_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func parse(t testing.TB, message string) *etree.Element {
	t.Helper()
	root, err := xmlsafe.Parse([]byte(message), xmlsafe.Message())
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return root
}

func certs(ids ...samltest.Identity) []*x509.Certificate {
	var out []*x509.Certificate
	for _, id := range ids {
		out = append(out, id.Cert)
	}
	return out
}

func wantReason(t *testing.T, err error, reasons ...idp.Reason) {
	t.Helper()
	for _, r := range reasons {
		if errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: r}) {
			return
		}
	}
	t.Errorf("got %v, want one of %v", err, reasons)
}

func TestVerifyAccepts(t *testing.T) {
	a, b := samltest.A(), samltest.B()
	message := a.Request(now).XML()
	future := samltest.NewIdentity(a.Key, now.AddDate(900, 0, 0), now.AddDate(901, 0, 0))
	p256, p384, p521 := samltest.ECDSA(elliptic.P256()), samltest.ECDSA(elliptic.P384()), samltest.ECDSA(elliptic.P521())
	tests := map[string]struct {
		signer  samltest.Identity
		signing samltest.Signing
		certs   []*x509.Certificate
		policy  dsig.Policy
	}{
		"RSA-SHA256":                    {a.Identity, samltest.Signing{}, certs(a.Identity), dsig.Policy{}},
		"RSA-SHA384":                    {a.Identity, samltest.Signing{Method: samltest.RSASHA384, Digest: samltest.SHA384}, certs(a.Identity), dsig.Policy{}},
		"RSA-SHA512":                    {a.Identity, samltest.Signing{Method: samltest.RSASHA512, Digest: samltest.SHA512}, certs(a.Identity), dsig.Policy{}},
		"ECDSA-SHA256":                  {p256, samltest.Signing{Method: samltest.ECDSASHA256}, certs(p256), dsig.Policy{}},
		"ECDSA-SHA384":                  {p384, samltest.Signing{Method: samltest.ECDSASHA384}, certs(p384), dsig.Policy{}},
		"ECDSA-SHA512":                  {p521, samltest.Signing{Method: samltest.ECDSASHA512}, certs(p521), dsig.Policy{}},
		"S5 SHA-1 where it is allowed":  {a.Identity, samltest.Signing{Method: samltest.RSASHA1, Digest: samltest.SHA1}, certs(a.Identity), dsig.Policy{AllowSHA1: true}},
		"S14 expired, second key":       {a.Identity, samltest.Signing{}, certs(b.Identity, a.Identity), dsig.Policy{}},
		"S14 certificate not yet valid": {a.Identity, samltest.Signing{}, certs(future), dsig.Policy{}},
		"KeyInfo with X509SKI, KeyName": {a.Identity, samltest.Signing{KeyInfo: `<ds:KeyName>k</ds:KeyName><ds:X509Data><ds:X509SKI>AAAA</ds:X509SKI></ds:X509Data>`}, certs(a.Identity), dsig.Policy{}},
		"KeyInfo with the certificate":  {a.Identity, samltest.Signing{KeyInfo: a.X509()}, certs(a.Identity), dsig.Policy{}},
		"InclusiveNamespaces":           {a.Identity, samltest.Signing{Prefixes: "saml"}, certs(a.Identity), dsig.Policy{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := parse(t, tt.signer.SignXML(message, tt.signing))
			signed, err := dsig.Verify(root, tt.certs, tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			if dsig.HasSignature(signed) || !dsig.HasSignature(root) {
				t.Error("the signed element holds the signature, or the root lost it")
			}
			if got, _ := xmlsafe.Attr(signed, "ID"); got != "_sp-a-1" || len(signed.ChildElements()) != 1 {
				t.Errorf("another element was returned: ID %q", got)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	a, b := samltest.A(), samltest.B()
	message := a.Request(now).XML()
	good := a.SignXML(message, samltest.Signing{})
	weak := samltest.RSA(1024)
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in the signed message", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	signature := good[strings.Index(good, "<ds:Signature "):strings.Index(good, "</samlp:AuthnRequest>")]
	value := good[strings.Index(good, "<ds:SignatureValue>")+len("<ds:SignatureValue>") : strings.Index(good, "</ds:SignatureValue>")]
	enveloped := `<ds:Transform Algorithm="` + samltest.Enveloped + `"/>`
	c14n := `<ds:Transform Algorithm="` + samltest.ExcC14N + `"/>`
	transforms := func(raw string) string { return a.SignXML(message, samltest.Signing{Transforms: raw}) }
	hmacWith := func(key []byte) string {
		const method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
		s := replace(samltest.RSASHA256, method)
		info := s[strings.Index(s, "<ds:SignedInfo") : strings.Index(s, "</ds:SignedInfo>")+len("</ds:SignedInfo>")]
		mac := hmac.New(sha256.New, key)
		mac.Write(samltest.Canonical(parse(t, info), ""))
		return strings.Replace(s, value, base64.StdEncoding.EncodeToString(mac.Sum(nil)), 1)
	}
	tests := []struct {
		name   string
		xml    string
		certs  []*x509.Certificate
		policy dsig.Policy
		reason idp.Reason
	}{
		{"S2 none", message, nil, dsig.Policy{}, idp.SigShape},
		{"S2 several", samltest.Insert(good, signature), nil, dsig.Policy{}, idp.SigShape},
		{"S2 not a child of the root", samltest.Insert(message, "<x>"+signature+"</x>"), nil, dsig.Policy{}, idp.SigShape},
		{"S2 SignedInfo twice", replace("<ds:SignatureValue>", `<ds:SignedInfo/><ds:SignatureValue>`), nil, dsig.Policy{}, idp.SigShape},
		{"S2 content in ds:Object", replace("</ds:Signature>", `<ds:Object/></ds:Signature>`), nil, dsig.Policy{}, idp.SigShape},
		{"S3 empty URI", replace(`URI="#_sp-a-1"`, `URI=""`), nil, dsig.Policy{}, idp.SigReference},
		{"S3 signed with empty URI", replace(`URI="#_sp-a-1"`, ``), nil, dsig.Policy{}, idp.SigReference},
		{"S3 other ID", a.SignXML(message, samltest.Signing{URI: "#_other"}), nil, dsig.Policy{}, idp.SigReference},
		{"S3 xpointer", a.SignXML(message, samltest.Signing{URI: "#xpointer(/)"}), nil, dsig.Policy{}, idp.SigReference},
		{"S3 root without ID", strings.Replace(good, ` ID="_sp-a-1"`, "", 1), nil, dsig.Policy{}, idp.SigReference},
		{"S3 two References", replace("</ds:SignedInfo>", `<ds:Reference/></ds:SignedInfo>`), nil, dsig.Policy{}, idp.SigReference},
		{"S3 no Reference", good[:strings.Index(good, "<ds:Reference ")] + good[strings.Index(good, "</ds:SignedInfo>"):], nil, dsig.Policy{}, idp.SigReference},
		{"A28 XSLT", transforms(enveloped + `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>`), nil, dsig.Policy{}, idp.SigTransform},
		{"S4 XPath", transforms(enveloped + `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>`), nil, dsig.Policy{}, idp.SigTransform},
		{"S4 base64", transforms(enveloped + `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/>`), nil, dsig.Policy{}, idp.SigTransform},
		{"S4 third transform", transforms(enveloped + c14n + c14n), nil, dsig.Policy{}, idp.SigTransform},
		{"S4 only enveloped", transforms(enveloped), nil, dsig.Policy{}, idp.SigTransform},
		{"S4 inclusive C14N", replace(`CanonicalizationMethod Algorithm="`+samltest.ExcC14N, `CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315`), nil, dsig.Policy{}, idp.SigTransform},
		{"A22 RSA-SHA1", a.SignXML(message, samltest.Signing{Method: samltest.RSASHA1}), nil, dsig.Policy{}, idp.SigAlgorithm},
		{"A22 SHA-1 digest", a.SignXML(message, samltest.Signing{Digest: samltest.SHA1}), nil, dsig.Policy{}, idp.SigAlgorithm},
		{"A22 RSA-1024", weak.SignXML(message, samltest.Signing{}), certs(weak), dsig.Policy{}, idp.SigAlgorithm},
		{"S5 MD5", replace(samltest.RSASHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"), nil, dsig.Policy{}, idp.SigAlgorithm},
		{"S5 refused by setting", good, nil, dsig.Policy{Refused: []string{samltest.RSASHA256}}, idp.SigAlgorithm},
		{"S5 digest refused by setting", good, nil, dsig.Policy{Refused: []string{samltest.SHA256}}, idp.SigAlgorithm},
		{"A25 S6 HMAC with the certificate, DER", hmacWith(a.Cert.Raw), nil, dsig.Policy{}, idp.SigAlgorithm},
		{"A25 S6 HMAC with the certificate, PEM", hmacWith(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Cert.Raw})), nil, dsig.Policy{}, idp.SigAlgorithm},
		{"A26 attacker's certificate in KeyInfo", b.SignXML(message, samltest.Signing{KeyInfo: b.X509()}), nil, dsig.Policy{}, idp.SigUntrustedKey},
		{"S7 RetrievalMethod", b.SignXML(message, samltest.Signing{KeyInfo: `<ds:RetrievalMethod URI="http://127.0.0.1:1/"/>`}), nil, dsig.Policy{}, idp.SigUntrustedKey},
		{"S14 removed key", good, certs(b.Identity), dsig.Policy{}, idp.SigUntrustedKey},
		{"S14 no key", good, []*x509.Certificate{}, dsig.Policy{}, idp.SigUntrustedKey},
		{"S15 empty SignatureValue", replace(value, ""), nil, dsig.Policy{}, idp.SigShape},
		{"S15 no SignedInfo", good[:strings.Index(good, "<ds:SignedInfo")] + good[strings.Index(good, "<ds:SignatureValue"):], nil, dsig.Policy{}, idp.SigShape},
		{"S15 empty Signature", samltest.Insert(message, `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`), nil, dsig.Policy{}, idp.SigShape},
		{"S15 empty SignedInfo", samltest.Insert(message, `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/><ds:SignatureValue/></ds:Signature>`), nil, dsig.Policy{}, idp.SigShape},
		{"S15 short DigestValue", replace("<ds:DigestValue>", "<ds:DigestValue>AAAA</ds:DigestValue><ds:DigestValue>"), nil, dsig.Policy{}, idp.SigShape},
		{"S15 element in SignatureValue", replace(value, "<x/>"+value), nil, dsig.Policy{}, idp.SigShape},
		{"S15 truncated HMAC parameter", replace(`#rsa-sha256"/>`, `#rsa-sha256"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>`), nil, dsig.Policy{}, idp.SigAlgorithm},
		{"S1 content changed", replace("https://sp-a.test/acs", "https://evil.test/acs"), nil, dsig.Policy{}, idp.SigReference},
		{"S8 SignedInfo changed", replace("<ds:DigestValue>", "<ds:DigestValue> "), nil, dsig.Policy{}, idp.SigUntrustedKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.certs == nil {
				tt.certs = certs(a.Identity)
			}
			signed, err := dsig.Verify(parse(t, tt.xml), tt.certs, tt.policy)
			wantReason(t, err, tt.reason)
			if signed != nil {
				t.Error("an element was returned")
			}
		})
	}
	t.Run("S15 KeyInfo without certificate is no matter", func(t *testing.T) {
		if _, err := dsig.Verify(parse(t, replace("</ds:SignatureValue>", "</ds:SignatureValue><ds:KeyInfo/>")), certs(a.Identity), dsig.Policy{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("S5 says what would lift it", func(t *testing.T) {
		_, err := dsig.Verify(parse(t, a.SignXML(message, samltest.Signing{Method: samltest.RSASHA1})), certs(a.Identity), dsig.Policy{})
		var sha1 *dsig.SHA1Error
		if !errors.As(err, &sha1) || sha1.Algorithm != "RSA-SHA1" {
			t.Errorf("got %v", err)
		}
	})
}

func TestVerifyQuery(t *testing.T) {
	a, p256 := samltest.A(), samltest.ECDSA(elliptic.P256())
	data := []byte("SAMLRequest=x&SigAlg=y")
	rsa, ec := a.SignBytes(data, samltest.RSASHA256), p256.SignBytes(data, samltest.ECDSASHA256)
	all := certs(a.Identity, p256)
	if err := dsig.VerifyQuery(data, samltest.RSASHA256, rsa, all, dsig.Policy{}); err != nil {
		t.Error(err)
	}
	if err := dsig.VerifyQuery(data, samltest.ECDSASHA256, ec, all, dsig.Policy{}); err != nil {
		t.Error(err)
	}
	wantReason(t, dsig.VerifyQuery(data, samltest.ECDSASHA256, ec[1:], all, dsig.Policy{}), idp.SigUntrustedKey)
	wantReason(t, dsig.VerifyQuery(data[1:], samltest.RSASHA256, rsa, all, dsig.Policy{}), idp.SigUntrustedKey)
	wantReason(t, dsig.VerifyQuery(data, samltest.RSASHA1, rsa, all, dsig.Policy{}), idp.SigAlgorithm)
	wantReason(t, dsig.VerifyQuery(data, "", rsa, all, dsig.Policy{}), idp.SigAlgorithm)
}

// TestNested verifies a signed element inside another one, as aggregates of
// metadata have them: its namespaces are declared outside.
func TestNested(t *testing.T) {
	a := samltest.A()
	signed := a.SignXML(a.Request(now).XML(), samltest.Signing{})
	const declared = ` xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`
	outer := parse(t, "<all"+declared+` xmlns="urn:other">`+strings.Replace(signed, declared, "", 1)+"</all>")
	got, err := dsig.Verify(outer.ChildElements()[0], certs(a.Identity), dsig.Policy{})
	if err != nil || !xmlsafe.Is(got, "urn:oasis:names:tc:SAML:2.0:protocol", "AuthnRequest") {
		t.Fatal(err)
	}
}

// TestForeignSigner lets xmlsec1 sign, so that our canonical form is not only
// compared with itself.
func TestForeignSigner(t *testing.T) {
	xmlsec, err := exec.LookPath("xmlsec1")
	if err != nil {
		if os.Getenv("LATCHKEY_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip("xmlsec1 is not installed")
	}
	a := samltest.A()
	der, err := x509.MarshalPKCS8PrivateKey(a.Key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	r := a.Request(now)
	r.Attributes = `xmlns:z="urn:z" ProviderName="&#xA;a&lt;b>&quot;é&#x9;'"`
	r.Children = "<samlp:Extensions>\n <x xmlns='urn:x' b='1' a='2'><z:y z:q='1' xmlns=''>&amp;&#xD;&gt;\"</z:y></x></samlp:Extensions>"
	signed := a.SignXML(r.XML(), samltest.Signing{})
	for _, value := range []string{"DigestValue", "SignatureValue"} { // a template for xmlsec1
		from := strings.Index(signed, "<ds:"+value+">") + len("<ds:"+value+">")
		signed = signed[:from] + signed[strings.Index(signed, "</ds:"+value+">"):]
	}
	template := write("template.xml", []byte(signed))
	var problems bytes.Buffer
	cmd := exec.Command(xmlsec, "--sign", "--privkey-pem", key, "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest", template)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("xmlsec1: %v\n%s", err, &problems)
	}
	if _, err := dsig.Verify(parse(t, string(out)), certs(a.Identity), dsig.Policy{}); err != nil {
		t.Error(err)
	}
}

// TestMutations changes single bytes of a signed message: what still verifies
// must say the same.
func TestMutations(t *testing.T) {
	a := samltest.A()
	message := a.SignXML(a.Request(now).XML(), samltest.Signing{KeyInfo: a.X509()})
	want := meaning(t, parse(t, message), a)
	rounds := 20_000
	if testing.Short() {
		rounds = 1000
	}
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range rounds {
		b := []byte(message)
		i := random.IntN(len(b))
		switch random.IntN(3) {
		case 0:
			b[i] = byte(random.IntN(256))
		case 1:
			b = append(b[:i], b[i+1:]...)
		case 2:
			j := random.IntN(len(b))
			b[i], b[j] = b[j], b[i]
		}
		root, err := xmlsafe.Parse(b, xmlsafe.Message())
		if err != nil {
			continue
		}
		signed, err := dsig.Verify(root, certs(a.Identity), dsig.Policy{})
		if err != nil {
			continue
		}
		accepted++
		if got := string(samltest.Canonical(signed, "")); got != want {
			t.Fatalf("accepted with another meaning:\n%s", b)
		}
	}
	t.Logf("%d of %d mutations verify, all with the same meaning", accepted, rounds)
}

func meaning(t *testing.T, root *etree.Element, sp *samltest.SP) string {
	t.Helper()
	signed, err := dsig.Verify(root, certs(sp.Identity), dsig.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return string(samltest.Canonical(signed, ""))
}

// FuzzVerify holds that the verifier never panics and that what it accepts is
// what was signed.
func FuzzVerify(f *testing.F) {
	a, id := samltest.A(), samltest.Fixed()
	message := id.SignXML(a.Request(now).XML(), samltest.Signing{Method: samltest.ECDSASHA256, KeyInfo: id.X509()})
	f.Add([]byte(message))
	f.Add([]byte(a.Request(now).XML()))
	f.Add([]byte(strings.Replace(message, "ds:Reference", "ds:Object", 2)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, err := xmlsafe.Parse(doc, xmlsafe.Message())
		if err != nil {
			return
		}
		signed, err := dsig.Verify(root, certs(id), dsig.Policy{})
		if (err == nil) != (signed != nil) {
			t.Fatal("an element and an error, or neither")
		}
		if err == nil && signed.SelectAttrValue("ID", "") != "_sp-a-1" {
			t.Fatal("verified what was never signed")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	a := samltest.A()
	signed := a.SignXML(a.Request(now).XML(), samltest.Signing{})
	extension := "<samlp:Extensions" + strings.Repeat(" ", 1)
	for i := range 60 {
		extension += ` xmlns:n` + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `="urn:n"`
	}
	extension += ">" + strings.Repeat("<a/>", 480) + "</samlp:Extensions>"
	wide := a.Request(now)
	wide.Children = extension
	for name, message := range map[string]string{
		"normal":                      signed,
		"captured signature, stuffed": strings.Replace(signed, "</samlp:AuthnRequest>", extension+"</samlp:AuthnRequest>", 1),
	} {
		root := parse(b, message)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = dsig.Verify(root, certs(a.Identity), dsig.Policy{})
			}
		})
	}
}
