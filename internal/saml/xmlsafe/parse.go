package xmlsafe

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Parse reads a document within l and returns its root, which has no parent.
// Every error is a refusal made by idp.Refuse with one of the XML reasons.
func Parse(src []byte, l Limits) (*etree.Element, error) {
	if len(src) > l.Bytes {
		return nil, idp.Refuse(idp.XMLSize, "document of %d bytes, limit %d", len(src), l.Bytes)
	}
	src, err := toUTF8(src, l)
	if err != nil {
		return nil, err
	}
	if err := scan(src, l); err != nil {
		return nil, err
	}
	return build(src)
}

// Is reports whether e is the element local of the namespace space. Prefixes
// never matter.
func Is(e *etree.Element, space, local string) bool {
	return e.Tag == local && e.NamespaceURI() == space
}

// Attr returns the value of the attribute that has no prefix and this name.
func Attr(e *etree.Element, name string) (value string, ok bool) {
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value, true
		}
	}
	return "", false
}

// builder turns tokens into a tree.
type builder struct {
	root  *etree.Element
	top   *etree.Element // innermost open element
	scope scope
	ids   map[string]struct{}
}

func build(src []byte) (*etree.Element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(src))
	b := builder{ids: make(map[string]struct{})}
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed("syntax") // the parser's words could quote the document
		}
		if err := b.add(token); err != nil {
			return nil, err
		}
	}
	if b.root == nil || b.top != nil {
		return nil, malformed("no root element, or not closed")
	}
	return b.root, nil
}

func (b *builder) add(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return b.open(t)
	case xml.EndElement:
		return b.close(t)
	case xml.CharData:
		return b.text(t)
	case xml.Comment:
		return nil // dropped; scan refused it where it is not allowed
	default:
		return malformed("directive or processing instruction")
	}
}

func (b *builder) open(t xml.StartElement) error {
	if b.top == nil && b.root != nil {
		return malformed("second root element")
	}
	e := etree.NewElement(qualified(t.Name))
	if b.top == nil {
		b.root = e
	} else {
		b.top.AddChild(e)
	}
	b.top = e
	if err := b.scope.enter(t); err != nil {
		return err
	}
	for _, a := range t.Attr {
		if a.Name.Space == "" && a.Name.Local == "ID" {
			if _, dup := b.ids[a.Value]; dup {
				return idp.Refuse(idp.XMLDuplicateID, "two elements with the same ID")
			}
			b.ids[a.Value] = struct{}{}
		}
		e.CreateAttr(qualified(a.Name), a.Value)
	}
	return nil
}

func (b *builder) close(t xml.EndElement) error {
	if b.top == nil || b.top.Space != t.Name.Space || b.top.Tag != t.Name.Local {
		return malformed("end tag without its start tag")
	}
	b.top = b.top.Parent()
	b.scope.leave()
	return nil
}

func (b *builder) text(t xml.CharData) error {
	if b.top != nil {
		b.top.CreateText(string(t))
		return nil
	}
	if len(bytes.Trim(t, " \t\r\n")) > 0 {
		return malformed("text outside the root element")
	}
	return nil
}

func qualified(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}
