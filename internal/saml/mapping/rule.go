package mapping

import (
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// none is the NameID line that sends no NameID.
const none = "none"

// formats are the short names of NameID formats (SAML Core 8.3).
var formats = map[string]string{
	"persistent":                 idp.NameIDPersistent,
	"transient":                  idp.NameIDTransient,
	"emailAddress":               idp.NameIDEmail,
	"unspecified":                idp.NameIDUnspecified,
	"X509SubjectName":            "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
	"WindowsDomainQualifiedName": "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName",
	"kerberos":                   "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos",
}

// nameFormats are the short names of attribute name formats (SAML Core 8.2).
var nameFormats = map[string]string{
	"basic":       idp.AttrNameBasic,
	"uri":         idp.AttrNameURI,
	"unspecified": idp.AttrNameUnspecified,
}

// NameIDRule says which NameID a service provider gets.
type NameIDRule struct {
	Format string // full URI; empty: no NameID at all
	Source Expr   // zero: generated (persistent and transient only)
}

// None reports whether no NameID is sent.
func (r NameIDRule) None() bool { return r.Format == "" }

// Generated reports whether the value is made by us.
func (r NameIDRule) Generated() bool { return !r.None() && r.Source.IsZero() }

// Check refuses a source attribute that nobody has; see Expr.Check.
func (r NameIDRule) Check(known func(name string) bool) error { return r.Source.Check(known) }

// Values evaluates the source.
func (r NameIDRule) Values(u *idp.User) []string { return r.Source.Values(u) }

// String renders the rule in its canonical form.
func (r NameIDRule) String() string {
	if r.None() {
		return none
	}
	format := short(formats, r.Format)
	if r.Source.IsZero() {
		return format
	}
	return format + " = " + r.Source.String()
}

// ParseNameID reads a NameID line. Its errors are *SyntaxError.
func ParseNameID(line string) (NameIDRule, error) {
	s, err := newScanner(line)
	if err != nil {
		return NameIDRule{}, err
	}
	start := s.pos
	name := s.word(` ="`)
	if s.skipSpace(); name == none && s.end() {
		return NameIDRule{}, nil
	}
	r := NameIDRule{Format: formats[name]}
	if isURI(name) {
		r.Format = name
	}
	if r.Format == "" {
		return NameIDRule{}, s.fail(start, "expected a NameID format: none, %s, or a full URI", shortNames(formats))
	}
	if !s.accept('=') {
		generated := r.Format == idp.NameIDPersistent || r.Format == idp.NameIDTransient
		if !s.end() || !generated {
			return NameIDRule{}, s.fail(s.pos, "expected = and a source (only persistent and transient are generated without one)")
		}
		return r, nil
	}
	if r.Source, err = s.expr(); err != nil {
		return NameIDRule{}, err
	}
	if !s.end() {
		return NameIDRule{}, s.fail(s.pos, "expected ; and a transform, | and another source, or the end of the line")
	}
	return r, nil
}

// AttributeRule says which values of one attribute a service provider gets.
type AttributeRule struct {
	Name         string
	FriendlyName string // may be empty
	NameFormat   string // full URI
	Required     bool   // a person without a value is not signed in
	Source       Expr
}

// Check refuses a source attribute that nobody has; see Expr.Check.
func (r AttributeRule) Check(known func(name string) bool) error { return r.Source.Check(known) }

// Values evaluates the source.
func (r AttributeRule) Values(u *idp.User) []string { return r.Source.Values(u) }

// String renders the rule in its canonical form.
func (r AttributeRule) String() string {
	var b strings.Builder
	b.WriteString(bare(r.Name))
	explicit := r.NameFormat != defaultNameFormat(r.Name)
	if r.FriendlyName != "" || explicit {
		b.WriteByte('|')
		if r.FriendlyName != "" {
			b.WriteString(bare(r.FriendlyName))
		}
	}
	if explicit {
		b.WriteString("|" + short(nameFormats, r.NameFormat))
	}
	b.WriteString(" = " + r.Source.String())
	if r.Required {
		b.WriteString(" !")
	}
	return b.String()
}

// ParseAttribute reads an attribute line. Its errors are *SyntaxError.
func ParseAttribute(line string) (AttributeRule, error) {
	s, err := newScanner(line)
	if err != nil {
		return AttributeRule{}, err
	}
	var r AttributeRule
	start := s.pos
	if r.Name, err = s.name(); err != nil {
		return AttributeRule{}, err
	}
	if r.Name == "" {
		return AttributeRule{}, s.fail(start, "expected the name of the attribute, as the service provider knows it")
	}
	r.NameFormat = defaultNameFormat(r.Name)
	if s.accept('|') {
		if r.FriendlyName, err = s.name(); err != nil {
			return AttributeRule{}, err
		}
	}
	if s.accept('|') {
		if r.NameFormat, err = s.nameFormat(); err != nil {
			return AttributeRule{}, err
		}
	}
	if !s.accept('=') {
		return AttributeRule{}, s.fail(s.pos, "expected = and a source")
	}
	if r.Source, err = s.expr(); err != nil {
		return AttributeRule{}, err
	}
	r.Required = s.accept('!')
	if !s.end() {
		return AttributeRule{}, s.fail(s.pos, "expected ; and a transform, | and another source, ! (required), or the end of the line")
	}
	return r, nil
}

// name takes a name of the left side, bare or quoted; it may be empty.
func (s *scanner) name() (string, error) {
	if s.at('"') {
		return s.quoted()
	}
	return s.word(` =|"`), nil
}

func (s *scanner) nameFormat() (string, error) {
	start := s.pos
	name := s.word(` =|"`)
	if format, ok := nameFormats[name]; ok {
		return format, nil
	}
	if isURI(name) {
		return name, nil
	}
	return "", s.fail(start, "expected a name format: %s, or a full URI", shortNames(nameFormats))
}

// bare is the opposite of name: it quotes only what cannot stand bare.
func bare(name string) string {
	if name == "" || strings.ContainsAny(name, ` =|"`) {
		return quote(name)
	}
	return name
}

var uri = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$`)

func isURI(name string) bool { return uri.MatchString(name) }

func defaultNameFormat(name string) string {
	if isURI(name) {
		return idp.AttrNameURI
	}
	return idp.AttrNameBasic
}

// short finds the short name of a URI; the URI itself where it has none.
func short(names map[string]string, uri string) string {
	for name, u := range names {
		if u == uri {
			return name
		}
	}
	return uri
}

func shortNames(names map[string]string) string {
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
