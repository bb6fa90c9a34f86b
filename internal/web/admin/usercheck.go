package admin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Limits of what is stored about a person.
const (
	maxEmail      = 254
	maxText       = 256
	maxAttributes = 100
	maxValues     = 1000
	maxValue      = 4096
	maxUser       = 64 << 10 // all attributes together
)

// checkUser refuses what could not be used: every value may have to stand in
// XML, on a page and on a terminal.
func checkUser(u *idp.User) error {
	if err := checkEmail(u.Email); err != nil {
		return err
	}
	for _, f := range []struct{ name, value string }{
		{"user_principal_name", u.UPN}, {"given_name", u.GivenName}, {"family_name", u.FamilyName}, {"display_name", u.DisplayName},
	} {
		if err := checkText(f.value, maxText); err != nil {
			return invalid("%s %v", f.name, err)
		}
	}
	if len(u.Attributes) > maxAttributes {
		return invalid("there are more than %d attributes", maxAttributes)
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(u.Attributes)) {
		if err := checkAttribute(name, u.Attributes[name]); err != nil {
			return err
		}
		for _, v := range u.Attributes[name] {
			size += len(v)
		}
	}
	if size > maxUser {
		return invalid("the attributes have more than %d bytes together", maxUser)
	}
	return nil
}

// checkEmail asks for one @ with text around it and nothing invisible; whether
// mail arrives is not our question.
func checkEmail(email string) error {
	local, domain, ok := strings.Cut(email, "@")
	switch {
	case email == "":
		return invalid("email is missing")
	case !ok || local == "" || domain == "" || strings.Contains(domain, "@"):
		return invalid("email %q is not an address like ana@example.com", email)
	case strings.ContainsFunc(email, unicode.IsSpace):
		return invalid("email %q holds a space", email)
	}
	if err := checkText(email, maxEmail); err != nil {
		return invalid("email %v", err)
	}
	return nil
}

// checkAttribute judges a custom attribute. Its name is what mapping lines can
// read, and not one that every user has.
func checkAttribute(name string, values []string) error {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.:/#@", r)
	}
	switch {
	case name == "" || len(name) > maxText || strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }):
		return invalid("attribute %q: a name is letters, digits and -_.:/#@", name)
	case slices.Contains(idp.BuiltinAttributes(), name):
		return invalid("attribute %q: every user has it; set the field of that name", name)
	case len(values) > maxValues:
		return invalid("attribute %q has more than %d values", name, maxValues)
	}
	for _, v := range values {
		if err := checkText(v, maxValue); err != nil {
			return invalid("attribute %q %v", name, err)
		}
	}
	return nil
}

func checkText(s string, most int) error {
	switch {
	case len(s) > most:
		return fmt.Errorf("is longer than %d bytes", most)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, hidden):
		return errors.New("holds characters that cannot be seen")
	}
	return nil
}

// hidden reports control, format and private characters; joiners stay, which
// some scripts need.
func hidden(r rune) bool {
	return r == utf8.RuneError || unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) && r != '\u200c' && r != '\u200d' ||
		r == 0xFFFE || r == 0xFFFF
}
