package login

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// A user code is 8 letters without vowels, so that it spells nothing, shown as
// BCDF-GHJK (3.1).
const (
	codeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	codeLength   = 8
	maxCodeInput = 64
)

// NewUserCode makes the 8 letters of a user code, each equally likely.
func NewUserCode(random io.Reader) (string, error) {
	const fair = 256 / len(codeAlphabet) * len(codeAlphabet) // bytes from here on would favour some letters
	letters := make([]byte, 0, codeLength)
	var b [1]byte
	for len(letters) < codeLength {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("read random byte: %w", err)
		}
		if int(b[0]) < fair {
			letters = append(letters, codeAlphabet[int(b[0])%len(codeAlphabet)])
		}
	}
	return string(letters), nil
}

// DisplayUserCode is how the letters are shown: BCDF-GHJK.
func DisplayUserCode(letters string) string {
	if len(letters) != codeLength {
		return letters
	}
	return letters[:codeLength/2] + "-" + letters[codeLength/2:]
}

// ParseUserCode gives the 8 letters of what somebody typed: spaces and hyphens
// are dropped, case does not matter (ASCII only). Error: qr_invalid.
func ParseUserCode(input string) (string, error) {
	invalid := idp.E(idp.QRInvalid, "not a user code")
	if len(input) > maxCodeInput {
		return "", invalid
	}
	var letters []byte
	for _, r := range input {
		switch {
		case r == '-' || unicode.IsSpace(r):
			continue
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		}
		if r > unicode.MaxASCII || strings.IndexByte(codeAlphabet, byte(r)) < 0 {
			return "", invalid
		}
		letters = append(letters, byte(r))
	}
	if len(letters) != codeLength {
		return "", invalid
	}
	return string(letters), nil
}
