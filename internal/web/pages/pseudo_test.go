//go:build browser

package pages_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/i18n"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// pseudo is a language made of the English texts. Only tests know it: the
// program reads the languages that are embedded in it.
type pseudo struct {
	name string
	lang string // whose plural forms and direction it has
	word func(rune) rune
	more func(text string) string // what comes after it
	undo string                   // JavaScript: a text as it is in English
}

// pseudos are one that is written from right to left, in letters that run that
// way, and one whose texts are longer, as those of most languages are.
var pseudos = []pseudo{
	{
		name: "right to left", lang: "ur",
		word: func(r rune) rune {
			switch {
			case 'a' <= r && r <= 'z':
				return 'א' + r - 'a'
			case 'A' <= r && r <= 'Z':
				return 'ء' + r - 'A'
			}
			return r
		},
		more: func(string) string { return "" },
		undo: `s.replace(/[\u2068\u2069]/g, "").replace(/[\u05d0-\u05e9]/g, (c) => String.fromCharCode(c.charCodeAt() - 0x5d0 + 97)).replace(/[\u0621-\u063a]/g, (c) => String.fromCharCode(c.charCodeAt() - 0x621 + 65))`,
	},
	{
		name: "longer", lang: "de",
		word: func(r rune) rune { return r },
		more: func(text string) string {
			const words = "weitere längere Wörter stehen hinter jedem Text, damit geprüft wird, ob Platz für Übersetzungen ist, die so viel mehr davon brauchen. "
			n := max(4, utf8.RuneCountInString(text)*2/5)
			return " " + string([]rune(strings.Repeat(words, 1+n/100))[:n])
		},
		undo: `s.replace(/\u2063[^\u2063]*\u2063/g, "")`,
	},
}

// of is a message (internal/i18n) in the pseudo-language. Values, forms of a
// plural and stress stay as they are.
func (p pseudo) of(message string) string {
	var out strings.Builder
	tag := false
	var braces []bool // for each open one: whether text is in it
	for i, r := range message {
		switch {
		case r == '{':
			braces = append(braces, len(braces)%2 == 1) // {n, plural, one {text}}
		case r == '}':
			braces = braces[:len(braces)-1]
		case r == '<' && strings.ContainsAny(message[i+1:i+2], "be/"):
			tag = true
		case r == '>':
			tag = false
		case !tag && (len(braces) == 0 || braces[len(braces)-1]):
			r = p.word(r)
		}
		out.WriteRune(r)
	}
	if more := p.more(message); more != "" {
		return out.String() + "\u2063" + more + "\u2063"
	}
	return out.String()
}

func (p pseudo) tree(v any) any {
	switch v := v.(type) {
	case string:
		return p.of(v)
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[key] = p.tree(value)
		}
		return out
	}
	return v
}

func (p pseudo) catalog(t *testing.T) *i18n.Catalog {
	t.Helper()
	english, err := os.ReadFile(filepath.Join("..", "..", "i18n", "locales", "en.json"))
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]any
	if err := json.Unmarshal(english, &texts); err != nil {
		t.Fatal(err)
	}
	other, err := json.Marshal(p.tree(texts))
	if err != nil {
		t.Fatal(err)
	}
	c, err := i18n.Read(fstest.MapFS{"en.json": {Data: english}, p.lang + ".json": {Data: other}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// keepsApart are hosts, codes, numbers, and names of people, devices and
// applications, as they occur in the fakes' answers.
const keepsApart = `Kovač|Work PC|iPhone of|Firefox|Ljubljana|Payroll|Universal|([\w-]+\.)+example\.(com|org)|[A-Z0-9]{4}-[A-Z0-9]{4}|A\.\.\.n K|[0-9]{3}\s[0-9]{3}`

// Every state of every page under languages that are not like English.
func TestPseudoLanguages(t *testing.T) {
	for _, p := range pseudos {
		t.Run(p.name, func(t *testing.T) {
			spoken = p.catalog(t)
			t.Cleanup(func() { spoken = nil })
			chrome.Plain(t, p.undo)
			for _, w := range walks() {
				t.Run(w.name, func(t *testing.T) {
					w.steps(t, func(b *chrome.Tab, state string) {
						t.Helper()
						if dir := chrome.Eval[string](b, "document.dir"); (dir == "rtl") != (p.lang == "ur") {
							t.Errorf("%s: dir=%s", state, dir)
						}
						b.Laid(state, keepsApart, 320, 568)
						b.Laid(state, keepsApart, 1280, 800)
					})
				})
			}
		})
	}
}
