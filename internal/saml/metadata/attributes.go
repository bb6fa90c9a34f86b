package metadata

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

const (
	nsMDAttr    = "urn:oasis:names:tc:SAML:metadata:attribute"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"

	maxAttributes = 500  // of each kind, of an entity
	maxText       = 1024 // characters of a name or a value
)

// readEntityAttributes reads mdattr:EntityAttributes of the entity itself (SAML
// V2.0 Metadata Extension for Entity Attributes 2.1). Those of an
// EntitiesDescriptor around it are not read: an entity that is signed alone, or
// taken out of a large file, comes without them. Signed assertions are not read
// either: what counts is who signed the metadata. Values that cannot be compared
// with a rule (markup, too long) are left out with a note.
func (r *reader) readEntityAttributes() {
	skipped := 0
	for _, all := range children(child(r.entity, nsMD, "Extensions"), nsMDAttr, "EntityAttributes") {
		for _, attribute := range children(all, nsAssertion, "Attribute") {
			skipped += r.readEntityAttribute(attribute)
		}
	}
	if skipped > 0 {
		r.note("%d values of entity attributes cannot be used and were left out.", skipped)
	}
	if n := len(r.sp.EntityAttributes); n > 0 && r.sp.MetadataSigned != Verified {
		r.note("It says %d entity attributes of itself, for which nobody vouches: no release rule follows them unless you confirm them (--entity-attribute NAME=VALUE), "+
			"or the metadata is verified with a pinned certificate.", n)
	}
}

func (r *reader) readEntityAttribute(el *etree.Element) (skipped int) {
	name := attr(el, "Name")
	for _, v := range children(el, nsAssertion, "AttributeValue") {
		a := idp.EntityAttribute{Name: name, Value: text(v)}
		switch {
		case !usable(a.Name) || !usable(a.Value) || len(v.ChildElements()) > 0 || len(r.sp.EntityAttributes) >= maxAttributes:
			skipped++
		case !slices.Contains(r.sp.EntityAttributes, a):
			r.sp.EntityAttributes = append(r.sp.EntityAttributes, a)
		}
	}
	return skipped
}

// readAttributeServices reads the AttributeConsumingServices.
func (r *reader) readAttributeServices() error {
	var wanted []string
	for i, el := range children(r.role, nsMD, "AttributeConsumingService") {
		s := idp.AttributeService{Index: i, IsDefault: flag(el, "isDefault")}
		if n, err := strconv.ParseUint(attr(el, "index"), 10, 16); err == nil {
			s.Index = int(n)
		}
		for _, el := range children(el, nsMD, "RequestedAttribute") {
			a, ok := requested(el)
			if !ok {
				r.note("A RequestedAttribute without a usable name was left out.")
				continue
			}
			s.Requested = append(s.Requested, a)
			wanted = append(wanted, described(el, a))
		}
		r.sp.AttributeServices = append(r.sp.AttributeServices, s)
		if len(wanted) > maxAttributes || i >= maxAttributes {
			return refuse("it asks for more than %d attributes", maxAttributes).at(r.role.GetPath())
		}
	}
	if len(wanted) > 0 {
		r.note("It asks for these attributes: %s.", strings.Join(wanted, ", "))
	}
	return nil
}

func requested(el *etree.Element) (idp.RequestedAttribute, bool) {
	required := flag(el, "isRequired")
	a := idp.RequestedAttribute{Name: attr(el, "Name"), NameFormat: attr(el, "NameFormat"), Required: required != nil && *required}
	if a.NameFormat == idp.AttrNameUnspecified {
		a.NameFormat = ""
	}
	for _, v := range children(el, nsAssertion, "AttributeValue") {
		value := text(v)
		if !usable(value) || len(v.ChildElements()) > 0 {
			return a, false // without its values it would ask for more than it does
		}
		a.Values = append(a.Values, value)
	}
	return a, usable(a.Name) && (a.NameFormat == "" || usable(a.NameFormat))
}

// described names a requested attribute for an administrator.
func described(el *etree.Element, a idp.RequestedAttribute) string {
	name := clip(a.Name)
	if friendly, _ := xmlsafe.Attr(el, "FriendlyName"); friendly != "" {
		name += " (" + clip(friendly) + ")"
	}
	if a.Required {
		name += " required"
	}
	return name
}

// usable: one line of printable text that a rule could name.
func usable(s string) bool {
	return s != "" && len(s) <= maxText && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7F && r <= 0x9F || r == '\u2028' || r == '\u2029' || r == '\uFFFD'
	})
}
