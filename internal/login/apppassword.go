package login

import (
	"crypto/sha256"
	"io"
)

// appPasswordLength is that of an app password: 140 random bits.
const appPasswordLength = 28

// NewAppPassword makes 28 characters of 5 random bits each.
func NewAppPassword(random io.Reader) (string, error) { return newCode(random, appPasswordLength) }

// AppPasswordHash is the stored form. So long a random value needs neither a key
// nor slowness.
func AppPasswordHash(characters string) []byte {
	sum := sha256.Sum256([]byte("latchkey-app-password/1" + characters))
	return sum[:]
}

// ParseAppPassword reads what a person copied or typed: upper and lower case,
// spaces and dashes, O for 0, I and L for 1.
func ParseAppPassword(typed string) (string, error) { return parseCode(typed, appPasswordLength) }
