package idp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// Base32 is RFC 4648 base32, upper case, without padding: ids and frames.
var Base32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// Base64 is base64url without padding that refuses non-zero spare bits.
var Base64 = base64.RawURLEncoding.Strict()

// DecodeBase32 decodes exactly n bytes and refuses everything that Base32
// would not have produced: padding, lower case, line breaks, spare bits.
func DecodeBase32(s string, n int) ([]byte, error) {
	b, err := Base32.DecodeString(s)
	if err != nil || len(b) != n || Base32.EncodeToString(b) != s {
		return nil, fmt.Errorf("not %d bytes of base32", n)
	}
	return b, nil
}

// DecodeBase64 decodes exactly n bytes (any number for n < 0) of base64url and
// refuses everything that Base64 would not have produced.
func DecodeBase64(s string, n int) ([]byte, error) {
	b, err := Base64.DecodeString(s)
	if err != nil || n >= 0 && len(b) != n || Base64.EncodeToString(b) != s {
		return nil, fmt.Errorf("not %d bytes of base64url", n)
	}
	return b, nil
}

// Secret is a bearer value: a cookie, a token, a claim key. It cannot be
// logged or printed; only its hash is stored.
type Secret []byte

// NewSecret reads n random bytes.
func NewSecret(random io.Reader, n int) (Secret, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	return b, nil
}

// Reveal is the base64url form for the one place that hands the secret out.
func (s Secret) Reveal() string { return Base64.EncodeToString(s) }

// Hash is SHA-256 of the bytes: the stored form.
func (s Secret) Hash() [32]byte { return sha256.Sum256(s) }

// String hides the value.
func (s Secret) String() string { return "[secret]" }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return "[secret]" }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Equal compares two hashes or MACs in constant time. Empty never equals.
func Equal(a, b []byte) bool {
	return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1
}

// NewID reads 16 random bytes and returns them as base32 (26 characters).
func NewID(random io.Reader) (string, error) {
	s, err := NewSecret(random, 16)
	if err != nil {
		return "", err
	}
	return Base32.EncodeToString(s), nil
}
