package mapping

import (
	"fmt"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// NameIDOf reads a service provider's NameID line; one without a line gets
// transient identifiers.
func NameIDOf(sp *idp.ServiceProvider) (NameIDRule, error) {
	if sp.NameID == "" {
		return NameIDRule{Format: idp.NameIDTransient}, nil
	}
	rule, err := ParseNameID(sp.NameID)
	if err != nil {
		return rule, fmt.Errorf("read NameID mapping of %s: %w", sp.EntityID, err)
	}
	return rule, nil
}

// Serves reports whether the rule can answer a NameIDPolicy that asks for a
// format. A transient identifier says less than any other and is made for
// whoever asks: many service providers do so unless told otherwise.
func (r NameIDRule) Serves(requested string) bool {
	switch requested {
	case "", idp.NameIDUnspecified, r.Format:
		return true
	case idp.NameIDTransient:
		return !r.None()
	}
	return false
}
