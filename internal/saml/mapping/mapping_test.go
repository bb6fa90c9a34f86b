package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
)

func ana() *idp.User {
	return &idp.User{
		ID:         "GEZDGNBVGY3TQOJQGEZDGNBVGY",
		Email:      "Ana.Kos@Example.com",
		GivenName:  "Ana",
		FamilyName: "Kos",
		Attributes: map[string][]string{
			"objectGUID":  {"6d1e8f0a-2b3c-4d5e-8f90-a1b2c3d4e5f6"},
			"immutableId": {"a+b/c="},
			"memberOf": {
				"CN=Admins,OU=Groups,DC=example,DC=com",
				`cn=Sales\, EU,OU=Groups,DC=example,DC=com`,
				"OU=Staff,DC=example,DC=com",
				"plain",
			},
			"empty": {"", " "},
			"blank": {},
		},
	}
}

func TestValues(t *testing.T) {
	tests := []struct {
		source string
		want   []string
	}{
		{`email`, []string{"Ana.Kos@Example.com"}},
		{`userPrincipalName;lower`, []string{"ana.kos@example.com"}},
		{`email;domain;upper`, []string{"EXAMPLE.COM"}},
		{`email;local`, []string{"Ana.Kos"}},
		{`givenName;domain`, nil},
		{`givenName;local`, []string{"Ana"}},
		{`"admin"`, []string{"admin"}},
		{`"say \"a\\b\" | ; ! ="`, []string{`say "a\b" | ; ! =`}},
		{`memberOf;cn`, []string{"Admins", "Sales, EU", "plain"}},
		{`memberOf;cn;join(,)`, []string{"Admins,Sales, EU,plain"}},
		{`memberOf;cn;join(")")`, []string{"Admins)Sales, EU)plain"}},
		{`empty;trim`, nil},
		{`empty`, []string{" "}},
		{`blank;join(,)`, nil},
		{`nothing`, nil},
		{`nothing | email;lower`, []string{"ana.kos@example.com"}},
		{`blank;upper|empty;trim|"x"`, []string{"x"}},
		{`givenName | email;lower`, []string{"Ana"}},
		{`objectGUID;base64`, []string{"Co8ebTwrXk2PkKGyw9Tl9g=="}},
		{`givenName;base64`, []string{"QW5h"}},
		{`immutableId;msdot`, []string{"a.2Bb.2Fc.3D"}},
		{`memberOf;regex(/^cn=([^,]*),.*$/$1/)`, []string{"CN=Admins,OU=Groups,DC=example,DC=com", `Sales\`, "OU=Staff,DC=example,DC=com", "plain"}},
		{`immutableId;regex(/\//-/)`, []string{"a+b-c="}},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			rule, err := mapping.ParseAttribute("name = " + tt.source)
			if err != nil {
				t.Fatal(err)
			}
			user := ana()
			if d := cmp.Diff(tt.want, rule.Values(user)); d != "" {
				t.Errorf("values (-want +got):\n%s", d)
			}
			if d := cmp.Diff(ana(), user); d != "" {
				t.Errorf("the user was changed:\n%s", d)
			}
		})
	}
}

func TestParseAttribute(t *testing.T) {
	tests := []struct {
		line                   string
		name, friendly, format string
		required               bool
		canonical              string
	}{
		{line: `IDPEmail = userPrincipalName !`, name: "IDPEmail", format: idp.AttrNameBasic, required: true},
		{line: `IDPEmail=userPrincipalName!`, name: "IDPEmail", format: idp.AttrNameBasic, required: true, canonical: `IDPEmail = userPrincipalName !`},
		{
			line: `urn:oid:0.9.2342.19200300.100.1.3|mail = email`,
			name: "urn:oid:0.9.2342.19200300.100.1.3", friendly: "mail", format: idp.AttrNameURI,
		},
		{
			line: `http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname = givenName`,
			name: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", format: idp.AttrNameURI,
		},
		{line: `mail||unspecified = email`, name: "mail", format: idp.AttrNameUnspecified},
		{line: `mail|Mail|basic = email`, name: "mail", friendly: "Mail", format: idp.AttrNameBasic, canonical: `mail|Mail = email`},
		{line: `mail||urn:example:format = email`, name: "mail", format: "urn:example:format"},
		{line: `"a = b"|"E mail" = email ; lower | "x" !`, name: "a = b", friendly: "E mail", format: idp.AttrNameBasic, required: true, canonical: `"a = b"|"E mail" = email;lower | "x" !`},
		{line: `  Role = "admin"  `, name: "Role", format: idp.AttrNameBasic, canonical: `Role = "admin"`},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			r, err := mapping.ParseAttribute(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if r.Name != tt.name || r.FriendlyName != tt.friendly || r.NameFormat != tt.format || r.Required != tt.required {
				t.Errorf("got %+v", r)
			}
			want := tt.canonical
			if want == "" {
				want = tt.line
			}
			if r.String() != want {
				t.Errorf("rendered as %q, want %q", r, want)
			}
		})
	}
}

func TestParseNameID(t *testing.T) {
	tests := []struct {
		line, format string
		generated    bool
		canonical    string
	}{
		{`persistent = immutableId`, idp.NameIDPersistent, false, ``},
		{`persistent`, idp.NameIDPersistent, true, ``},
		{`transient`, idp.NameIDTransient, true, ``},
		{`emailAddress = email`, idp.NameIDEmail, false, ``},
		{`unspecified = federationId | email;lower`, idp.NameIDUnspecified, false, ``},
		{idp.NameIDPersistent + `= id`, idp.NameIDPersistent, false, `persistent = id`},
		{`urn:example:my = id`, "urn:example:my", false, ``},
		{`none`, "", false, ``},
		{` none `, "", false, `none`},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			r, err := mapping.ParseNameID(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if r.Format != tt.format || r.Generated() != tt.generated {
				t.Errorf("got %+v", r)
			}
			want := tt.canonical
			if want == "" {
				want = tt.line
			}
			if r.String() != want {
				t.Errorf("rendered as %q, want %q", r, want)
			}
		})
	}
}

func TestMistakesAreShownWhereTheyAre(t *testing.T) {
	attribute := func(line string) error { _, err := mapping.ParseAttribute(line); return err }
	nameID := func(line string) error { _, err := mapping.ParseNameID(line); return err }
	tests := []struct {
		parse  func(string) error
		line   string
		column int
		says   string
	}{
		{attribute, ``, 1, "name of the attribute"},
		{attribute, `= email`, 1, "name of the attribute"},
		{attribute, `mail`, 5, "expected ="},
		{attribute, `mail = `, 8, "givenName"},
		{attribute, `mail = email;lowr`, 14, `unknown transform "lowr"; expected one of base64, cn`},
		{attribute, `čebela = email;lowr`, 16, "unknown transform"},
		{attribute, `mail = email lower`, 14, "expected ;"},
		{attribute, `mail = "admin`, 8, "not closed"},
		{attribute, `mail = ""`, 8, "some text"},
		{attribute, `mail = "a\n"`, 10, "backslash"},
		{attribute, `mail = email;join`, 18, "expected ("},
		{attribute, `mail = email;join(,`, 20, "expected )"},
		{attribute, `mail = email;regex(a)`, 20, "regex(/pattern/replacement/)"},
		{attribute, `mail = email;regex(/(/b/)`, 21, "RE2"},
		{attribute, `mail = email;regex(/a/b)`, 23, "end of the replacement"},
		{attribute, `mail||odd = email`, 7, "name format"},
		{attribute, `mail = email! x`, 15, "end of the line"},
		{attribute, "mail = \"a\x00\"", 10, "not allowed"},
		{attribute, "mail = \"a\xff\"", 10, "not allowed"},
		{attribute, "a = \"" + strings.Repeat("x", 1024) + `"`, 1, "longer than 1024"},
		{nameID, `email = email`, 1, "emailAddress"},
		{nameID, `emailAddress`, 13, "expected = and a source"},
		{nameID, `none = email`, 1, "NameID format"},
		{nameID, `persistent = email !`, 20, "end of the line"},
		{nameID, `transient x`, 11, "expected ="},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			var se *mapping.SyntaxError
			if err := tt.parse(tt.line); !errors.As(err, &se) {
				t.Fatalf("error %v, want a SyntaxError", err)
			}
			if se.Column != tt.column || !strings.Contains(se.Msg, tt.says) {
				t.Errorf("column %d: %s; want column %d and %q", se.Column, se.Msg, tt.column, tt.says)
			}
			caret := strings.Split(se.Caret(), "\n")
			if len(caret) != 2 || len(caret[1]) != tt.column {
				t.Errorf("caret under column %d of:\n%s", len(caret[1]), se.Caret())
			}
		})
	}
}

func TestUnknownAttributeIsRefused(t *testing.T) {
	known := func(name string) bool { return name == "memberOf" }
	rule, err := mapping.ParseAttribute("mail = email | memberOf;cn | nickname")
	if err != nil {
		t.Fatal(err)
	}
	var se *mapping.SyntaxError
	if err := rule.Check(known); !errors.As(err, &se) || se.Column != 30 || !strings.Contains(se.Msg, `"nickname"`) {
		t.Errorf("got %v", err)
	}
	id, err := mapping.ParseNameID("persistent = memberOf")
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Check(known); err != nil {
		t.Error(err)
	}
	if id.Check(nil) == nil {
		t.Error("with nobody's list, only the built-in attributes are known")
	}
}

func FuzzMapping(f *testing.F) {
	for _, seed := range []string{
		"transient", "none", "persistent = objectGUID;base64", "unspecified = federationId | email;lower",
		"urn:oid:1.2|mail|basic = email;regex(/a\\/b/$1/);join(\")\") !", `"a b"|"c\"d" = "x" | memberOf;cn`,
		"mail = email;msdot;trim;domain;local",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if r, err := mapping.ParseAttribute(line); err == nil {
			again, err := mapping.ParseAttribute(r.String())
			if err != nil && len(r.String()) <= 1024 {
				t.Fatalf("%q renders as %q, which is refused: %v", line, r, err)
			}
			if err == nil && (again.String() != r.String() || again.Name != r.Name || again.FriendlyName != r.FriendlyName ||
				again.NameFormat != r.NameFormat || again.Required != r.Required ||
				!cmp.Equal(again.Values(ana()), r.Values(ana()))) {
				t.Fatalf("%q renders as %q, which means something else", line, r)
			}
		}
		if r, err := mapping.ParseNameID(line); err == nil {
			again, err := mapping.ParseNameID(r.String())
			if len(r.String()) <= 1024 && (err != nil || again.String() != r.String() || again.Format != r.Format) {
				t.Fatalf("%q renders as %q, which means something else (%v)", line, r, err)
			}
		}
	})
}
