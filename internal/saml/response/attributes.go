package response

import (
	"slices"
	"unicode/utf8"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
	"github.com/latchkey-idp/latchkey/internal/saml/release"
)

const (
	nsSchema         = "http://www.w3.org/2001/XMLSchema"
	nsSchemaInstance = "http://www.w3.org/2001/XMLSchema-instance"
)

// Attribute is one attribute of the person as the service provider sees it.
type Attribute struct {
	Name, FriendlyName, NameFormat string
	Source                         []string // attributes of the directory that it comes from
	Values                         []string
}

// Attributes are what is released about u to sp by the deployment's rules, where
// index is the AttributeConsumingService that was chosen (nil: the default).
// Lines with the same name and name format add to one attribute. dropped names
// the attributes that hold a character which XML does not allow.
func Attributes(sp *idp.ServiceProvider, rules []idp.ReleaseRule, index *int, u *idp.User) (list []Attribute, dropped []string, err error) {
	plan, err := release.For(sp, rules, index)
	if err != nil {
		return nil, nil, err
	}
	for _, line := range plan.Lines {
		values := line.Of(u)
		switch {
		case len(values) == 0 && line.Required && len(line.Values(u)) == 0:
			return nil, nil, missing(sp, u, line.Source, "attribute "+line.Name)
		case len(values) == 0:
			continue
		case slices.ContainsFunc(values, illegal) && line.Required:
			return nil, nil, refuse(sp, idp.AttrIllegalChar, "attribute %s of user %s, required by %s, holds a character that XML does not allow",
				line.Name, u.Email, sp.EntityID)
		case slices.ContainsFunc(values, illegal):
			dropped = append(dropped, line.Name)
			continue
		}
		list = add(list, line.AttributeRule, values)
	}
	return list, dropped, nil
}

func add(list []Attribute, r mapping.AttributeRule, values []string) []Attribute {
	same := func(a Attribute) bool { return a.Name == r.Name && a.NameFormat == r.NameFormat }
	if i := slices.IndexFunc(list, same); i >= 0 {
		list[i].Values = append(list[i].Values, values...)
		return list
	}
	return append(list, Attribute{r.Name, r.FriendlyName, r.NameFormat, r.Source.Attributes(), values})
}

// attributeStatement adds the statement, unless it would be empty.
func attributeStatement(assertion *etree.Element, list []Attribute) {
	if len(list) == 0 {
		return
	}
	statement := assertion.CreateElement("saml:AttributeStatement")
	for _, a := range list {
		el := statement.CreateElement("saml:Attribute")
		setIf(el, "FriendlyName", a.FriendlyName)
		el.CreateAttr("Name", a.Name)
		el.CreateAttr("NameFormat", a.NameFormat)
		for _, v := range a.Values {
			value := child(el, "saml:AttributeValue", "xmlns:xs", nsSchema)
			value.CreateAttr("xmlns:xsi", nsSchemaInstance)
			value.CreateAttr("xsi:type", "xs:string")
			value.SetText(v)
		}
	}
}

// legal reports whether XML 1.0 can carry s (production Char).
func legal(s string) bool {
	for i, r := range s {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r < utf8.RuneError, r > 0xFFFF:
		case r == utf8.RuneError:
			if _, width := utf8.DecodeRuneInString(s[i:]); width == 1 {
				return false // not UTF-8
			}
		default:
			return false
		}
	}
	return true
}

func illegal(s string) bool { return !legal(s) }
