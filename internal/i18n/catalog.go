package i18n

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Default is the language of those who ask for none that we have.
const Default = "en"

//go:embed locales/*.json
var files embed.FS

// names are how the languages call themselves.
var names = map[string]string{
	"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "sl": "Slovenščina",
}

// rightToLeft are the languages written so, should one be added.
var rightToLeft = []string{"ar", "fa", "he", "ur"}

// Catalog is every message in every language. It is immutable and safe for
// concurrent use.
type Catalog struct {
	locales map[string]Locale
	tags    []language.Tag // Default first
	matcher language.Matcher
}

// New reads and judges the embedded files.
func New() (*Catalog, error) {
	locales, err := fs.Sub(files, "locales")
	if err != nil {
		return nil, fmt.Errorf("open messages: %w", err)
	}
	return Read(locales)
}

// Read reads and judges the files of a folder, LANGUAGE.json each.
func Read(folder fs.FS) (*Catalog, error) {
	found, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	c := &Catalog{locales: map[string]Locale{}}
	for _, name := range found {
		lang := strings.TrimSuffix(path.Base(name), ".json")
		tag, err := language.Parse(lang)
		if err != nil {
			return nil, fmt.Errorf("messages %s: %w", name, err)
		}
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		messages, err := parseFile(data)
		if err != nil {
			return nil, fmt.Errorf("messages %s: %w", name, err)
		}
		c.locales[lang] = Locale{&locale{lang: lang, tag: tag, messages: messages}}
	}
	if _, ok := c.locales[Default]; !ok {
		return nil, errors.New("messages: no " + Default + ".json")
	}
	c.tags = append(c.tags, c.locales[Default].tag)
	for _, lang := range slices.Sorted(maps.Keys(c.locales)) {
		if lang != Default {
			c.tags = append(c.tags, c.locales[lang].tag)
		}
	}
	c.matcher = language.NewMatcher(c.tags)
	return c, c.judge()
}

func parseFile(data []byte) (map[string]Message, error) {
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	messages := map[string]Message{}
	return messages, flatten(messages, "", tree)
}

func flatten(into map[string]Message, prefix string, tree map[string]any) error {
	for key, value := range tree {
		switch v := value.(type) {
		case map[string]any:
			if err := flatten(into, prefix+key+".", v); err != nil {
				return err
			}
		case string:
			m, err := Parse(v)
			if err != nil {
				return fmt.Errorf("%s%s: %w", prefix, key, err)
			}
			into[prefix+key] = m
		default:
			return fmt.Errorf("%s%s is neither a text nor an object", prefix, key)
		}
	}
	return nil
}

// judge compares every language with English.
func (c *Catalog) judge() error {
	english := c.locales[Default].messages
	var wrong []error
	for lang, l := range c.locales {
		bad := func(format string, args ...any) {
			wrong = append(wrong, fmt.Errorf("messages "+lang+": "+format, args...))
		}
		for key, m := range english {
			translated, ok := l.messages[key]
			switch {
			case !ok:
				bad("no %s", key)
			case !slices.Equal(m.values(), translated.values()):
				bad("%s has the values %v, in English %v", key, translated.values(), m.values())
			}
		}
		for key, m := range l.messages {
			if _, ok := english[key]; !ok {
				bad("%s is not in English", key)
			}
			m.plurals(func(p Part) {
				for _, form := range l.formsNeeded() {
					if _, ok := p.Forms[form]; !ok {
						bad("%s: the plural has no form %s", key, form)
					}
				}
			})
		}
	}
	return errors.Join(wrong...)
}

// formsNeeded are the forms that whole numbers take in a language.
func (l Locale) formsNeeded() []string {
	needed := map[string]bool{}
	for n := range 200 {
		needed[l.form(n)] = true
	}
	return slices.Sorted(maps.Keys(needed))
}

var formNames = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}

// form is the plural category of a whole number.
func (l Locale) form(n int) string {
	return formNames[plural.Cardinal.MatchPlural(l.tag, n, 0, 0, 0, 0)]
}

// Languages lists the codes, Default first.
func (c *Catalog) Languages() []string {
	out := make([]string, len(c.tags))
	for i, tag := range c.tags {
		out[i] = tag.String()
	}
	return out
}

// Locale is the messages of a language; ok is false where there is none of
// exactly this code.
func (c *Catalog) Locale(lang string) (l Locale, ok bool) {
	l, ok = c.locales[lang]
	return l, ok
}

// English is the messages of the default language.
func (c *Catalog) English() Locale { return c.locales[Default] }

// Match is the language that suits an Accept-Language header best (RFC 9110
// 12.5.4); English for one that is malformed or names none that we have.
func (c *Catalog) Match(acceptLanguage string) Locale {
	if len(acceptLanguage) > 200 { // nobody reads that many
		return c.English()
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return c.English()
	}
	_, at, confidence := c.matcher.Match(wanted...)
	if confidence == language.No {
		return c.English()
	}
	return c.locales[c.tags[at].String()]
}
