package i18n_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/i18n"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

func read(t *testing.T, files map[string]string) (*i18n.Catalog, error) {
	t.Helper()
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return i18n.Read(folder)
}

func locale(t *testing.T, lang, message string) i18n.Locale {
	t.Helper()
	c, err := read(t, map[string]string{"en.json": `{"a":"x"}`, lang + ".json": `{"a":` + message + `}`})
	if err != nil {
		t.Fatal(err)
	}
	l, _ := c.Locale(lang)
	return l
}

func TestMessages(t *testing.T) {
	for _, c := range []struct{ lang, message, want string }{
		{"en", `"Sign in to {app}"`, "Sign in to Payroll"},
		{"en", `"Can't scan? It''s '{app}'"`, "Can't scan? It's {app}"},
		{"en", `"<b>Scan</b> it, <em>{app}</em>, 1 < 2"`, "Scan it, Payroll, 1 < 2"},
		{"en", `"{n, plural, =0 {none} one {# try} other {# tries}} left"`, "1 try left"},
		{"sl", `"{n, plural, one {# sekunda} two {# sekundi} few {# sekunde} other {# sekund}}"`, "1 sekunda"},
	} {
		l := locale(t, "en", c.message)
		if c.lang != "en" {
			cat, err := read(t, map[string]string{"en.json": `{"a":"{n, plural, one {#} other {#}}"}`, c.lang + ".json": `{"a":` + c.message + `}`})
			if err != nil {
				t.Fatal(err)
			}
			l, _ = cat.Locale(c.lang)
		}
		got, err := l.T("a", "app", "Payroll", "n", 1)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.message, got, err, c.want)
		}
	}
}

func TestPluralsOfSlovenian(t *testing.T) {
	cat, err := read(t, map[string]string{
		"en.json": `{"a":"{n, plural, one {#} other {#}}"}`,
		"sl.json": `{"a":"{n, plural, one {# poskus} two {# poskusa} few {# poskusi} other {# poskusov}}"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	l, _ := cat.Locale("sl")
	for n, want := range map[int]string{0: "0 poskusov", 1: "1 poskus", 2: "2 poskusa", 3: "3 poskusi", 5: "5 poskusov", 101: "101 poskus"} {
		if got, err := l.T("a", "n", n); err != nil || got != want {
			t.Errorf("%d: %q, %v", n, got, err)
		}
	}
}

func TestPiecesKeepValuesApart(t *testing.T) {
	l := locale(t, "en", `"Only <em>you</em> at {host}."`)
	got, err := l.Rich("a", "host", "<em>evil</em>")
	if err != nil {
		t.Fatal(err)
	}
	want := []i18n.Piece{{Text: "Only "}, {Text: "you", Stress: "em"}, {Text: " at "}, {Text: "<em>evil</em>", Value: "host"}, {Text: "."}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValuesInRightToLeftText(t *testing.T) {
	c, err := read(t, map[string]string{"en.json": `{"a":"x {app}"}`, "ur.json": `{"a":"א {app}?"}`})
	if err != nil {
		t.Fatal(err)
	}
	l, _ := c.Locale("ur")
	if got, err := l.T("a", "app", "Payroll (EU)"); err != nil || got != "\u05d0 \u2068Payroll (EU)\u2069?" || l.Dir() != "rtl" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestMistakesStopTheStart(t *testing.T) {
	const english = `{"a":{"b":"{n, plural, one {# try} other {# tries}} of {app}"}}`
	for name, file := range map[string]string{
		"a key is missing":         `{"a":{}}`,
		"a key too many":           `{"a":{"b":"{n, plural, one {#} two {#} few {#} other {#}} {app}","c":"x"}}`,
		"a value is missing":       `{"a":{"b":"{n, plural, one {#} two {#} few {#} other {#}}"}}`,
		"another value":            `{"a":{"b":"{n, plural, one {#} two {#} few {#} other {#}} {name}"}}`,
		"a form is missing":        `{"a":{"b":"{n, plural, one {#} other {#}} {app}"}}`,
		"other is missing":         `{"a":{"b":"{n, plural, one {#}} {app}"}}`,
		"a brace does not end":     `{"a":{"b":"{n"}}`,
		"a brace out of place":     `{"a":{"b":"{app} } {n}"}}`,
		"stress that does not end": `{"a":{"b":"<b>{app}{n}"}}`,
		"not JSON":                 `{`,
		"a number":                 `{"a":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read(t, map[string]string{"en.json": english, "sl.json": file}); err == nil || !strings.Contains(err.Error(), "sl") {
				t.Errorf("read: %v", err)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	c, err := read(t, map[string]string{"en.json": `{}`, "de.json": `{}`, "fr.json": `{}`, "sl.json": `{}`})
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"":                                "en",
		"de-CH, fr;q=0.9":                 "de",
		"sl-SI,sl;q=0.9,en;q=0.8":         "sl",
		"ja":                              "en",
		"ja, fr;q=0.5":                    "fr",
		"*":                               "en",
		"de;q=0, fr":                      "fr",
		"<script>":                        "en",
		strings.Repeat("de,", 100) + "de": "en",
	} {
		if got := c.Match(header).Lang(); got != want {
			t.Errorf("%.40s: %s, want %s", header, got, want)
		}
	}
}

// Every error code that a person may meet has its words, and nothing else is
// among them.
func TestErrorCodes(t *testing.T) {
	c, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, code := range idp.Codes() {
		for _, part := range []string{".title", ".words"} {
			known["errors."+string(code)+part] = true
			if !c.English().Has("errors." + string(code) + part) {
				t.Errorf("no errors.%s%s", code, part)
			}
		}
	}
	for key := range c.English().Section("errors") {
		if !known[key] {
			t.Errorf("%s is no code", key)
		}
	}
}

// What is the same in English and another language was most likely forgotten.
func TestEverythingIsTranslated(t *testing.T) {
	c, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Languages(); len(got) < 5 {
		t.Fatalf("languages %v", got)
	}
	same := map[string]bool{ // words that are
		"login.title": true, "enroll.kinds.iphone": true, "enroll.kinds.ipad": true, "enroll.kinds.mac": true,
		"me_page.vouch_name": true, "me.screen": true, "approve.screen": true,
	}
	sections := strings.Fields("frame errors message post plain shared login_page login approve_page approve scanner enroll_page enroll me_page me")
	english := c.English().Section(sections...)
	for _, lang := range c.Languages()[1:] {
		l, _ := c.Locale(lang)
		for key, text := range l.Section(sections...) {
			if cmp.Equal(text, english[key]) && !same[key] {
				t.Errorf("%s: %s is as in English: %v", lang, key, text)
			}
		}
	}
}

// The program's own English words, which the API gives, are those of the pages.
func TestErrorsSayTheSame(t *testing.T) {
	c, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range idp.Codes() {
		if title, err := c.English().T("errors." + string(code) + ".title"); err != nil || title != code.Info().Title {
			t.Errorf("%s: title %q, in the API %q, %v", code, title, code.Info().Title, err)
		}
		words, err := c.English().T("errors."+string(code)+".words", "app", "{app}", "n", 2, "time", "{time}")
		want := strings.ReplaceAll(code.Info().Words, "{n}", "2")
		if err != nil || words != want {
			t.Errorf("%s: %q, in the API %q, %v", code, words, want, err)
		}
	}
}
