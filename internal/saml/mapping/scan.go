package mapping

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxLine bounds a mapping line, in bytes.
const maxLine = 1024

// scanner walks over one mapping line.
type scanner struct {
	line string
	pos  int // in bytes
}

// newScanner refuses what no line may hold: too much, and characters that are
// not printable text (which covers all that XML 1.0 does not allow).
func newScanner(line string) (*scanner, error) {
	s := &scanner{line: line}
	if len(line) > maxLine {
		return nil, s.fail(0, "the line is longer than %d bytes", maxLine)
	}
	for i, r := range line {
		if r == utf8.RuneError || r < ' ' || r == 0x7F || r == 0xFFFE || r == 0xFFFF {
			return nil, s.fail(i, "a character that is not allowed here")
		}
	}
	s.skipSpace()
	return s, nil
}

func (s *scanner) fail(pos int, format string, args ...any) *SyntaxError {
	return &SyntaxError{
		Line:   s.line,
		Column: utf8.RuneCountInString(s.line[:pos]) + 1,
		Msg:    fmt.Sprintf(format, args...),
	}
}

func (s *scanner) end() bool { return s.pos >= len(s.line) }

func (s *scanner) at(c byte) bool { return !s.end() && s.line[s.pos] == c }

func (s *scanner) skipSpace() {
	for s.at(' ') {
		s.pos++
	}
}

// accept takes c and the spaces around it.
func (s *scanner) accept(c byte) bool {
	s.skipSpace()
	if !s.at(c) {
		return false
	}
	s.pos++
	s.skipSpace()
	return true
}

// word takes characters up to the first one of stop, or to the end.
func (s *scanner) word(stop string) string {
	rest := s.line[s.pos:]
	if i := strings.IndexAny(rest, stop); i >= 0 {
		rest = rest[:i]
	}
	s.pos += len(rest)
	return rest
}

// quoted takes a string in double quotes; the scanner stands on the first one.
func (s *scanner) quoted() (string, error) {
	start := s.pos
	var b strings.Builder
	for s.pos++; !s.end(); s.pos++ {
		switch c := s.line[s.pos]; c {
		case '"':
			s.pos++
			return b.String(), nil
		case '\\':
			s.pos++
			if !s.at('"') && !s.at('\\') {
				return "", s.fail(s.pos-1, `expected \" or \\ after a backslash`)
			}
			b.WriteByte(s.line[s.pos])
		default:
			b.WriteByte(c)
		}
	}
	return "", s.fail(start, `this quote is not closed; expected " at the end of the text`)
}

// quote is the opposite of quoted.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
