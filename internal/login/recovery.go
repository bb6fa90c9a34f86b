package login

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// RecoveryCodeCount is how many recovery codes a person gets at once (12.3).
const RecoveryCodeCount = 8

// crockford is Crockford's base32 alphabet, which has no I, L, O and U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const recoveryLength = 16

// NewRecoveryCode makes 16 characters of 5 random bits each: what RecoveryHash
// takes.
func NewRecoveryCode(random io.Reader) (string, error) { return newCode(random, recoveryLength) }

// newCode makes n characters of 5 random bits each.
func newCode(random io.Reader, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("make code: %w", err)
	}
	for i := range b {
		b[i] = crockford[b[i]&31]
	}
	return string(b), nil
}

// DisplayCode puts a recovery code or an app password into groups of four.
func DisplayCode(code string) string {
	var groups []string
	for group := range slices.Chunk([]byte(code), 4) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, "-")
}

// ParseRecoveryCode reads what a person typed: upper and lower case, spaces and
// dashes, O for 0, I and L for 1.
func ParseRecoveryCode(typed string) (string, error) { return parseCode(typed, recoveryLength) }

func parseCode(typed string, n int) (string, error) {
	if len(typed) > 64 {
		return "", fmt.Errorf("code is too long")
	}
	code := strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
	if len(code) != n || strings.Trim(code, crockford) != "" {
		return "", fmt.Errorf("not %d characters of a code", n)
	}
	return code, nil
}
