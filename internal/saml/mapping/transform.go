package mapping

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// transform changes the values of a term; text is its canonical source.
type transform struct {
	text  string
	apply func([]string) []string
}

// each makes a transform of a function on one value.
func each(f func(string) string) func([]string) []string {
	return func(values []string) []string {
		out := make([]string, 0, len(values))
		for _, v := range values {
			if v = f(v); v != "" {
				out = append(out, v)
			}
		}
		return out
	}
}

// simple holds the transforms that take no argument.
var simple = map[string]func(string) string{
	"base64": toBase64,
	"cn":     commonName,
	"domain": domainPart,
	"local":  localPart,
	"lower":  strings.ToLower,
	"msdot":  msDot,
	"trim":   strings.TrimSpace,
	"upper":  strings.ToUpper,
}

// Transforms lists the known transforms as they are written, sorted.
func Transforms() []string {
	names := []string{"join(,)", "regex(/a/b/)"}
	for n := range simple {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// transform parses one transform; the scanner stands behind the semicolon.
func (s *scanner) transform() (transform, error) {
	start := s.pos
	name := s.word(` ;|!("`)
	if f, ok := simple[name]; ok {
		return transform{name, each(f)}, nil
	}
	if name != "join" && name != "regex" {
		return transform{}, s.fail(start, "unknown transform %q; expected one of %s", name, strings.Join(Transforms(), ", "))
	}
	if !s.at('(') {
		return transform{}, s.fail(s.pos, "expected ( after %s", name)
	}
	s.pos++
	argument := s.join
	if name == "regex" {
		argument = s.regex
	}
	t, err := argument()
	if err != nil {
		return transform{}, err
	}
	if !s.at(')') {
		return transform{}, s.fail(s.pos, "expected ) at the end of %s", name)
	}
	s.pos++
	return t, nil
}

// join parses a separator: plain text up to the parenthesis, or quoted.
func (s *scanner) join() (transform, error) {
	var separator string
	if s.at('"') {
		text, err := s.quoted()
		if err != nil {
			return transform{}, err
		}
		separator = text
	} else {
		separator = s.word(`)"`)
	}
	text := "join(" + separator + ")"
	if strings.ContainsAny(separator, `)"`) {
		text = "join(" + quote(separator) + ")"
	}
	return transform{text, func(values []string) []string {
		return []string{strings.Join(values, separator)}
	}}, nil
}

// regex parses /pattern/replacement/.
func (s *scanner) regex() (transform, error) {
	if !s.at('/') {
		return transform{}, s.fail(s.pos, "expected regex(/pattern/replacement/)")
	}
	s.pos++
	start := s.pos
	pattern, ok := s.untilSlash()
	if !ok {
		return transform{}, s.fail(start, "expected / at the end of the pattern")
	}
	re, err := regexp.Compile(unslash(pattern))
	if err != nil {
		return transform{}, s.fail(start, "this pattern cannot be read (RE2 syntax): %v", err)
	}
	start = s.pos
	replacement, ok := s.untilSlash()
	if !ok {
		return transform{}, s.fail(start, "expected / at the end of the replacement")
	}
	with := unslash(replacement)
	return transform{
		"regex(/" + pattern + "/" + replacement + "/)",
		each(func(v string) string { return re.ReplaceAllString(v, with) }),
	}, nil
}

// untilSlash takes text up to a slash that has no backslash before it, and
// the slash.
func (s *scanner) untilSlash() (string, bool) {
	start := s.pos
	for ; !s.end(); s.pos++ {
		switch s.line[s.pos] {
		case '\\':
			s.pos++
		case '/':
			s.pos++
			return s.line[start : s.pos-1], true
		}
	}
	s.pos = len(s.line)
	return "", false
}

func unslash(s string) string { return strings.ReplaceAll(s, `\/`, `/`) }

// toBase64 encodes the bytes of v, those of a GUID in the order in which
// Active Directory stores them: the first three groups are little-endian.
func toBase64(v string) string {
	b := []byte(v)
	if g, ok := guid(v); ok {
		slices.Reverse(g[0:4])
		slices.Reverse(g[4:6])
		slices.Reverse(g[6:8])
		b = g
	}
	return base64.StdEncoding.EncodeToString(b)
}

// guid reads the text form 8-4-4-4-12, with or without braces.
func guid(v string) ([]byte, bool) {
	if strings.HasPrefix(v, "{") && strings.HasSuffix(v, "}") {
		v = v[1 : len(v)-1]
	}
	if len(v) != 36 || v[8] != '-' || v[13] != '-' || v[18] != '-' || v[23] != '-' {
		return nil, false
	}
	b, err := hex.DecodeString(strings.ReplaceAll(v, "-", ""))
	return b, err == nil && len(b) == 16
}

// domainPart is what follows the last "@", or nothing where there is none.
func domainPart(v string) string {
	if at := strings.LastIndexByte(v, '@'); at >= 0 {
		return v[at+1:]
	}
	return ""
}

// localPart is what precedes the last "@", or all of v where there is none.
func localPart(v string) string {
	if at := strings.LastIndexByte(v, '@'); at >= 0 {
		return v[:at]
	}
	return v
}

// commonName is the leading CN of a distinguished name (RFC 4514), nothing for
// one that starts with another attribute, and v itself where v is no
// distinguished name.
func commonName(v string) string {
	kind, rest, ok := strings.Cut(v, "=")
	if !ok {
		return v
	}
	if !strings.EqualFold(strings.TrimSpace(kind), "cn") {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; c {
		case ',', '+', ';':
			return b.String()
		case '\\':
			if pair, err := hex.DecodeString(rest[i+1 : min(i+3, len(rest))]); err == nil && len(pair) == 1 {
				b.Write(pair)
				i += 2
			} else if i++; i < len(rest) {
				b.WriteByte(rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// msDot escapes a NameID as Microsoft asks for it: a byte that is not a
// letter, a digit, "-" or "_" becomes a dot and two hexadecimal digits.
func msDot(v string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			b.Write([]byte{'.', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
