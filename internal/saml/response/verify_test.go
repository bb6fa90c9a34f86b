package response_test

import (
	"bytes"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	goxmldsig "github.com/russellhaering/goxmldsig"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

// Every kind of message is valid for the OASIS schemas, verifies with xmlsec1
// and costs one signature for each signed element.
func TestEveryMessageIsValidAndVerifies(t *testing.T) {
	var docs [][]byte                  // all
	bySignatures := map[int][][]byte{} // the same, by how many signatures they hold
	nameIDs := []string{"persistent = immutableId", "persistent", "transient", "emailAddress = email", "unspecified = id", "none"}
	for _, mode := range []string{"", idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
		for i, line := range nameIDs {
			for _, sha1 := range []bool{false, true} {
				in := issue()
				in.SP.Sign, in.SP.NameID, in.SP.LegacySHA1Output = mode, line, sha1
				in.SP.QualifyNameID = i%2 == 0
				s, counter := signing()
				out, err := response.Assert(in, s)
				if err != nil {
					t.Fatal(err)
				}
				want := 1
				if mode == idp.SignBoth {
					want = 2
				}
				if counter.n != want {
					t.Errorf("%s/%s: %d signatures made, want %d", mode, line, counter.n, want)
				}
				docs = append(docs, out.XML)
				bySignatures[want] = append(bySignatures[want], out.XML)
			}
		}
	}
	for _, st := range []saml.StatusError{
		{Top: saml.StatusResponder, Second: saml.StatusAuthnFailed, Message: "The person refused."},
		{Top: saml.StatusVersionMismatch},
	} {
		s, counter := signing()
		out, err := response.Fail(&st, response.Failure{
			Issuer: "https://id.example.com", ACS: acs, InResponseTo: "_request1", ResponseID: "_r", Now: now,
		}, s)
		if err != nil {
			t.Fatal(err)
		}
		if counter.n != 1 {
			t.Errorf("%d signatures made for a failure, want 1", counter.n)
		}
		docs = append(docs, out.XML)
		bySignatures[1] = append(bySignatures[1], out.XML)
	}
	schematest.Validate(t, docs...)
	for _, same := range bySignatures {
		schematest.VerifySignatures(t, same, certPEM())
	}
}

func TestForeignToolsVerify(t *testing.T) {
	t.Run("X17", func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 17))
		docs := make([][]byte, 500)
		for i := range docs {
			in := issue()
			in.SP.NameID = "unspecified = odd"
			in.SP.Attributes = append(in.SP.Attributes, "odd = odd")
			odd := oddText(random)
			in.User.Attributes["odd"] = []string{odd}
			out := assert(t, in)
			docs[i] = out.XML
			if len(out.Dropped) > 0 || out.NameID != odd {
				t.Fatalf("%q became %q, dropped %v", odd, out.NameID, out.Dropped)
			}
			var read struct {
				NameID string   `xml:"Assertion>Subject>NameID"`
				Values []string `xml:"Assertion>AttributeStatement>Attribute>AttributeValue"`
			}
			if err := xml.Unmarshal(out.XML, &read); err != nil {
				t.Fatal(err)
			}
			if read.NameID != odd || read.Values[len(read.Values)-1] != odd {
				t.Fatalf("%q is read as NameID %q, attribute %q", odd, read.NameID, read.Values)
			}
		}
		schematest.VerifySignatures(t, docs, certPEM())
		schematest.Validate(t, docs...)
	})
	t.Run("X17 a changed answer is refused", func(t *testing.T) {
		out := assert(t, issue())
		schematest.RefuseSignature(t, bytes.Replace(out.XML, []byte(">admin<"), []byte(">owner<"), 1), certPEM())
		schematest.RefuseSignature(t, bytes.Replace(out.XML, []byte("XMLSchema\""), []byte("XMLSchemo\""), 1), certPEM())
	})
}

// oddText draws from everything that XML 1.0 allows, with a liking for what
// goes wrong.
func oddText(r *rand.Rand) string {
	pieces := []string{
		"\t", "\n", "\r", "\r\n", " ", "&", "<", ">", "]]>", `"`, "'", "&amp;", "<!--", "\u00a0", "\u0085", "\u2028",
		"č", "ß", "\u202eevil", "\u05d0\u05d1", "\u0627\u0644", "👩‍👩‍👧", "\U0001F1F8\U0001F1EE", "e\u0301", "\ufffd", "\ufeff", "\U0010FFFD", "日本語", "a",
	}
	var b strings.Builder
	for range 1 + r.IntN(12) {
		if r.IntN(4) == 0 {
			b.WriteRune(rune(0x20 + r.IntN(0xD7E0)))
		} else {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
	}
	return b.String()
}

// consumer is a service provider made with crewjam/saml that trusts cert.
func consumer(t *testing.T, entityID string, cert *x509.Certificate) *crewjam.ServiceProvider {
	t.Helper()
	u, err := url.Parse(acs)
	if err != nil {
		t.Fatal(err)
	}
	return &crewjam.ServiceProvider{
		EntityID: entityID,
		AcsURL:   *u,
		IDPMetadata: &crewjam.EntityDescriptor{
			EntityID: "https://id.example.com/saml/metadata",
			IDPSSODescriptors: []crewjam.IDPSSODescriptor{{SSODescriptor: crewjam.SSODescriptor{RoleDescriptor: crewjam.RoleDescriptor{
				KeyDescriptors: []crewjam.KeyDescriptor{{Use: "signing", KeyInfo: crewjam.KeyInfo{X509Data: crewjam.X509Data{
					X509Certificates: []crewjam.X509Certificate{{Data: response.Encode(cert.Raw)}},
				}}}},
			}}}},
		},
	}
}

// fresh is an issue at the real time, by which crewjam/saml judges.
func fresh() response.Issue {
	in := issue()
	in.Now = time.Now()
	in.AuthnInstant = in.Now
	in.SessionNotOnOrAfter = in.Now.Add(time.Hour)
	return in
}

func TestGoServiceProvidersAccept(t *testing.T) {
	_, cert := testKey()
	u, _ := url.Parse(acs)
	for _, mode := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
		t.Run(mode, func(t *testing.T) {
			in := fresh()
			in.SP.Sign = mode
			out := assert(t, in)
			got, err := consumer(t, in.SP.EntityID, cert).ParseXMLResponse(out.XML, []string{"_request1"}, *u)
			if err != nil {
				t.Fatal(private(err))
			}
			if got.Subject.NameID.Value != "ana@example.com" || len(got.AttributeStatements[0].Attributes) != 4 {
				t.Errorf("crewjam/saml reads %+v", got)
			}
			signed := tree(t, out.XML)
			if mode == idp.SignAssertion {
				signed = only(t, signed, "./Assertion")
			}
			trust := goxmldsig.NewDefaultValidationContext(&goxmldsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}})
			if _, err := trust.Validate(signed); err != nil {
				t.Errorf("goxmldsig: %v", err)
			}
		})
	}
}

func TestAssertionIsForOneServiceProvider(t *testing.T) {
	_, cert := testKey()
	u, _ := url.Parse(acs)
	out := assert(t, fresh())
	t.Run("P12 audience", func(t *testing.T) {
		_, err := consumer(t, "https://other.example.com", cert).ParseXMLResponse(out.XML, []string{"_request1"}, *u)
		if err == nil || !strings.Contains(private(err).Error(), "udience") {
			t.Errorf("another service provider says %v", private(err))
		}
	})
	t.Run("P12 key", func(t *testing.T) {
		other := certificateFor(secondKey(t))
		if _, err := consumer(t, issue().SP.EntityID, other).ParseXMLResponse(out.XML, []string{"_request1"}, *u); err == nil {
			t.Error("accepted with another key")
		}
	})
	t.Run("P12 one audience and the ACS as recipient", func(t *testing.T) {
		root := tree(t, out.XML)
		if got := only(t, root, "//Audience").Text(); got != issue().SP.EntityID {
			t.Errorf("audience %q", got)
		}
		if got := only(t, root, "//SubjectConfirmationData").SelectAttrValue("Recipient", ""); got != acs {
			t.Errorf("recipient %q", got)
		}
	})
	t.Run("P13 in both places", func(t *testing.T) {
		root := tree(t, out.XML)
		if got := root.SelectAttrValue("InResponseTo", ""); got != "_request1" {
			t.Errorf("Response InResponseTo %q", got)
		}
		if got := only(t, root, "//SubjectConfirmationData").SelectAttrValue("InResponseTo", ""); got != "_request1" {
			t.Errorf("SubjectConfirmationData InResponseTo %q", got)
		}
		if _, err := consumer(t, issue().SP.EntityID, cert).ParseXMLResponse(out.XML, []string{"_other"}, *u); err == nil {
			t.Error("accepted as the answer to another request")
		}
	})
	t.Run("P13 IdP-initiated", func(t *testing.T) {
		in := issue()
		in.Login.RequestID = ""
		if out := assert(t, in); bytes.Contains(out.XML, []byte("InResponseTo")) {
			t.Errorf("InResponseTo is not absent:\n%s", out.XML)
		}
	})
}

// private is the cause that crewjam/saml keeps from the outside.
func private(err error) error {
	if e := (*crewjam.InvalidResponseError)(nil); errors.As(err, &e) {
		return fmt.Errorf("%w: %w", err, e.PrivateErr)
	}
	return err
}
