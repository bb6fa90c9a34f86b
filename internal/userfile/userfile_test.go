package userfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/userfile"
)

func TestRead(t *testing.T) {
	want := []userfile.Row{
		{Line: 2, User: adminapi.NewUser{
			Email: "ana@example.com", GivenName: "Ana", FamilyName: "Kovač, PhD",
			Attributes: map[string][]string{"groups": {"staff", "payroll"}},
		}},
		{Line: 3, User: adminapi.NewUser{Email: "bor@example.com", Disabled: true}},
	}
	for name, text := range map[string]string{
		"users.csv": "\ufeffemail, given_name,family_name,attributes.groups,disabled\r\n" +
			"ana@example.com,Ana,\"Kovač, PhD\",staff; payroll,\r\n" +
			"bor@example.com,,,,true\r\n",
		"users.json": "[\n" +
			`{"email":"ana@example.com","given_name":"Ana","family_name":"Kovač, PhD","attributes":{"groups":["staff","payroll"]}},` + "\n" +
			`{"email":"bor@example.com","disabled":true}` + "\n]\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := userfile.Read(name, strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestMistakesNameFileLineAndWhatIsWrong(t *testing.T) {
	tests := []struct{ name, file, text, want string }{
		{"no column email", "u.csv", "mail\nana@example.com\n", `u.csv:1: unknown column "mail"; there are email, `},
		{"unnamed columns", "u.csv", "given_name\nAna\n", "u.csv:1: there is no column email"},
		{"column twice", "u.csv", "email,email\n", `u.csv:1: column "email" is there twice`},
		{"semicolons", "u.csv", "email;given_name\nana@example.com;Ana\n", "u.csv:1: the columns are separated by semicolons"},
		{"too many values", "u.csv", "email,given_name\na@b.c,Ana\nb@b.c,Bor, jr\n", "u.csv:3: 3 values for 2 columns"},
		{"blank lines count", "u.csv", "email\na@b.c\n\n\nnobody\n", `u.csv:5: "nobody" is not an e-mail address`},
		{"no address", "u.csv", "email,given_name\n,Ana\n", "u.csv:2: the e-mail address is missing"},
		{"address twice", "u.csv", "email\na@b.c\nA@b.c\n", `u.csv:3: "A@b.c" is in line 2 already`},
		{"not a boolean", "u.csv", "email,disabled\na@b.c,perhaps\n", `u.csv:2: column disabled is "perhaps": give true or false`},
		{"open quote", "u.csv", "email,given_name\na@b.c,\"Ana\nb@b.c,Bor\n", "u.csv:2: a quoted value is not closed"},
		{"stray quote", "u.csv", "email,given_name\na@b.c,Ana \"A\" K\n", "u.csv:2: a quote in a value that is not quoted"},
		{"Latin-1", "u.csv", "email,family_name\na@b.c,Kova\xe8\n", "u.csv:2: this is not UTF-8"},
		{"empty", "u.csv", "", "u.csv: the file is empty"},
		{"names only", "u.csv", "email\n", "u.csv: there is no user in the file"},
		{"other kind of file", "u.xlsx", "PK", "u.xlsx: give a file that ends in .csv or .json"},
		{"no list", "u.json", `{"email":"a@b.c"}`, "u.json:1: a list is expected"},
		{"unknown member", "u.json", "[{\"email\":\"a@b.c\"},\n{\"mail\":\"b@b.c\"}]", `u.json:2: unknown field "mail"`},
		{"wrong type", "u.json", "[\n{\"email\":7}]", "u.json:2: email is a number, not a text"},
		{"missing comma", "u.json", "[\n{\"email\":\"a@b.c\"\n\"disabled\":true}]", "u.json:3: invalid character '\"' after object key:value pair"},
		{"cut off", "u.json", "[\n{\"email\":\"a@b.c\"},\n", "u.json:3: the file ends in the middle"},
		{"something after it", "u.json", "[{\"email\":\"a@b.c\"}]\n{}", "u.json:2: there is something after the list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, err := userfile.Read(tt.file, strings.NewReader(tt.text))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v, want %s...", err, tt.want)
			}
			if rows != nil {
				t.Errorf("%d rows beside the error", len(rows))
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"email\na@b.c\n", "email,attributes.x\n\"a\"\"@b.c\",1;2\n", `[{"email":"a@b.c","attributes":{"x":["y"]}}]`, "[{},", "\ufeff[]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"u.csv", "u.json"} {
			rows, err := userfile.Read(name, strings.NewReader(text))
			if (err == nil) == (len(rows) == 0) {
				t.Errorf("%s: %d rows and error %v", name, len(rows), err)
			}
			last := 0
			for _, r := range rows {
				if r.Line < last || !strings.Contains(r.User.Email, "@") {
					t.Errorf("%s: row %+v after line %d", name, r, last)
				}
				last = r.Line
			}
		}
	})
}
