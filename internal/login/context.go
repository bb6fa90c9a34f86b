package login

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// ContextVersion is the version of the contexts made here.
const ContextVersion = 1

// Unknown stands for a browser, system or address that is not known.
const Unknown = "unknown"

// CanonicalContext is the context as RFC 8785 (JCS) JSON. It is written by hand
// because encoding/json escapes U+2028 and U+2029, which JCS does not.
func CanonicalContext(c idp.Context) ([]byte, error) {
	const maxSafe = 1<<53 - 1 // larger integers are not exact in JSON's number model
	if v := int64(c.V); min(c.RequestedAt, v) < -maxSafe || max(c.RequestedAt, v) > maxSafe {
		return nil, errors.New("serialize context: number out of range")
	}
	var w jcs
	w.raw(`{"app":{"entity_id":`).text(c.App.EntityID)
	w.raw(`,"host":`).text(c.App.Host)
	w.raw(`,"name":`).text(c.App.Name)
	w.raw(`},"browser":`).text(c.Browser)
	w.raw(`,"ip":`).text(c.IP)
	w.raw(`,"os":`).text(c.OS)
	w.raw(`,"place":`).text(c.Place)
	w.raw(`,"requested_at":` + strconv.FormatInt(c.RequestedAt, 10))
	w.raw(`,"v":` + strconv.Itoa(c.V) + `}`)
	if w.invalid {
		return nil, errors.New("serialize context: value is not UTF-8")
	}
	return w.out, nil
}

// ContextHash is the base64url SHA-256 of the canonical context.
func ContextHash(c idp.Context) (string, error) {
	b, err := CanonicalContext(c)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return idp.Base64.EncodeToString(sum[:]), nil
}

// hashOf is the base64url SHA-256 of a new device's context (11.4).
func hashOf(c idp.AddContext) (string, error) {
	var w jcs
	w.raw(`{"device":`).text(c.Device)
	w.raw(`,"ip":`).text(c.IP)
	w.raw(`,"kind":`).text(c.Kind)
	w.raw(`,"place":`).text(c.Place)
	w.raw(`,"requested_at":` + strconv.FormatInt(c.RequestedAt, 10) + `,"v":` + strconv.Itoa(c.V) + `}`)
	if w.invalid {
		return "", errors.New("context of a new device is not UTF-8")
	}
	sum := sha256.Sum256(w.out)
	return idp.Base64.EncodeToString(sum[:]), nil
}

// jcs writes the parts of RFC 8785 that a context needs.
type jcs struct {
	out     []byte
	invalid bool
}

func (w *jcs) raw(s string) *jcs {
	w.out = append(w.out, s...)
	return w
}

var shortEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`}

// text writes a string as RFC 8785, 3.2.2.2 says: short escapes where there
// are, \u00xx for the other control characters, everything else as it is.
func (w *jcs) text(s string) {
	w.invalid = w.invalid || !utf8.ValidString(s)
	w.out = append(w.out, '"')
	for _, r := range s {
		if esc, ok := shortEscapes[r]; ok {
			w.out = append(w.out, esc...)
		} else if r < 0x20 {
			w.out = fmt.Appendf(w.out, `\u%04x`, r)
		} else {
			w.out = utf8.AppendRune(w.out, r)
		}
	}
	w.out = append(w.out, '"')
}
