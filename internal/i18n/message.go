package i18n

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Message is a parsed message: texts, values and plurals in order.
type Message []Part

// Part is one of: a text, a value, a plural.
type Part struct {
	Text   string             // of a text
	Stress string             // "b" or "em" around a text; empty: none
	Value  string             // name of a value
	Plural string             // name of the value that chooses a form
	Forms  map[string]Message // by "=0", "one", "other", ...
}

// Parse reads a message; its error names the place.
func Parse(text string) (Message, error) {
	p := parser{rest: text}
	m, err := p.message("", "")
	if err == nil && p.rest != "" {
		err = errors.New("a closing brace that nothing opened")
	}
	if err != nil {
		return nil, fmt.Errorf("at %q: %w", p.rest, err)
	}
	return m, nil
}

type parser struct{ rest string }

// message reads up to the brace that closes the form it is in. number is the
// value that # stands for in a plural's form.
func (p *parser) message(number, closing string) (Message, error) {
	var m Message
	var text strings.Builder
	stress := ""
	flush := func() {
		if text.Len() > 0 {
			m = append(m, Part{Text: text.String(), Stress: stress})
			text.Reset()
		}
	}
	for p.rest != "" {
		switch {
		case strings.HasPrefix(p.rest, "''"):
			text.WriteByte('\'')
			p.rest = p.rest[2:]
		case strings.HasPrefix(p.rest, "'{") || strings.HasPrefix(p.rest, "'}"):
			quoted, rest, closed := strings.Cut(p.rest[1:], "'")
			if !closed {
				return nil, errors.New("a quote that does not end")
			}
			text.WriteString(quoted)
			p.rest = rest
		case p.tag("<b>"), p.tag("<em>"):
			if stress != "" {
				return nil, errors.New("stress within stress")
			}
			flush()
			stress = "b"
			if strings.HasPrefix(p.rest, "<em>") {
				stress = "em"
			}
			p.rest = p.rest[len(stress)+2:]
		case stress != "" && p.tag("</"+stress+">"):
			flush()
			p.rest, stress = p.rest[len(stress)+3:], ""
		case p.rest[0] == '#' && number != "":
			flush()
			m = append(m, Part{Value: number})
			p.rest = p.rest[1:]
		case p.rest[0] == '{':
			flush()
			part, err := p.argument()
			if err != nil {
				return nil, err
			}
			m = append(m, part)
		case p.rest[0] == '}':
			if closing == "" || stress != "" {
				return nil, errors.New("a closing brace out of place")
			}
			flush()
			return m, nil
		default:
			text.WriteByte(p.rest[0])
			p.rest = p.rest[1:]
		}
	}
	if closing != "" || stress != "" {
		return nil, errors.New("something that does not end")
	}
	flush()
	return m, nil
}

func (p *parser) tag(t string) bool { return strings.HasPrefix(p.rest, t) }

// argument reads {name} or {name, plural, forms}.
func (p *parser) argument() (Part, error) {
	p.rest = p.rest[1:]
	end := strings.IndexAny(p.rest, ",}{")
	if end < 0 {
		return Part{}, errors.New("a value that does not end")
	}
	name := strings.TrimSpace(p.rest[:end])
	if !isName(name) {
		return Part{}, fmt.Errorf("%q is not the name of a value", name)
	}
	closer := p.rest[end]
	p.rest = p.rest[end+1:]
	if closer == '}' {
		return Part{Value: name}, nil
	}
	kind, rest, ok := strings.Cut(p.rest, ",")
	if closer != ',' || !ok || strings.TrimSpace(kind) != "plural" {
		return Part{}, errors.New("only plural is known")
	}
	p.rest = rest
	forms, err := p.forms(name)
	return Part{Plural: name, Forms: forms}, err
}

func (p *parser) forms(number string) (map[string]Message, error) {
	forms := map[string]Message{}
	for {
		p.rest = strings.TrimLeft(p.rest, " \n\t")
		if strings.HasPrefix(p.rest, "}") {
			p.rest = p.rest[1:]
			break
		}
		selector, rest, ok := strings.Cut(p.rest, "{")
		selector = strings.TrimSpace(selector)
		if _, twice := forms[selector]; !ok || twice || !isSelector(selector) {
			return nil, fmt.Errorf("%q is not the name of a form, or comes twice", selector)
		}
		p.rest = rest
		m, err := p.message(number, "}")
		if err != nil {
			return nil, err
		}
		forms[selector] = m
		p.rest = strings.TrimPrefix(p.rest, "}")
	}
	if _, ok := forms["other"]; !ok {
		return nil, errors.New("a plural without other")
	}
	return forms, nil
}

func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) < 0
}

func isSelector(s string) bool {
	if digits, exact := strings.CutPrefix(s, "="); exact {
		return digits != "" && strings.Trim(digits, "0123456789") == ""
	}
	return slices.Contains([]string{"zero", "one", "two", "few", "many", "other"}, s)
}

// values lists the names of the values that a message takes, sorted.
func (m Message) values() []string {
	var names []string
	for _, part := range m {
		if part.Value != "" {
			names = append(names, part.Value)
		}
		if part.Plural != "" {
			names = append(names, part.Plural)
			for _, form := range part.Forms {
				names = append(names, form.values()...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// plurals calls see for each plural in a message.
func (m Message) plurals(see func(Part)) {
	for _, part := range m {
		if part.Plural == "" {
			continue
		}
		see(part)
		for _, form := range part.Forms {
			form.plurals(see)
		}
	}
}
