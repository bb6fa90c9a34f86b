package obs

import (
	"regexp"
	"strings"
)

// maxText bounds one logged string; details may quote what came from outside.
const maxText = 2048

var (
	// A QR frame: version, sid, number, tag (approval-protocol.md 3.3).
	frame = regexp.MustCompile(`\b\d\.[A-Z2-7]{26}\.\d+\.[A-Z2-7]{16}\b`)

	// 30 bytes of base64 or more: cookies, tokens, claim keys, JWS, certificates.
	opaque = regexp.MustCompile(`[A-Za-z0-9+_=-]{40,}`)

	email = regexp.MustCompile(`[^\s"'<>(),;:=/]+@[^\s"'<>(),;:=/@]+\.[^\s"'<>(),;:=/@]+`)

	markup = regexp.MustCompile(`(?s)<[/?!A-Za-z][^>]*>.*`)
)

// scrub masks what looks like a secret, markup or an e-mail address.
func scrub(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	s = markup.ReplaceAllString(s, "[markup]")
	s = frame.ReplaceAllString(s, "[frame]")
	s = email.ReplaceAllString(s, "[e-mail]")
	return opaque.ReplaceAllStringFunc(s, func(run string) string {
		if isHex(run) { // a digest, or the hash of a claimed name; no secret is written in hex
			return run
		}
		return "[secret]"
	})
}

func isHex(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'f')
	}) < 0
}
