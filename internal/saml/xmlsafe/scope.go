package xmlsafe

import (
	"encoding/xml"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

const (
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// scope is the stack of namespace declarations of the open elements
// (Namespaces in XML 1.0).
type scope struct {
	bindings []binding
	marks    []int // length of bindings before each open element
}

type binding struct{ prefix, uri string }

// enter declares what a start tag declares and checks its names.
func (s *scope) enter(t xml.StartElement) error {
	s.marks = append(s.marks, len(s.bindings))
	for _, a := range t.Attr {
		if err := s.declare(a); err != nil {
			return err
		}
	}
	if t.Name.Space == "xmlns" {
		return schema("reserved prefix")
	}
	if _, ok := s.lookup(t.Name.Space); !ok {
		return schema("unbound namespace prefix")
	}
	return s.checkAttributes(t.Attr)
}

func (s *scope) leave() {
	last := len(s.marks) - 1
	s.bindings = s.bindings[:s.marks[last]]
	s.marks = s.marks[:last]
}

func (s *scope) declare(a xml.Attr) error {
	prefix := a.Name.Local
	switch {
	case a.Name.Space == "" && a.Name.Local == "xmlns":
		prefix = ""
	case a.Name.Space != "xmlns":
		return nil
	case a.Value == "":
		return schema("prefix bound to no namespace")
	}
	if prefix == "xmlns" || a.Value == xmlnsNamespace || (prefix == "xml") != (a.Value == xmlNamespace) {
		return schema("declaration of a reserved prefix or namespace")
	}
	s.bindings = append(s.bindings, binding{prefix, a.Value})
	return nil
}

// lookup finds the namespace of a prefix. The empty prefix is always bound.
func (s *scope) lookup(prefix string) (uri string, ok bool) {
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if s.bindings[i].prefix == prefix {
			return s.bindings[i].uri, true
		}
	}
	if prefix == "xml" {
		return xmlNamespace, true
	}
	return "", prefix == ""
}

// checkAttributes refuses unbound prefixes and two attributes with the same
// name or, behind different prefixes, the same expanded name.
func (s *scope) checkAttributes(attrs []xml.Attr) error {
	for i, a := range attrs {
		space := ""
		switch a.Name.Space {
		case "":
		case "xmlns":
			space = xmlnsNamespace
		default:
			uri, ok := s.lookup(a.Name.Space)
			if !ok {
				return schema("unbound namespace prefix")
			}
			space = uri
		}
		for _, earlier := range attrs[:i] {
			if earlier.Name.Local == a.Name.Local && s.attributeSpace(earlier) == space {
				return schema("duplicate attribute")
			}
		}
	}
	return nil
}

func (s *scope) attributeSpace(a xml.Attr) string {
	switch a.Name.Space {
	case "":
		return ""
	case "xmlns":
		return xmlnsNamespace
	}
	uri, _ := s.lookup(a.Name.Space)
	return uri
}

func schema(what string) error { return idp.Refuse(idp.XMLSchema, "%s", what) }
