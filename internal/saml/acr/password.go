package acr

import (
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// PasswordProtectedTransport is what a sign-in by an app password is: below
// every level of ours.
const PasswordProtectedTransport = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

// passwords are the classes that such a sign-in truly is of.
var passwords = []string{PasswordProtectedTransport, "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"}

// ResolvePassword is Resolve for a sign-in by an app password. It is never more
// than that: sp's default class and its map are about approvals, and a class
// that the map gives to one of our levels demands that level.
func ResolvePassword(sp *idp.ServiceProvider, requested []string, comparison string) (class string, ok bool) {
	if sp.MinACR != "" || sp.QRPolicy == idp.QRPolicyOff {
		return "", false
	}
	if len(requested) == 0 {
		return PasswordProtectedTransport, true
	}
	for _, c := range requested {
		_, mapped := sp.ACRMap[c]
		_, known := levelOf(sp, c)
		switch {
		case slices.Contains(passwords, c) && !mapped && comparison != Better:
			return c, true
		case comparison == Maximum && known:
			return PasswordProtectedTransport, true
		}
	}
	return "", false
}
