package message

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// maxID is the longest message ID, in characters. Salesforce sends about 300.
const maxID = 1024

// Namespaces and the identifier formats of SAML 2.0 messages.
const (
	ProtocolNS  = "urn:oasis:names:tc:SAML:2.0:protocol"
	AssertionNS = "urn:oasis:names:tc:SAML:2.0:assertion"

	FormatEntity = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

	dsigNS = "http://www.w3.org/2000/09/xmldsig#"
	xsiNS  = "http://www.w3.org/2001/XMLSchema-instance"
)

// Name is the expanded name of an element.
type Name struct{ Space, Local string }

// Attrs are the attributes of an element. The typed readers return the zero
// value for an absent attribute and keep the first error.
type Attrs struct {
	Values map[string]string
	Err    error
}

// Attributes reads the unqualified attributes of e and refuses those that are
// not allowed. Of the qualified ones only xml:* and xsi:* may be there.
func Attributes(e *etree.Element, allowed ...string) (*Attrs, error) {
	a := &Attrs{Values: make(map[string]string, len(e.Attr))}
	for _, attr := range e.Attr {
		switch {
		case attr.Space == "xmlns" || attr.Space == "xml" || attr.Space == "" && attr.Key == "xmlns":
		case attr.Space == "" && slices.Contains(allowed, attr.Key):
			a.Values[attr.Key] = attr.Value
		case attr.Space != "" && attr.NamespaceURI() == xsiNS:
		default:
			return nil, Schema("unknown attribute")
		}
	}
	return a, nil
}

func (a *Attrs) fail(what string) {
	if a.Err == nil {
		a.Err = Schema(what)
	}
}

// Required reads an attribute that must be there.
func (a *Attrs) Required(name string) string {
	v, ok := a.Values[name]
	if !ok {
		a.fail("no " + name)
	}
	return v
}

// ID reads a required xs:ID.
func (a *Attrs) ID(name string) string {
	v := a.Required(name)
	if utf8.RuneCountInString(v) > maxID || !isNCName(v) {
		a.fail(name + " is not an NCName of at most 1,024 characters")
	}
	return v
}

// URI reads an optional URI, which SAML does not allow to be empty (Core 1.3.2).
func (a *Attrs) URI(name string) string {
	v, ok := a.Values[name]
	if ok && strings.TrimSpace(v) == "" {
		a.fail("empty " + name)
	}
	return v
}

// Boolean reads an optional xs:boolean.
func (a *Attrs) Boolean(name string) bool {
	v, ok := a.Values[name]
	switch {
	case !ok, v == "false", v == "0":
		return false
	case v == "true", v == "1":
		return true
	}
	a.fail(name + " is not a boolean")
	return false
}

// Index reads an optional xs:unsignedShort.
func (a *Attrs) Index(name string) *int {
	v, ok := a.Values[name]
	if !ok {
		return nil
	}
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil {
		a.fail(name + " is not an index")
	}
	i := int(n)
	return &i
}

// dateTime is xs:dateTime with four digits of year.
var dateTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$`)

// Instant reads a required time, with or without fractions. SAML times are UTC
// (Core 1.3.3); an offset is taken as what it says.
func (a *Attrs) Instant(name string) time.Time {
	a.Required(name)
	return a.OptionalInstant(name)
}

// OptionalInstant is Instant for a time that may be absent, which is zero.
func (a *Attrs) OptionalInstant(name string) time.Time {
	v, ok := a.Values[name]
	if !ok {
		return time.Time{}
	}
	m := dateTime.FindStringSubmatch(v)
	if m == nil {
		a.fail(name + " is not a time")
		return time.Time{}
	}
	if m[2] == "" {
		v += "Z"
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		a.fail(name + " is not a time")
	}
	return t
}

// Children finds the child elements of e that have the given names, in that
// order and each at most once, and refuses everything else but white space and
// signatures. A name that is not there gives nil.
func Children(e *etree.Element, names ...Name) ([]*etree.Element, error) {
	found, _, err := ChildrenThen(e, Name{}, names...)
	return found, err
}

// ChildrenThen is Children, except that any number of elements named last may
// follow.
func ChildrenThen(e *etree.Element, last Name, names ...Name) (found, rest []*etree.Element, err error) {
	found = make([]*etree.Element, len(names))
	next := 0
	for _, c := range e.ChildElements() {
		n := Name{c.NamespaceURI(), c.Tag}
		if n == (Name{dsigNS, "Signature"}) {
			continue
		}
		if n == last {
			rest, next = append(rest, c), len(names)
			continue
		}
		i := slices.Index(names[next:], n)
		if i < 0 {
			return nil, nil, Schema("child element unknown, repeated or out of order")
		}
		found[next+i] = c
		next += i + 1
	}
	return found, rest, OnlyElements(e)
}

// OnlyElements refuses text between the children of e.
func OnlyElements(e *etree.Element) error {
	for _, c := range e.Child {
		if t, ok := c.(*etree.CharData); ok && strings.Trim(t.Data, " \t\r\n") != "" {
			return Schema("text between elements")
		}
	}
	return nil
}

// Text is the content of an element that holds nothing but text.
func Text(e *etree.Element) (string, error) {
	v := e.Text()
	if len(e.ChildElements()) > 0 || strings.TrimSpace(v) == "" {
		return "", Schema("value that is empty or has child elements")
	}
	return v, nil
}

// isNCName follows Namespaces in XML 1.0 and XML 1.0, fifth edition.
func isNCName(s string) bool {
	for i, r := range s {
		if !isNameStart(r) && (i == 0 || !isNameRest(r)) {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

func isNameStart(r rune) bool {
	switch {
	case r == '_', 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z':
		return true
	case r < 0xC0, r == 0xD7, r == 0xF7, r == 0x37E:
		return false
	}
	return r <= 0x2FF || 0x370 <= r && r <= 0x1FFF || r == 0x200C || r == 0x200D ||
		0x2070 <= r && r <= 0x218F || 0x2C00 <= r && r <= 0x2FEF || 0x3001 <= r && r <= 0xD7FF ||
		0xF900 <= r && r <= 0xFDCF || 0xFDF0 <= r && r <= 0xFFFD || 0x10000 <= r && r <= 0xEFFFF
}

func isNameRest(r rune) bool {
	return r == '-' || r == '.' || '0' <= r && r <= '9' || r == 0xB7 ||
		0x300 <= r && r <= 0x36F || r == 0x203F || r == 0x2040
}

// Schema is the refusal of a message that is not as its schema says.
func Schema(what string) error { return idp.Refuse(idp.XMLSchema, "%s", what) }
