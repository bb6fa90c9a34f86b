package login

import (
	"fmt"
	"io"
	"math/big"
	"strings"

	"crypto/rand"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// NewNumber makes a number of so many digits to be shown on the screen and
// typed on the phone (6.7).
func NewNumber(random io.Reader, digits int) (string, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n, err := rand.Int(random, limit)
	if err != nil {
		return "", fmt.Errorf("make number: %w", err)
	}
	return fmt.Sprintf("%0*d", digits, n), nil
}

// DisplayNumber is how a number is shown: 482 915.
func DisplayNumber(number string) string {
	if len(number) != 6 {
		return number
	}
	return number[:3] + " " + number[3:]
}

// ParseNumber reads a typed number; ok is false for one that is none.
func ParseNumber(typed string) (number string, ok bool) {
	if typed == "" || len(typed) > 8 || strings.Trim(typed, "0123456789") != "" {
		return "", false
	}
	return typed, true
}

// NumberMatches compares a typed number with the session's, in constant time.
// A session without a number is matched by nothing.
func NumberMatches(s idp.QRSession, typed string) bool {
	return idp.Equal([]byte(s.Number), []byte(typed))
}
