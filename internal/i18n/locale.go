package i18n

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// Locale is the messages of one language. Its methods are what templates call.
type Locale struct{ *locale }

type locale struct {
	lang     string
	tag      language.Tag
	messages map[string]Message
}

// Lang is the BCP 47 code, for the attribute lang.
func (l Locale) Lang() string { return l.lang }

// Name is how the language calls itself.
func (l Locale) Name() string { return names[l.lang] }

// Dir is "ltr" or "rtl", for the attribute dir.
func (l Locale) Dir() string {
	base, _ := l.tag.Base()
	if slices.Contains(rightToLeft, base.String()) {
		return "rtl"
	}
	return "ltr"
}

// Has reports whether there is a message of this key.
func (l Locale) Has(key string) bool { _, ok := l.messages[key]; return ok }

// T is the message of a key with its values, given as name, value, name,
// value. An unknown key or a missing value is an error, which stops a template.
func (l Locale) T(key string, values ...any) (string, error) {
	pieces, err := l.Rich(key, values...)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range pieces {
		if p.Value != "" && p.Text != "" && l.Dir() == "rtl" {
			p.Text = isolate + p.Text + endIsolate
		}
		b.WriteString(p.Text)
	}
	return b.String(), nil
}

// What keeps a value from mixing with text that runs the other way, where there
// are no elements such as <bdi> (Unicode FSI and PDI).
const isolate, endIsolate = "\u2068", "\u2069"

// Must is T for a key and values that are written in the program. A mistake,
// which a test would find, shows the key.
func (l Locale) Must(key string, values ...any) string {
	text, err := l.T(key, values...)
	if err != nil {
		return key
	}
	return text
}

// Piece is a stretch of a message: text, stressed text ("b", "em"), or the
// value of the name Value.
type Piece struct {
	Text   string
	Stress string
	Value  string
}

// Rich is T in pieces, for places that show values and stress in a way of
// their own; see the template "rich".
func (l Locale) Rich(key string, values ...any) ([]Piece, error) {
	m, ok := l.messages[key]
	if !ok {
		return nil, fmt.Errorf("no message %q", key)
	}
	named, err := pair(values)
	if err != nil {
		return nil, fmt.Errorf("message %q: %w", key, err)
	}
	pieces, err := l.write(nil, m, named)
	if err != nil {
		return nil, fmt.Errorf("message %q: %w", key, err)
	}
	return pieces, nil
}

func pair(values []any) (map[string]any, error) {
	if len(values)%2 != 0 {
		return nil, fmt.Errorf("%d names and values", len(values))
	}
	named := map[string]any{}
	for i := 0; i < len(values); i += 2 {
		name, ok := values[i].(string)
		if !ok {
			return nil, fmt.Errorf("%v is not a name", values[i])
		}
		named[name] = values[i+1]
	}
	return named, nil
}

func (l Locale) write(to []Piece, m Message, values map[string]any) ([]Piece, error) {
	for _, part := range m {
		name := part.Value + part.Plural
		value, ok := values[name]
		switch {
		case name == "":
			to = append(to, Piece{Text: part.Text, Stress: part.Stress})
		case !ok:
			return nil, fmt.Errorf("no value %q", name)
		case part.Plural == "":
			to = append(to, Piece{Text: fmt.Sprint(value), Value: part.Value})
		default:
			n, err := strconv.Atoi(fmt.Sprint(value))
			if err != nil {
				return nil, fmt.Errorf("value %q is not a whole number", name)
			}
			form, ok := part.Forms["="+strconv.Itoa(n)]
			if !ok {
				form = part.Forms[l.form(n)]
			}
			if to, err = l.write(to, form, values); err != nil {
				return nil, err
			}
		}
	}
	return to, nil
}

// Section is the messages whose keys begin with one of these names and a dot,
// in the form that the pages' script i18n.js reads: a text as it is, else a
// list of texts, {"v": name} and {"p": name, "of": {form: list}}. Stress is
// left out: scripts write plain text.
func (l Locale) Section(sections ...string) map[string]any {
	out := map[string]any{}
	for key, m := range l.messages {
		section, _, _ := strings.Cut(key, ".")
		if slices.Contains(sections, section) {
			out[key] = compact(m)
		}
	}
	return out
}

func compact(m Message) any {
	list := []any{}
	for _, part := range m {
		last := len(list) - 1
		switch {
		case part.Value != "":
			list = append(list, map[string]any{"v": part.Value})
		case part.Plural != "":
			forms := map[string]any{}
			for name, form := range part.Forms {
				forms[name] = compact(form)
			}
			list = append(list, map[string]any{"p": part.Plural, "of": forms})
		case last >= 0 && isText(list[last]):
			list[last] = list[last].(string) + part.Text
		default:
			list = append(list, part.Text)
		}
	}
	switch {
	case len(list) == 0:
		return ""
	case len(list) == 1 && isText(list[0]):
		return list[0]
	}
	return list
}

func isText(v any) bool { _, ok := v.(string); return ok }
