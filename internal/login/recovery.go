package login

import (
	"fmt"
	"io"
	"strings"
)

// RecoveryCodeCount is how many recovery codes a person gets at once (12.3).
const RecoveryCodeCount = 8

// crockford is Crockford's base32 alphabet, which has no I, L, O and U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const recoveryLength = 16

// NewRecoveryCode makes 16 characters of 5 random bits each: what RecoveryHash
// takes.
func NewRecoveryCode(random io.Reader) (string, error) {
	b := make([]byte, recoveryLength)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("make recovery code: %w", err)
	}
	for i := range b {
		b[i] = crockford[b[i]&31]
	}
	return string(b), nil
}

// DisplayRecoveryCode puts a code into groups of four.
func DisplayRecoveryCode(code string) string {
	return code[:4] + "-" + code[4:8] + "-" + code[8:12] + "-" + code[12:]
}

// ParseRecoveryCode reads what a person typed: upper and lower case, spaces and
// dashes, O for 0, I and L for 1.
func ParseRecoveryCode(typed string) (string, error) {
	if len(typed) > 64 {
		return "", fmt.Errorf("recovery code is too long")
	}
	code := strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
	if len(code) != recoveryLength || strings.Trim(code, crockford) != "" {
		return "", fmt.Errorf("not the %d characters of a recovery code", recoveryLength)
	}
	return code, nil
}
