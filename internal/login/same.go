package login

import (
	"reflect"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Same reports whether an event changed nothing, so that nothing is written.
func Same(a, b idp.QRSession) bool {
	a.Version, b.Version = 0, 0
	return reflect.DeepEqual(a, b)
}

// MayExtend reports whether the screen can still ask for more time (T3).
func MayExtend(s idp.QRSession) bool {
	return s.State == created && notExtended(s, extendedInCreated) == nil
}
