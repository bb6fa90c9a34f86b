package response

import (
	"github.com/latchkey-idp/latchkey/internal/idp"
)

// SubjectMatches reports whether u is the person whom the request's Subject
// names (SAML Core 3.4.1): the NameID that we would issue, or the e-mail
// address or userPrincipalName where the format leaves that open. A request
// without a Subject matches everyone.
func SubjectMatches(sp *idp.ServiceProvider, login *idp.Login, u *idp.User, pairwise []byte, seed string) bool {
	s := login.Subject
	if s == nil {
		return true
	}
	if s.NameQualifier != "" && s.NameQualifier != login.Issuer ||
		s.SPNameQualifier != "" && s.SPNameQualifier != sp.EntityID {
		return false
	}
	open := s.Format == "" || s.Format == idp.NameIDUnspecified
	value, format, err := NameIDFor(sp, login.NameIDFormat, u, pairwise, seed)
	if err == nil && value != "" && value == s.NameID && (open || s.Format == format) {
		return true
	}
	if !open && s.Format != idp.NameIDEmail {
		return false
	}
	return sameAddress(s.NameID, u.Email) || sameAddress(s.NameID, u.PrincipalName())
}

// sameAddress compares addresses without regard to the case of ASCII letters.
// Unicode folding would make different people equal.
func sameAddress(a, b string) bool {
	if a == "" || len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
