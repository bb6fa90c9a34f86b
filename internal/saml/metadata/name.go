package metadata

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName bounds the display name of a service provider, in characters.
const maxName = 64

// CleanName makes a display name that cannot mislead: Unicode NFC, at most 64
// characters, without control, bidirectional, zero-width and other invisible
// characters, without line breaks and double spaces. It may come out empty.
// Look-alike letters stay: that is why pages show the host beside the name.
func CleanName(s string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Z, r):
			b.WriteByte(' ')
		case !invisible(r):
			b.WriteRune(r)
		}
	}
	// What was dropped may have kept two characters from composing.
	name := norm.NFC.String(strings.Join(strings.Fields(b.String()), " "))
	if utf8.RuneCountInString(name) <= maxName {
		return name
	}
	return strings.TrimRightFunc(string([]rune(name)[:maxName]), unicode.IsSpace)
}

// invisible reports characters that draw nothing or reorder what is drawn.
func invisible(r rune) bool {
	return r == utf8.RuneError ||
		r == '\u2800' || // braille blank
		unicode.In(r, unicode.C, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		!unicode.IsGraphic(r)
}
