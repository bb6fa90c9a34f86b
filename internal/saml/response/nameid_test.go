package response_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
)

func nameID(t *testing.T, in response.Issue) (value, format string) {
	t.Helper()
	value, format, err := response.NameIDFor(in.SP, in.Login.NameIDFormat, in.User, in.Pairwise, in.Seed)
	if err != nil {
		t.Fatal(err)
	}
	return value, format
}

func TestGeneratedPersistentNameIDIsPairwise(t *testing.T) {
	in := issue()
	in.SP.NameID = "persistent"
	value, format := nameID(t, in)
	if !regexp.MustCompile(`^[a-z2-7]{52}$`).MatchString(value) || format != idp.NameIDPersistent {
		t.Errorf("NameID %q of %s", value, format)
	}
	again := in
	again.Seed = "SID2"
	if got, _ := nameID(t, again); got != value {
		t.Error("it changes from session to session")
	}
	in.SP.EntityID = "https://other.example.com"
	other, _ := nameID(t, in)
	in.User.ID = "ANOTHER"
	another, _ := nameID(t, in)
	if other == value || another == other {
		t.Error("two service providers or two people have one identifier")
	}
	in.Pairwise = nil
	if _, _, err := response.NameIDFor(in.SP, "", in.User, in.Pairwise, in.Seed); err == nil {
		t.Error("made without a key")
	}
}

func TestTransientNameIDIsOfOneSession(t *testing.T) {
	in := issue()
	in.SP.NameID = "transient"
	value, format := nameID(t, in)
	if !strings.HasPrefix(value, "_") || format != idp.NameIDTransient {
		t.Errorf("NameID %q of %s", value, format)
	}
	if again, _ := nameID(t, in); again != value {
		t.Error("a repeated finish gives another one")
	}
	in.Seed = "SID2"
	if other, _ := nameID(t, in); other == value {
		t.Error("two sessions have one identifier")
	}
	in.SP.NameID = ""
	if _, format := nameID(t, in); format != idp.NameIDTransient {
		t.Errorf("without configuration the format is %s", format)
	}
}

func TestRequestedFormat(t *testing.T) {
	tests := []struct{ line, requested, want string }{
		{"emailAddress = email", "", idp.NameIDEmail},
		{"emailAddress = email", idp.NameIDUnspecified, idp.NameIDEmail},
		{"emailAddress = email", idp.NameIDEmail, idp.NameIDEmail},
		{"emailAddress = email", idp.NameIDTransient, idp.NameIDTransient},
		{"emailAddress = email", idp.NameIDPersistent, "refused"},
		{"persistent = immutableId", idp.NameIDEmail, "refused"},
		{"persistent", idp.NameIDPersistent, idp.NameIDPersistent},
		{"none", "", ""},
		{"none", idp.NameIDTransient, "refused"},
		{"transient", "urn:example:unknown", "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.line+" asked for "+tt.requested, func(t *testing.T) {
			in := issue()
			in.SP.NameID = tt.line
			_, format, err := response.NameIDFor(in.SP, tt.requested, in.User, in.Pairwise, in.Seed)
			var st *saml.StatusError
			if errors.As(err, &st) {
				if st.Top != saml.StatusRequester || st.Second != saml.StatusInvalidNameIDPolicy {
					t.Errorf("status %v", st)
				}
				format = "refused"
			} else if err != nil {
				t.Fatal(err)
			}
			if format != tt.want {
				t.Errorf("format %q, want %q", format, tt.want)
			}
			if rule, err := mapping.NameIDOf(in.SP); err != nil || rule.Serves(tt.requested) != (tt.want != "refused") {
				t.Errorf("Serves(%q): %v, want %s", tt.requested, err, tt.want)
			}
		})
	}
}

func TestNameIDFromDirectory(t *testing.T) {
	microsoft := func(values ...string) response.Issue {
		in := issue()
		serve(&in, "urn:federation:MicrosoftOnline", "https://login.microsoftonline.com/login.srf")
		in.SP.NameID = "persistent = immutableId"
		in.User.Attributes["immutableId"] = values
		return in
	}
	e := refused(t, microsoft(), idp.AttrMissing)
	if want := "user ana@example.com has no attribute immutableId, required as NameID by urn:federation:MicrosoftOnline"; e.Detail != want {
		t.Errorf("detail %q, want %q", e.Detail, want)
	}
	refused(t, microsoft("a", "b"), idp.AttrMissing)
	refused(t, microsoft(strings.Repeat("x", 65)), idp.AttrTooLarge)
	if out := assert(t, microsoft(strings.Repeat("č", 64))); len(out.Warnings) != 1 {
		t.Errorf("warnings %q", out.Warnings)
	}
	if out := assert(t, microsoft("Co8ebTwrXk2PkKGyw9Tl9g==")); len(out.Warnings) != 0 {
		t.Errorf("warnings %q about the base64 of a GUID", out.Warnings)
	}
	if out := assert(t, microsoft("a+b")); len(out.Warnings) != 1 {
		t.Errorf("warnings %q about a plus", out.Warnings)
	}
}

func TestSubjectMatches(t *testing.T) {
	tests := []struct {
		name, line string
		subject    *idp.LoginSubject
		want       bool
	}{
		{"no subject", "emailAddress = email", nil, true},
		{"the NameID", "persistent = immutableId", &idp.LoginSubject{NameID: "Co8ebTwrXk2PkKGyw9Tl9g==", Format: idp.NameIDPersistent}, true},
		{"the NameID in another case", "persistent = immutableId", &idp.LoginSubject{NameID: "co8ebTwrXk2PkKGyw9Tl9g==", Format: idp.NameIDPersistent}, false},
		{"the NameID without a format", "persistent = immutableId", &idp.LoginSubject{NameID: "Co8ebTwrXk2PkKGyw9Tl9g=="}, true},
		{"e-mail", "persistent = immutableId", &idp.LoginSubject{NameID: "ANA@example.com", Format: idp.NameIDEmail}, true},
		{"userPrincipalName", "persistent = immutableId", &idp.LoginSubject{NameID: "ana@corp.example.com", Format: idp.NameIDUnspecified}, true},
		{"P10 somebody else", "emailAddress = email", &idp.LoginSubject{NameID: "bob@example.com", Format: idp.NameIDEmail}, false},
		{"e-mail as persistent", "emailAddress = email", &idp.LoginSubject{NameID: "ana@example.com", Format: idp.NameIDPersistent}, false},
		{"empty", "none", &idp.LoginSubject{}, false},
		{"Kelvin sign", "emailAddress = email", &idp.LoginSubject{NameID: "an\u212A@example.com"}, false},
		{"of another service provider", "emailAddress = email", &idp.LoginSubject{NameID: "ana@example.com", SPNameQualifier: "https://other.example.com"}, false},
		{"of another identity provider", "emailAddress = email", &idp.LoginSubject{NameID: "ana@example.com", NameQualifier: "https://other.example.com"}, false},
		{"qualified", "emailAddress = email", &idp.LoginSubject{
			NameID: "ana@example.com", NameQualifier: "https://id.example.com/saml/metadata", SPNameQualifier: "https://sp.example.com/metadata",
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := issue()
			in.SP.NameID, in.Login.Subject = tt.line, tt.subject
			in.User.UPN = "ana@corp.example.com"
			if got := response.SubjectMatches(in.SP, in.Login, in.User, in.Pairwise, in.Seed); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
