package mapping

import (
	"slices"
	"strings"
	"unicode"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Expr is the right side of a mapping line. The zero Expr has no values.
type Expr struct {
	terms []term
	line  string // for Check
}

// term is one alternative: an attribute or a constant, and its transforms.
type term struct {
	attribute  string // empty for a constant
	constant   string
	pos        int // of the attribute in the line, in bytes
	transforms []transform
}

// IsZero reports whether there is no source at all.
func (e Expr) IsZero() bool { return len(e.terms) == 0 }

// Attributes lists the attributes that the expression reads, in order.
func (e Expr) Attributes() []string {
	var names []string
	for _, t := range e.terms {
		if t.attribute != "" && !slices.Contains(names, t.attribute) {
			names = append(names, t.attribute)
		}
	}
	return names
}

// Values evaluates the expression for u: the values of the first term that has
// any, never an empty one.
func (e Expr) Values(u *idp.User) []string {
	for _, t := range e.terms {
		if values := t.values(u); len(values) > 0 {
			return values
		}
	}
	return nil
}

func (t term) values(u *idp.User) []string {
	values := []string{t.constant}
	if t.attribute != "" {
		values = slices.Clone(u.Attribute(t.attribute))
	}
	for _, tr := range t.transforms {
		values = tr.apply(values)
	}
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

// Check refuses an attribute that known does not know. Every user's built-in
// attributes are always known.
func (e Expr) Check(known func(name string) bool) error {
	builtin := idp.BuiltinAttributes()
	for _, t := range e.terms {
		if t.attribute == "" || slices.Contains(builtin, t.attribute) || known != nil && known(t.attribute) {
			continue
		}
		s := scanner{line: e.line}
		return s.fail(t.pos, "no user has an attribute %q; expected one of %s, an attribute of your directory, or a constant in double quotes",
			t.attribute, strings.Join(builtin, ", "))
	}
	return nil
}

// String renders the expression in its canonical form.
func (e Expr) String() string {
	var b strings.Builder
	for i, t := range e.terms {
		if i > 0 {
			b.WriteString(" | ")
		}
		if t.attribute != "" {
			b.WriteString(t.attribute)
		} else {
			b.WriteString(quote(t.constant))
		}
		for _, tr := range t.transforms {
			b.WriteString(";" + tr.text)
		}
	}
	return b.String()
}

// expr parses a source up to the end of the line or a "!".
func (s *scanner) expr() (Expr, error) {
	e := Expr{line: s.line}
	for {
		t, err := s.term()
		if err != nil {
			return Expr{}, err
		}
		e.terms = append(e.terms, t)
		if !s.accept('|') {
			return e, nil
		}
	}
}

func (s *scanner) term() (term, error) {
	t := term{pos: s.pos}
	if s.at('"') {
		text, err := s.quoted()
		if err != nil {
			return term{}, err
		}
		if text == "" {
			return term{}, s.fail(t.pos, "expected some text between the quotes")
		}
		t.constant = text
	} else {
		t.attribute = s.attribute()
		if t.attribute == "" {
			return term{}, s.fail(t.pos, "expected the name of an attribute (%s, or one of your directory) or a constant in double quotes",
				strings.Join(idp.BuiltinAttributes(), ", "))
		}
	}
	for s.accept(';') {
		tr, err := s.transform()
		if err != nil {
			return term{}, err
		}
		t.transforms = append(t.transforms, tr)
	}
	return t, nil
}

// attribute takes the name of a user's attribute: letters, digits and -_.:/#@
func (s *scanner) attribute() string {
	rest := s.line[s.pos:]
	end := strings.IndexFunc(rest, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:/#@", r)
	})
	if end < 0 {
		end = len(rest)
	}
	s.pos += end
	return rest[:end]
}
