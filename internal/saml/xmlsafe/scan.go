package xmlsafe

import (
	"bytes"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// scanner walks the raw bytes of a document and counts. It is more forgiving
// than a parser about what it does not count: build reads the same bytes next.
type scanner struct {
	src    []byte
	pos    int
	limits Limits

	depth, elements, attributes, namespaces int
	long                                    int    // bytes of long values so far
	opened                                  []byte // name of the start tag just read, or nil
}

// scan refuses a document that exceeds l or holds a forbidden construct.
// It allocates nothing.
func scan(src []byte, l Limits) error {
	s := scanner{src: src, limits: l}
	for s.pos < len(s.src) {
		if err := s.text(); err != nil {
			return err
		}
		if s.pos == len(s.src) {
			break
		}
		if err := s.markup(); err != nil {
			return err
		}
	}
	return nil
}

// text passes over character data up to the next '<'.
func (s *scanner) text() error {
	n := bytes.IndexByte(s.src[s.pos:], '<')
	if n < 0 {
		n = len(s.src) - s.pos
	}
	limit := s.limits.Value
	if isLong(s.opened) {
		limit = s.limits.LongValue
		if bytes.IndexByte(s.src[s.pos:s.pos+n], '&') < 0 { // references are dear to read
			s.long += n
		}
	}
	if n > limit {
		return idp.Refuse(idp.XMLSize, "text of %d bytes, limit %d", n, limit)
	}
	s.pos += n
	if s.pos-s.long > s.limits.Markup {
		return idp.Refuse(idp.XMLSize, "more than %d bytes beside certificates and signatures", s.limits.Markup)
	}
	return nil
}

// markup passes over what begins with '<'.
func (s *scanner) markup() error {
	rest := s.src[s.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return s.comment(rest)
	case bytes.HasPrefix(rest, []byte("<![")):
		return idp.Refuse(idp.XMLSchema, "CDATA section")
	case bytes.HasPrefix(rest, []byte("<!")):
		return idp.Refuse(idp.XMLDoctype, "document type declaration")
	case bytes.HasPrefix(rest, []byte("<?")):
		return idp.Refuse(idp.XMLSchema, "processing instruction")
	case bytes.HasPrefix(rest, []byte("</")):
		return s.endTag(rest)
	}
	return s.startTag()
}

func (s *scanner) comment(rest []byte) error {
	if !s.limits.Comments {
		return idp.Refuse(idp.XMLComment, "comment")
	}
	const open, end = "<!--", "-->"
	n := bytes.Index(rest[len(open):], []byte(end))
	if n < 0 {
		return malformed("unterminated comment")
	}
	s.pos += len(open) + n + len(end)
	return nil
}

func (s *scanner) endTag(rest []byte) error {
	n := bytes.IndexByte(rest, '>')
	if n < 0 {
		return malformed("unterminated end tag")
	}
	s.pos += n + 1
	s.depth--
	s.opened = nil
	return nil
}

func (s *scanner) startTag() error {
	s.depth++
	s.elements++
	if s.depth > s.limits.Depth {
		return idp.Refuse(idp.XMLDepth, "more than %d nested elements", s.limits.Depth)
	}
	if s.elements > s.limits.Elements {
		return idp.Refuse(idp.XMLSize, "more than %d elements", s.limits.Elements)
	}
	s.pos++ // '<'
	name := s.name()
	if err := checkName(name); err != nil {
		return err
	}
	empty, err := s.attributeList()
	if err != nil {
		return err
	}
	s.opened = name
	if empty {
		s.depth--
		s.opened = nil
	}
	return nil
}

// attributeList passes over the rest of a start tag and reports whether it
// ended in "/>".
func (s *scanner) attributeList() (empty bool, err error) {
	for count := 0; ; {
		s.space()
		if s.pos == len(s.src) {
			return false, malformed("unterminated tag")
		}
		switch s.src[s.pos] {
		case '>':
			s.pos++
			return empty, nil
		case '/':
			s.pos++
			empty = true
			continue
		case '<':
			return false, malformed("'<' in a tag")
		}
		count++
		s.attributes++
		if count > s.limits.Attributes || s.attributes > s.limits.AllAttributes {
			return false, idp.Refuse(idp.XMLSize, "more than %d attributes of an element or %d in all",
				s.limits.Attributes, s.limits.AllAttributes)
		}
		if err := s.attribute(); err != nil {
			return false, err
		}
	}
}

func (s *scanner) attribute() error {
	name := s.name()
	if err := checkName(name); err != nil {
		return err
	}
	if string(name) == "xmlns" || bytes.HasPrefix(name, []byte("xmlns:")) {
		if s.namespaces++; s.namespaces > s.limits.Namespaces {
			return idp.Refuse(idp.XMLSize, "more than %d namespace declarations", s.limits.Namespaces)
		}
	}
	s.space()
	if s.pos == len(s.src) || s.src[s.pos] != '=' {
		return malformed("attribute without value")
	}
	s.pos++
	s.space()
	if s.pos == len(s.src) || s.src[s.pos] != '"' && s.src[s.pos] != '\'' {
		return malformed("attribute value without quotes")
	}
	quote := s.src[s.pos]
	s.pos++
	n := bytes.IndexByte(s.src[s.pos:], quote)
	if n < 0 {
		return malformed("unterminated attribute value")
	}
	if n > s.limits.Value {
		return idp.Refuse(idp.XMLSize, "attribute value of %d bytes, limit %d", n, s.limits.Value)
	}
	s.pos += n + 1
	return nil
}

// name passes over a name and returns it; empty when there is none.
func (s *scanner) name() []byte {
	start := s.pos
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\r', '\n', '/', '>', '<', '=', '"', '\'':
			return s.src[start:s.pos]
		}
		s.pos++
	}
	return s.src[start:]
}

func (s *scanner) space() {
	for s.pos < len(s.src) && isSpace(s.src[s.pos]) {
		s.pos++
	}
}

// checkName demands an ASCII name with at most one colon, inside: the names
// that encoding/xml reads as it writes them. SAML and XML Signature use no
// others.
func checkName(name []byte) error {
	prefix, local, prefixed := bytes.Cut(name, []byte(":"))
	if prefixed && (len(prefix) == 0 || len(local) == 0 || bytes.IndexByte(local, ':') >= 0) {
		return idp.Refuse(idp.XMLRoundtrip, "name with stray colons")
	}
	if !isASCIIName(prefix) || prefixed && !isASCIIName(local) {
		return malformed("name")
	}
	return nil
}

func isASCIIName(name []byte) bool {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '-' || c == '.')) {
			return false
		}
	}
	return len(name) > 0
}

// isLong reports whether an element's text may be as long as a certificate.
func isLong(name []byte) bool {
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	switch string(name) {
	case "X509Certificate", "X509CRL", "SignatureValue", "Modulus", "CipherValue":
		return true
	}
	return false
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

func malformed(what string) error {
	return idp.Refuse(idp.XMLSchema, "not well-formed: %s", what)
}
