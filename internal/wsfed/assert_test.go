package wsfed_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/wsfed"
)

var update = flag.Bool("update", false, "write the golden files")

// assert makes an answer, which costs one signature.
func assert(t *testing.T, in response.Issue) *response.Issued {
	t.Helper()
	key, counter := signing()
	out, err := wsfed.Assert(in, key)
	if err != nil {
		t.Fatal(err)
	}
	if counter.n != 1 {
		t.Errorf("%d signatures, want 1", counter.n)
	}
	return out
}

// inner cuts the assertion out of an answer, byte by byte.
func inner(t *testing.T, xml []byte) []byte {
	t.Helper()
	from, to := bytes.Index(xml, []byte("<saml:Assertion")), bytes.Index(xml, []byte("</t:RequestedSecurityToken>"))
	if from < 0 || to < from {
		t.Fatalf("no assertion in %s", xml)
	}
	return xml[from:to]
}

// The exact messages; each is valid for the schema of SAML 1.1 and verifies
// with xmlsec1, where it is sent and where it is cut out.
func TestGolden(t *testing.T) {
	for name, change := range map[string]func(*response.Issue){
		"sharepoint": func(*response.Issue) {},
		"office365": func(in *response.Issue) {
			in.SP.EntityID, in.Login.SP = "urn:federation:MicrosoftOnline", "urn:federation:MicrosoftOnline"
			in.SP.NameID = "unspecified = immutableId"
			in.SP.Attributes = []string{
				"http://schemas.xmlsoap.org/claims/UPN = userPrincipalName !",
				"http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID = immutableId !",
			}
			in.ACR = "http://schemas.microsoft.com/claims/multipleauthn"
		},
		"bare": func(in *response.Issue) { in.SP.NameID, in.SP.Attributes = "none", nil },
		"sha1": func(in *response.Issue) { in.SP.LegacySHA1Output = true },
	} {
		t.Run(name, func(t *testing.T) {
			in := issue()
			change(&in)
			out := assert(t, in)
			_, cert := testKey()
			token := inner(t, out.XML)
			schematest.Validate(t, token)
			schematest.VerifySignatures(t, [][]byte{out.XML, token}, schematest.PEM(cert.Raw), "AssertionID:Assertion")
			golden(t, name, out.XML)
		})
	}
}

// keyed is what depends on the key, which is a new one in each run.
var (
	keyed  = regexp.MustCompile(`(<ds:(?:SignatureValue|X509Certificate)>)[^<]*`)
	digest = regexp.MustCompile(`(<ds:DigestValue>)[^<]*`) // over a certificate
)

func golden(t *testing.T, name string, xml []byte) {
	t.Helper()
	got := strings.ReplaceAll(keyed.ReplaceAllString(string(xml), "${1}..."), "><", ">\n<") + "\n"
	file := filepath.Join("testdata", name+".xml")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

// TestChangedAnswer: the signature covers what an attacker would change.
func TestChangedAnswer(t *testing.T) {
	_, cert := testKey()
	xml := assert(t, issue()).XML
	for _, c := range [][2]string{
		{">ana@example.com<", ">eve@example.com<"},
		{`AttributeName="upn"`, `AttributeName="role"`},
		{"<saml:Audience>urn:sharepoint:portal<", "<saml:Audience>urn:sharepoint:other<"},
		{`NotOnOrAfter="2026-03-04T06`, `NotOnOrAfter="2027-03-04T06`},
		{`AssertionID="_assertion1"`, `AssertionID="_assertion2"`},
	} {
		changed := bytes.Replace(xml, []byte(c[0]), []byte(c[1]), 1)
		if bytes.Equal(changed, xml) {
			t.Fatalf("nothing to change: %s", c[0])
		}
		schematest.RefuseSignature(t, changed, schematest.PEM(cert.Raw), "AssertionID:Assertion")
	}
}

// TestHostileValues: values are text, whatever they hold.
func TestHostileValues(t *testing.T) {
	_, cert := testKey()
	in := issue()
	in.User.Attributes["memberOf"] = []string{`CN=a</saml:AttributeValue><saml:Assertion>`, "CN=b\r\nc\td", "CN=]]>&amp"}
	out := assert(t, in)
	schematest.VerifySignature(t, out.XML, schematest.PEM(cert.Raw), "AssertionID:Assertion")
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(out.XML); err != nil {
		t.Fatal(err)
	}
	if n := len(doc.FindElements("//Assertion")); n != 1 {
		t.Errorf("%d assertions", n)
	}
	var got []string
	for _, v := range doc.FindElements("//Attribute[@AttributeName='role']/AttributeValue") {
		got = append(got, v.Text())
	}
	if d := cmp.Diff([]string{"a</saml:AttributeValue><saml:Assertion>", "b\r\nc\td", "]]>&amp"}, got); d != "" {
		t.Error(d)
	}
	t.Run("a character that XML does not allow", func(t *testing.T) {
		in.User.Attributes["memberOf"] = []string{"CN=\x01"}
		if out := assert(t, in); len(out.Dropped) != 1 || bytes.Contains(out.XML, []byte(`"role"`)) {
			t.Errorf("dropped %q in %s", out.Dropped, out.XML)
		}
		in.User.Email = "ana\x01@example.com"
		key, counter := signing()
		if _, err := wsfed.Assert(in, key); !errors.Is(err, &idp.Error{Code: idp.SignInRefused, Reason: idp.AttrIllegalChar}) || counter.n != 0 {
			t.Errorf("%v, %d signatures", err, counter.n)
		}
	})
}

func TestAssertRefuses(t *testing.T) {
	for name, change := range map[string]func(*response.Issue){
		"a login of SAML":            func(in *response.Issue) { in.Login.Protocol = idp.ProtocolSAML },
		"switched off":               func(in *response.Issue) { in.SP.Disabled = true },
		"reply URL taken away":       func(in *response.Issue) { in.Login.ACS = "https://evil.test/" },
		"login of another":           func(in *response.Issue) { in.Login.SP = "urn:x" },
		"encryption is wanted":       func(in *response.Issue) { in.SP.Encryption = idp.EncryptIfKey },
		"attribute that is no URI":   func(in *response.Issue) { in.SP.Attributes = []string{`Role = "x"`} },
		"required attribute is gone": func(in *response.Issue) { in.SP.Attributes = []string{"http://x.test/a = immutable !"} },
		"no class":                   func(in *response.Issue) { in.ACR = "" },
	} {
		in := issue()
		change(&in)
		key, counter := signing()
		if out, err := wsfed.Assert(in, key); err == nil || counter.n != 0 {
			t.Errorf("%s: %v, %v, %d signatures", name, out, err, counter.n)
		}
	}
	t.Run("SAML 2.0 makes none for this application", func(t *testing.T) {
		in := issue()
		in.Login.Protocol = idp.ProtocolSAML
		key, counter := signing()
		if _, err := response.Assert(in, key); err == nil || counter.n != 0 {
			t.Errorf("%v, %d signatures", err, counter.n)
		}
	})
}

func TestFederationMetadata(t *testing.T) {
	key, cert := testKey()
	doc, err := wsfed.SignMetadata(metadata.IdP{
		ID: "_m1", EntityID: "https://id.example.com/saml/metadata?a=1&b=<2>", SSOURL: "https://id.example.com/wsfed",
		Certificates: []*x509.Certificate{cert}, ValidUntil: now.Add(time.Hour), DisplayName: "Example",
	}, key, cert)
	if err != nil {
		t.Fatal(err)
	}
	schematest.VerifySignature(t, doc, schematest.PEM(cert.Raw), "EntityDescriptor")
	// What says which kind of role it is stands under the signature, too.
	schematest.RefuseSignature(t, bytes.Replace(doc, []byte("federation/200706\" xsi:type"), []byte("federation/200707\" xsi:type"), 1),
		schematest.PEM(cert.Raw), "EntityDescriptor")
	golden(t, "metadata", digest.ReplaceAll(doc, []byte("${1}...")))
}
