package passkey

import "crypto/sha256"

// Challenge is the challenge of an approval: SHA-256 of the signed text
// (approval protocol 6.3). So the assertion covers what the person was shown.
func Challenge(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:]
}
