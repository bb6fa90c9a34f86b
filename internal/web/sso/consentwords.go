package sso

import (
	"cmp"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/i18n"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// kinds are the messages "consent.kinds" for names that attributes commonly
// have: the last part of their Name, a FriendlyName, or the directory's name, in
// lower case.
var kinds = map[string]string{
	"mail": "email", "email": "email", "emailaddress": "email", "idpemail": "email", "urn:oid:0.9.2342.19200300.100.1.3": "email",
	"givenname": "given_name", "firstname": "given_name", "first_name": "given_name", "urn:oid:2.5.4.42": "given_name",
	"sn": "family_name", "surname": "family_name", "lastname": "family_name", "last_name": "family_name", "familyname": "family_name", "urn:oid:2.5.4.4": "family_name",
	"displayname": "name", "cn": "name", "name": "name", "urn:oid:2.16.840.1.113730.3.1.241": "name", "urn:oid:2.5.4.3": "name",
	"upn": "account", "userprincipalname": "account", "uid": "account", "username": "account",
	"edupersonprincipalname": "account", "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": "account",
	"subject-id": "id", "pairwise-id": "id", "id": "id", "edupersonuniqueid": "id",
	"edupersonaffiliation": "affiliation", "edupersonscopedaffiliation": "affiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.1": "affiliation", "urn:oid:1.3.6.1.4.1.5923.1.1.1.9": "affiliation",
	"groups": "groups", "group": "groups", "memberof": "groups", "ismemberof": "groups", "role": "groups", "roles": "groups",
	"edupersonentitlement": "groups", "urn:oid:1.3.6.1.4.1.5923.1.1.1.7": "groups",
	"telephonenumber": "phone", "mobile": "phone", "phone": "phone", "urn:oid:2.5.4.20": "phone",
	"o": "organization", "organization": "organization", "urn:oid:2.5.4.10": "organization",
	"department": "department", "ou": "department", "employeenumber": "employee", "employeeid": "employee",
	"preferredlanguage": "language", "locale": "language", "title": "job", "jobtitle": "job",
}

// kindOfAttribute finds the plain word for an attribute; empty: there is none.
func kindOfAttribute(a response.Attribute) string {
	name := strings.ToLower(a.Name)
	candidates := []string{name, name[strings.LastIndexAny(name, "/:#")+1:], strings.ToLower(a.FriendlyName)}
	if len(a.Source) == 1 {
		candidates = append(candidates, strings.ToLower(a.Source[0]))
	}
	for _, c := range candidates {
		if kind := kinds[c]; kind != "" {
			return kind
		}
	}
	return ""
}

// items are what is shown to the person: nothing of metadata is among it.
func (r *released) items(l i18n.Locale, app string) ([]pages.ConsentItem, error) {
	var out []pages.ConsentItem
	if r.Format != "" {
		label, err := l.T("consent.name_id")
		if err != nil {
			return nil, err
		}
		words, key := r.NameID, "consent.only_here"
		if r.Format == idp.NameIDTransient {
			key = "consent.each_time"
		}
		if words == "" {
			if words, err = l.T(key, "app", app); err != nil {
				return nil, err
			}
		}
		out = append(out, pages.ConsentItem{Label: label, Values: []string{words}})
	}
	for _, a := range r.Attributes {
		item := pages.ConsentItem{Label: cmp.Or(a.FriendlyName, a.Name), Raw: true, Name: a.Name, Values: a.Values}
		if kind := kindOfAttribute(a); kind != "" {
			label, err := l.T("consent.kinds." + kind)
			if err != nil {
				return nil, err
			}
			item.Label, item.Raw = label, false
		}
		if item.Label == item.Name {
			item.Name = ""
		}
		out = append(out, item)
	}
	return out, nil
}
