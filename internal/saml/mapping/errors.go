package mapping

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says where a mapping line is wrong and what is expected there.
type SyntaxError struct {
	Line   string // as it was written
	Column int    // from 1, in characters
	Msg    string
}

// Error gives the column and the message, without the line.
func (e *SyntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Msg) }

// Caret renders the line with a caret below the mistake, for a terminal or a
// preformatted block:
//
//	IDPEmail = userPrincipalNam
//	           ^
func (e *SyntaxError) Caret() string {
	line := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, e.Line)
	return line + "\n" + strings.Repeat(" ", max(e.Column-1, 0)) + "^"
}
