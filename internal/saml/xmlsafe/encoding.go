package xmlsafe

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// declaration is the XML declaration of XML 1.0 (production 23).
var declaration = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')` +
	`(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z][A-Za-z0-9._-]*)["'])?` +
	`(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*["'](?:yes|no)["'])?[ \t\r\n]*\?>`)

var bom = []byte("\xef\xbb\xbf")

// toUTF8 returns the document as UTF-8 without byte order mark and XML
// declaration, so that no later reader has an encoding to choose.
func toUTF8(src []byte, l Limits) ([]byte, error) {
	utf16 := l.Encodings && isUTF16(src)
	if utf16 {
		order := unicode.BigEndian
		if src[0] == 0xff || src[1] == 0 {
			order = unicode.LittleEndian
		}
		var err error
		if src, err = unicode.UTF16(order, unicode.IgnoreBOM).NewDecoder().Bytes(src); err != nil {
			return nil, idp.Refuse(idp.XMLEncoding, "not valid UTF-16")
		}
	}
	src, name, err := cutDeclaration(bytes.TrimPrefix(src, bom))
	if err != nil {
		return nil, err
	}
	switch {
	case name == "" || strings.EqualFold(name, "UTF-8"):
	case l.Encodings && utf16 && strings.EqualFold(name, "UTF-16"):
	case l.Encodings && !utf16 && strings.EqualFold(name, "ISO-8859-1"):
		if src, err = charmap.ISO8859_1.NewDecoder().Bytes(src); err != nil {
			return nil, idp.Refuse(idp.XMLEncoding, "not valid ISO-8859-1")
		}
	default:
		return nil, idp.Refuse(idp.XMLEncoding, "an encoding other than UTF-8 is declared")
	}
	if !utf8.Valid(src) || bytes.IndexByte(src, 0) >= 0 {
		return nil, idp.Refuse(idp.XMLEncoding, "not valid UTF-8")
	}
	return src, nil
}

// isUTF16 recognizes UTF-16 by its byte order mark or by its first character,
// which is '<' (XML 1.0, appendix F).
func isUTF16(src []byte) bool {
	for _, start := range []string{"\xff\xfe", "\xfe\xff", "<\x00", "\x00<"} {
		if bytes.HasPrefix(src, []byte(start)) {
			return true
		}
	}
	return false
}

// cutDeclaration removes the XML declaration and returns the encoding it names.
func cutDeclaration(src []byte) (rest []byte, encoding string, err error) {
	if !bytes.HasPrefix(src, []byte("<?xml")) || len(src) > 5 && !isSpace(src[5]) {
		return src, "", nil
	}
	head := src[:min(len(src), 256)]
	m := declaration.FindSubmatch(head)
	if m == nil {
		return nil, "", malformed("XML declaration")
	}
	return src[len(m[0]):], string(m[1]), nil
}
