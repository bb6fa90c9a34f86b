package response_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

// attributes reads the attributes of an answer: name to values.
func attributes(t *testing.T, out *response.Issued) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, a := range tree(t, out.XML).FindElements("./Assertion/AttributeStatement/Attribute") {
		for _, v := range a.ChildElements() {
			name := a.SelectAttrValue("Name", "")
			found[name] = append(found[name], v.Text())
		}
	}
	return found
}

func refused(t *testing.T, in response.Issue, reason idp.Reason) *idp.Error {
	t.Helper()
	s, counter := signing()
	_, err := response.Assert(in, s)
	var e *idp.Error
	if !errors.As(err, &e) || e.Code != idp.SignInRefused || e.Reason != reason {
		t.Fatalf("error %v, want reason %s", err, reason)
	}
	if counter.n != 0 && reason != idp.AttrTooLarge {
		t.Error("something was signed")
	}
	return e
}

func TestValuesCannotBreakOut(t *testing.T) {
	vectors := []string{
		`a</saml:NameID><saml:NameID>admin`, `]]>`, `"`, `'`, `<![CDATA[x]]>`, `<!-- -->`, `&lt;`, `&#60;`, `a<!---->b`, `<?x?>`,
		"a\nb", "a\rb", "\r\n", "\t", " a ", `" xsi:type="xs:boolean`,
	}
	for _, v := range vectors {
		t.Run("X15 "+v, func(t *testing.T) {
			in := issue()
			in.SP.NameID = "unspecified = evil"
			in.SP.Attributes = []string{"evil = evil"}
			in.User.Attributes["evil"] = []string{v}
			out := assert(t, in)
			if got := only(t, tree(t, out.XML), "//NameID").Text(); got != v {
				t.Errorf("NameID %q, want %q", got, v)
			}
			if d := cmp.Diff(map[string][]string{"evil": {v}}, attributes(t, out)); d != "" {
				t.Errorf("attributes (-want +got):\n%s", d)
			}
			var read struct {
				NameID []string `xml:"Assertion>Subject>NameID"`
			}
			if err := xml.Unmarshal(out.XML, &read); err != nil || !cmp.Equal(read.NameID, []string{v}) {
				t.Errorf("encoding/xml reads %q, %v", read.NameID, err)
			}
			schematest.VerifySignature(t, out.XML, certPEM())
		})
	}
}

func TestIllegalCharacters(t *testing.T) {
	for _, v := range []string{"a\x00", "\x08", "a\x0bb", "\x1f", "\xff", "a\xc0\xaf", "\xed\xa0\x80", "\ufffe", "\uffff"} {
		t.Run(fmt.Sprintf("X16 NameID %q", v), func(t *testing.T) {
			in := issue()
			in.SP.NameID = "unspecified = odd"
			in.User.Attributes["odd"] = []string{v}
			refused(t, in, idp.AttrIllegalChar)
		})
		t.Run(fmt.Sprintf("X16 attribute %q", v), func(t *testing.T) {
			in := issue()
			in.SP.Attributes = []string{"odd = odd", "mail = email"}
			in.User.Attributes["odd"] = []string{"fine", v}
			out := assert(t, in)
			if d := cmp.Diff([]string{"odd"}, out.Dropped); d != "" {
				t.Errorf("dropped (-want +got):\n%s", d)
			}
			if d := cmp.Diff(map[string][]string{"mail": {"ana@example.com"}}, attributes(t, out)); d != "" {
				t.Errorf("attributes (-want +got):\n%s", d)
			}
			in.SP.Attributes = []string{"odd = odd !"}
			refused(t, in, idp.AttrIllegalChar)
		})
	}
}

func TestMissingAttributes(t *testing.T) {
	in := issue()
	in.SP.Attributes = []string{"phone = phone", "mail = email"}
	if d := cmp.Diff(map[string][]string{"mail": {"ana@example.com"}}, attributes(t, assert(t, in))); d != "" {
		t.Errorf("an attribute without a value is not left out:\n%s", d)
	}

	in.SP.Attributes = []string{"phone = phone | mobile !"}
	e := refused(t, in, idp.AttrMissing)
	if want := "user ana@example.com has no attribute phone or mobile, required as attribute phone by https://sp.example.com/metadata"; e.Detail != want {
		t.Errorf("detail %q, want %q", e.Detail, want)
	}
	if want := "Your account is not set up for Payroll yet. Give your administrator the reference below."; e.Words() != want {
		t.Errorf("the person reads %q", e.Words())
	}

	in.SP.Attributes = []string{"phone = phone"}
	if out := assert(t, in); len(tree(t, out.XML).FindElements("//AttributeStatement")) != 0 {
		t.Error("there is an empty AttributeStatement")
	}
}

func TestLinesOfOneNameMakeOneAttribute(t *testing.T) {
	in := issue()
	in.SP.Attributes = []string{`Role = "staff"`, "mail = email", "Role = memberOf;cn"}
	want := map[string][]string{"Role": {"staff", "Staff", "Payroll"}, "mail": {"ana@example.com"}}
	out := assert(t, in)
	if d := cmp.Diff(want, attributes(t, out)); d != "" {
		t.Errorf("attributes (-want +got):\n%s", d)
	}
	if n := len(tree(t, out.XML).FindElements("//Attribute")); n != 2 {
		t.Errorf("%d attributes, want 2", n)
	}
}

func TestManyGroups(t *testing.T) {
	groups := func(n, size int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("%0*d", size, i)
		}
		return list
	}
	in := issue()
	in.SP.Attributes = []string{"groups = groups"}
	t.Run("L16 2,000 groups", func(t *testing.T) {
		in.User.Attributes["groups"] = groups(2000, 200)
		out := assert(t, in)
		if n := len(attributes(t, out)["groups"]); n != 2000 {
			t.Errorf("%d groups arrive", n)
		}
		schematest.VerifySignature(t, out.XML, certPEM())
	})
	t.Run("L16 5,000 long groups", func(t *testing.T) {
		in.User.Attributes["groups"] = groups(5000, 1000)
		refused(t, in, idp.AttrTooLarge)
	})
}

func TestTimesAreOurs(t *testing.T) {
	t.Run("F4", func(t *testing.T) {
		root := tree(t, assert(t, issue()).XML)
		at := func(path, attr string) time.Time {
			v := only(t, root, path).SelectAttrValue(attr, "")
			parsed, err := time.Parse(time.RFC3339, v)
			if err != nil || !strings.HasSuffix(v, "Z") {
				t.Fatalf("%s/@%s is %q", path, attr, v)
			}
			return parsed
		}
		to := now.Truncate(time.Millisecond)
		for _, tt := range []struct {
			path, attr string
			want       time.Time
		}{
			{"/samlp:Response", "IssueInstant", to},
			{"//Assertion", "IssueInstant", to},
			{"//Conditions", "NotBefore", to.Add(-time.Minute)},
			{"//Conditions", "NotOnOrAfter", to.Add(5 * time.Minute)},
			{"//SubjectConfirmationData", "NotOnOrAfter", to.Add(5 * time.Minute)},
			{"//AuthnStatement", "AuthnInstant", to.Add(-3 * time.Second)},
			{"//AuthnStatement", "SessionNotOnOrAfter", to.Add(8 * time.Hour)},
		} {
			if got := at(tt.path, tt.attr); !got.Equal(tt.want) {
				t.Errorf("%s/@%s is %s, want %s", tt.path, tt.attr, got, tt.want)
			}
		}
	})
	t.Run("F5", func(t *testing.T) {
		out := string(assert(t, issue()).XML)
		for _, never := range []string{"sha1", " Address=", "AuthenticatingAuthority", "PasswordProtectedTransport", "Qualifier"} {
			if strings.Contains(out, never) {
				t.Errorf("%s is in\n%s", never, out)
			}
		}
		if !strings.Contains(out, "<saml:AuthnContextClassRef>"+idp.ACRQR+"<") {
			t.Error("the context class is not the true one")
		}
	})
}

func TestNothingIsIssuedAgainstTheConfiguration(t *testing.T) {
	tests := map[string]struct {
		change func(*response.Issue)
		want   error
	}{
		"disabled":      {func(in *response.Issue) { in.SP.Disabled = true }, &idp.Error{Code: idp.AppDisabled}},
		"draft":         {func(in *response.Issue) { in.SP.Draft = true }, &idp.Error{Code: idp.AppDisabled}},
		"ACS removed":   {func(in *response.Issue) { in.SP.ACS = nil }, &idp.Error{Code: idp.SAMLRefused, Reason: idp.ACSUnregistered}},
		"other SP":      {func(in *response.Issue) { in.Login.SP = "https://other.example.com" }, nil},
		"unknown mode":  {func(in *response.Issue) { in.SP.Sign = "nothing" }, nil},
		"no class":      {func(in *response.Issue) { in.ACR = "" }, nil},
		"no time":       {func(in *response.Issue) { in.Now = time.Time{} }, nil},
		"illegal id":    {func(in *response.Issue) { in.Login.RequestID = "a\x00" }, nil},
		"broken line":   {func(in *response.Issue) { in.SP.Attributes = []string{"mail"} }, nil},
		"broken NameID": {func(in *response.Issue) { in.SP.NameID = "mail" }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := issue()
			tt.change(&in)
			s, counter := signing()
			out, err := response.Assert(in, s)
			if err == nil || out != nil || counter.n != 0 {
				t.Fatalf("issued with %d signatures, error %v", counter.n, err)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestFailureHoldsNoAssertion(t *testing.T) {
	s, _ := signing()
	out, err := response.Fail(
		&saml.StatusError{Top: saml.StatusResponder, Second: saml.StatusNoPassive, Message: "Nobody is signed in."},
		response.Failure{Issuer: issue().Issuer, ACS: acs, InResponseTo: "_request1", ResponseID: "_r1", Now: now}, s)
	if err != nil {
		t.Fatal(err)
	}
	root := tree(t, out.XML)
	if got := only(t, root, "./Status/StatusCode").SelectAttrValue("Value", ""); got != saml.StatusResponder {
		t.Errorf("top status %q", got)
	}
	if got := only(t, root, "./Status/StatusCode/StatusCode").SelectAttrValue("Value", ""); got != saml.StatusNoPassive {
		t.Errorf("second status %q", got)
	}
	if got := root.SelectAttrValue("InResponseTo", ""); got != "_request1" {
		t.Errorf("InResponseTo %q", got)
	}
	if len(root.FindElements("//Assertion")) != 0 || out.AssertionID != "" {
		t.Error("a failure holds an assertion")
	}
}
