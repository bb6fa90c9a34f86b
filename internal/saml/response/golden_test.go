package response_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

var update = flag.Bool("update", false, "write the golden files")

// The exact messages for the settings of well-known service providers.
func TestGolden(t *testing.T) {
	tests := map[string]func(*response.Issue){
		"generic": func(*response.Issue) {},
		"office365": func(in *response.Issue) {
			serve(in, "urn:federation:MicrosoftOnline", "https://login.microsoftonline.com/login.srf")
			in.SP.NameID = "persistent = immutableId"
			in.SP.Attributes = []string{"IDPEmail = userPrincipalName !"}
			in.User.UPN = "ana@corp.example.com"
			in.ACR = "http://schemas.microsoft.com/claims/multipleauthn"
		},
		"salesforce": func(in *response.Issue) {
			serve(in, "https://example.my.salesforce.com", "https://example.my.salesforce.com?so=00D1x")
			in.SP.NameID = "unspecified = federationId | email;lower"
			in.SP.Attributes = nil
			in.User.Email = "Ana@Example.com"
		},
		"atlassian": func(in *response.Issue) {
			serve(in, "https://auth.atlassian.com/saml/1", "https://auth.atlassian.com/login/callback?connection=saml-1")
			in.SP.Attributes = []string{
				"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname = givenName",
				"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname = familyName",
				"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name = id",
			}
		},
		"both-qualified": func(in *response.Issue) {
			in.SP.Sign, in.SP.QualifyNameID, in.SP.NameID = idp.SignBoth, true, "persistent"
		},
		"response-sha1": func(in *response.Issue) {
			in.SP.Sign, in.SP.LegacySHA1Output = idp.SignResponse, true
		},
		"idp-initiated": func(in *response.Issue) {
			in.Login.RequestID = ""
			in.SP.NameID, in.SP.Attributes = "transient", nil
			in.SessionNotOnOrAfter = time.Time{}
		},
		"no-nameid": func(in *response.Issue) { in.SP.NameID = "none" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			in := issue()
			change(&in)
			golden(t, name, assert(t, in).XML)
		})
	}
	t.Run("failure", func(t *testing.T) {
		s, _ := signing()
		out, err := response.Fail(
			&saml.StatusError{Top: saml.StatusResponder, Second: saml.StatusAuthnFailed, Message: "The sign-in was refused."},
			response.Failure{Issuer: issue().Issuer, ACS: acs, InResponseTo: "_request1", ResponseID: "_response1", Now: now}, s)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "failure", out.XML)
	})
}

func serve(in *response.Issue, entityID, acs string) {
	in.SP.EntityID, in.Login.SP = entityID, entityID
	in.SP.ACS[0].Location, in.Login.ACS = acs, acs
}

// What depends on the key, which is a new one in each run: signatures,
// certificates, and the digest over a signed assertion.
var (
	keyed       = regexp.MustCompile(`(<ds:(?:SignatureValue|X509Certificate)>)[^<]*`)
	outerDigest = regexp.MustCompile(`(URI="#_response1".*?<ds:DigestValue>)[^<]*`)
)

func golden(t *testing.T, name string, xml []byte) {
	t.Helper()
	schematest.Validate(t, xml)
	got := string(xml)
	if strings.Count(got, "<ds:Signature ") > 1 {
		got = outerDigest.ReplaceAllString(got, "${1}...")
	}
	got = keyed.ReplaceAllString(got, "${1}...")
	got = strings.ReplaceAll(got, "><", ">\n<") + "\n"
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
