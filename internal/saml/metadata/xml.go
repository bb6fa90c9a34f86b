package metadata

import (
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// Namespaces of metadata and of what it holds.
const (
	nsMD     = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsMDUI   = "urn:oasis:names:tc:SAML:metadata:ui"
	nsALG    = "urn:oasis:names:tc:SAML:metadata:algsupport"
	nsSAMLP  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsDS     = "http://www.w3.org/2000/09/xmldsig#"
	nsXENC   = "http://www.w3.org/2001/04/xmlenc#"
	nsXENC11 = "http://www.w3.org/2009/xmlenc11#"
)

// children are the child elements ns:tag of parent, which may be nil.
func children(parent *etree.Element, ns, tag string) []*etree.Element {
	if parent == nil {
		return nil
	}
	var out []*etree.Element
	for el := range parent.ChildElementsSeq() {
		if xmlsafe.Is(el, ns, tag) {
			out = append(out, el)
		}
	}
	return out
}

// child is the first of children, or nil.
func child(parent *etree.Element, ns, tag string) *etree.Element {
	if all := children(parent, ns, tag); len(all) > 0 {
		return all[0]
	}
	return nil
}

// attr is the value of an attribute without a namespace, which is another one
// than hoksso:name; white space at both ends means nothing in any type of the
// schema.
func attr(el *etree.Element, name string) string {
	value, _ := xmlsafe.Attr(el, name)
	return strings.TrimSpace(value)
}

// flag reads an xs:boolean: nil where it is absent or neither.
func flag(el *etree.Element, name string) *bool {
	yes := true
	no := false
	switch attr(el, name) {
	case "true", "1":
		return &yes
	case "false", "0":
		return &no
	}
	return nil
}

// text is the whole text of an element. (etree's Text stops at the first thing
// that is not text.)
func text(el *etree.Element) string {
	var b strings.Builder
	for _, t := range el.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// localized picks the English one of elements with xml:lang, else the first
// that has a text.
func localized(all []*etree.Element) string {
	var first string
	for _, el := range all {
		t := text(el)
		if lang := el.SelectAttrValue("xml:lang", ""); t != "" && (lang == "en" || strings.HasPrefix(lang, "en-")) {
			return t
		}
		if first == "" {
			first = t
		}
	}
	return first
}

// dateTime reads an xs:dateTime; without a zone it is UTC (SAML Core 1.3.3).
func dateTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), nil
	}
	return time.Parse("2006-01-02T15:04:05", s)
}
