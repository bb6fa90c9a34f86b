package acr

import "github.com/latchkey-idp/latchkey/internal/idp"

// Levels of sign-ins. More is stronger.
const (
	LevelQR    = 10 // QR code, user code or push, with a user check on the phone
	LevelPHR   = 20 // WebAuthn in the browser that signs in
	LevelPHRHW = 30 // the same with an attested, device-bound key
)

// Comparisons of RequestedAuthnContext. Empty means Exact.
const (
	Exact   = "exact"
	Minimum = "minimum"
	Better  = "better"
	Maximum = "maximum"
)

// own are our classes, strongest first.
var own = []struct {
	class string
	level int
}{
	{idp.ACRPHRHW, LevelPHRHW},
	{idp.ACRPHR, LevelPHR},
	{idp.ACRQR, LevelQR},
}

// foreign are the classes that every service provider may ask for; ACRMap adds
// more and overrides these.
var foreign = map[string]int{
	PasswordProtectedTransport: LevelQR,
	"urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered": LevelQR,
	"urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract":     LevelQR,
	"urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified":                 LevelQR,
}

// Resolve returns the class that an answer to sp states after a sign-in of
// level, or false when the level does not meet what was requested. Without a
// request it is sp's default class, else the true one.
func Resolve(sp *idp.ServiceProvider, requested []string, comparison string, level int) (class string, ok bool) {
	if len(requested) == 0 {
		if sp.DefaultACR != "" {
			return sp.DefaultACR, true
		}
		return trueClass(level), true
	}
	lowest, highest, allKnown := bounds(sp, requested)
	if highest == 0 { // not one class that we know
		return "", false
	}
	switch comparison {
	case "", Exact:
		return firstMet(sp, requested, level)
	case Minimum:
		ok = level >= lowest
	case Maximum:
		ok = level <= highest
	case Better:
		// None of the classes asked for is better than itself.
		return trueClass(level), allKnown && level > highest
	}
	if !ok {
		return "", false
	}
	if class, named := firstMet(sp, requested, level); named {
		return class, true
	}
	return trueClass(level), true
}

// Satisfiable reports whether any level up to reachable meets a request, so
// that a request which nobody could ever meet is answered on arrival.
func Satisfiable(sp *idp.ServiceProvider, requested []string, comparison string, reachable int) bool {
	for _, o := range own {
		if o.level > reachable {
			continue
		}
		if _, ok := Resolve(sp, requested, comparison, o.level); ok {
			return true
		}
	}
	return false
}

// Demanded is the level that sp demands of every sign-in.
func Demanded(sp *idp.ServiceProvider) int {
	level := max(LevelQR, LevelOf(sp.MinACR))
	if sp.QRPolicy == idp.QRPolicyOff {
		level = max(level, LevelPHR)
	}
	return level
}

// Class is our own class for a level.
func Class(level int) string { return trueClass(level) }

// LevelOf is the level of one of our own classes; 0 for any other.
func LevelOf(class string) int {
	for _, o := range own {
		if o.class == class {
			return o.level
		}
	}
	return 0
}

// levelOf is the level that a class demands of a sign-in to sp.
func levelOf(sp *idp.ServiceProvider, class string) (level int, known bool) {
	if mapped, ok := sp.ACRMap[class]; ok {
		class = mapped
	}
	for _, o := range own {
		if o.class == class {
			return o.level, true
		}
	}
	level, known = foreign[class]
	return level, known
}

// bounds gives the lowest and highest level of the classes that are known.
func bounds(sp *idp.ServiceProvider, classes []string) (lowest, highest int, allKnown bool) {
	allKnown = true
	for _, c := range classes {
		level, known := levelOf(sp, c)
		if !known {
			allKnown = false
			continue
		}
		if lowest == 0 || level < lowest {
			lowest = level
		}
		highest = max(highest, level)
	}
	return lowest, highest, allKnown
}

// firstMet returns the first class requested that level meets: requests list
// them by preference.
func firstMet(sp *idp.ServiceProvider, requested []string, level int) (class string, ok bool) {
	for _, c := range requested {
		if l, known := levelOf(sp, c); known && l <= level {
			return c, true
		}
	}
	return "", false
}

// trueClass is our own class for a level.
func trueClass(level int) string {
	for _, o := range own {
		if o.level <= level {
			return o.class
		}
	}
	return idp.ACRQR
}
