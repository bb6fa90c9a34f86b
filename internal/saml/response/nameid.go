package response

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
)

const (
	maxMicrosoft  = 64  // characters of a NameID that Microsoft accepts
	maxPersistent = 256 // SAML Core 8.3.7
)

// nameID is a NameID to send; the zero nameID sends none.
type nameID struct {
	value, format string
	warnings      []string
}

// NameIDFor is the NameID that u has at sp, both empty where sp gets none.
// requested is the format of NameIDPolicy (empty: sp's default). Generated
// identifiers are made with pairwise, a 32-byte key, and transient ones with
// seed, the login's session.
//
// Errors: *saml.StatusError (InvalidNameIDPolicy) for a format that cannot be
// served; *idp.Error with SignInRefused when u lacks what the mapping needs.
func NameIDFor(sp *idp.ServiceProvider, requested string, u *idp.User, pairwise []byte, seed string) (value, format string, err error) {
	id, err := nameIDFor(sp, requested, u, pairwise, seed)
	return id.value, id.format, err
}

func nameIDFor(sp *idp.ServiceProvider, requested string, u *idp.User, pairwise []byte, seed string) (nameID, error) {
	rule, err := mapping.NameIDOf(sp)
	if err != nil {
		return nameID{}, err
	}
	if !rule.Serves(requested) {
		return nameID{}, &saml.StatusError{
			Top: saml.StatusRequester, Second: saml.StatusInvalidNameIDPolicy,
			Message: "The requested NameID format is not available to this service provider.",
		}
	}
	if requested == idp.NameIDTransient && rule.Format != requested {
		rule = mapping.NameIDRule{Format: idp.NameIDTransient}
	}
	switch {
	case rule.None():
		return nameID{}, nil
	case rule.Generated():
		value, err := generate(rule.Format, sp, u, pairwise, seed)
		return nameID{value: value, format: rule.Format}, err
	}
	return fromDirectory(rule, sp, u)
}

// fromDirectory takes the NameID from the user's attributes: exactly one value
// that the service provider can store.
func fromDirectory(rule mapping.NameIDRule, sp *idp.ServiceProvider, u *idp.User) (nameID, error) {
	values := rule.Values(u)
	if len(values) == 0 {
		return nameID{}, missing(sp, u, rule.Source, "NameID")
	}
	id := nameID{value: values[0], format: rule.Format}
	if len(values) > 1 {
		return nameID{}, refuse(sp, idp.AttrMissing, "user %s has %d values of %s, exactly one is required as NameID by %s",
			u.Email, len(values), anyOf(rule.Source), sp.EntityID)
	}
	if !legal(id.value) {
		return nameID{}, refuse(sp, idp.AttrIllegalChar, "%s of user %s, required as NameID by %s, holds a character that XML does not allow",
			anyOf(rule.Source), u.Email, sp.EntityID)
	}
	if limit := maxLength(sp, rule.Format); limit > 0 && len([]rune(id.value)) > limit {
		return nameID{}, refuse(sp, idp.AttrTooLarge, "%s of user %s, required as NameID by %s, is longer than %d characters",
			anyOf(rule.Source), u.Email, sp.EntityID, limit)
	}
	if microsoft(sp) && strings.ContainsFunc(id.value, unsafeForMicrosoft) {
		id.warnings = append(id.warnings, "NameID holds characters that Microsoft wants escaped; add the transform msdot if sign-in fails with AADSTS51004")
	}
	return id, nil
}

func maxLength(sp *idp.ServiceProvider, format string) int {
	switch {
	case microsoft(sp):
		return maxMicrosoft
	case format == idp.NameIDPersistent:
		return maxPersistent
	}
	return 0
}

// microsoft reports whether sp is Entra ID (any cloud).
func microsoft(sp *idp.ServiceProvider) bool {
	return sp.EntityID == "urn:federation:MicrosoftOnline" || sp.EntityID == "urn:federation:partner.microsoftonline.cn"
}

// unsafeForMicrosoft holds for what is neither a letter, a digit nor one of
// the marks that e-mail addresses and the base64 of a GUID are full of.
func unsafeForMicrosoft(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._@=/", r)
}

// generate makes a pairwise persistent or a transient identifier. Lower-case
// base32, so that no two differ by case only.
func generate(format string, sp *idp.ServiceProvider, u *idp.User, pairwise []byte, seed string) (string, error) {
	if len(pairwise) != sha256.Size {
		return "", errors.New("generate NameID: no 32-byte key for pairwise identifiers")
	}
	if u.ID == "" || seed == "" && format == idp.NameIDTransient {
		return "", errors.New("generate NameID: no user id or seed")
	}
	mac := hmac.New(sha256.New, pairwise)
	if format == idp.NameIDTransient {
		// An entityID is never empty, so this never equals a persistent input.
		mac.Write([]byte("\x00transient\x00" + sp.EntityID + "\x00" + seed))
		return "_" + encode(mac.Sum(nil)), nil
	}
	mac.Write([]byte(sp.EntityID + "\x00" + u.ID))
	return encode(mac.Sum(nil)), nil
}

func encode(b []byte) string { return strings.ToLower(idp.Base32.EncodeToString(b)) }

func missing(sp *idp.ServiceProvider, u *idp.User, source mapping.Expr, what string) *idp.Error {
	return refuse(sp, idp.AttrMissing, "user %s has no attribute %s, required as %s by %s",
		u.Email, anyOf(source), what, sp.EntityID)
}

func anyOf(source mapping.Expr) string { return strings.Join(source.Attributes(), " or ") }

// refuse is what the person and the log are told when the directory does not
// hold what the service provider needs.
func refuse(sp *idp.ServiceProvider, reason idp.Reason, format string, args ...any) *idp.Error {
	return &idp.Error{
		Code: idp.SignInRefused, Reason: reason, SP: sp.EntityID, App: sp.Name,
		Args:   map[string]string{"app": sp.Name},
		Detail: fmt.Sprintf(format, args...),
	}
}
