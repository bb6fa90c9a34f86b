package metadata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// remedies say what to do about a file that xmlsafe refuses.
var remedies = map[idp.Reason]string{
	idp.XMLDoctype:     "the file has a document type declaration (DOCTYPE), which metadata must not have; a web page that was saved by mistake has one, too",
	idp.XMLSize:        "the file is too large: at most 1 MiB, 20,000 elements and 64 KiB of text in one place are read; cut the entity that you need out of the aggregate",
	idp.XMLDepth:       "the file is nested too deeply",
	idp.XMLEncoding:    "the file is not valid text; UTF-8, UTF-16 and ISO-8859-1 are read, and the encoding must be the one that the first line declares",
	idp.XMLDuplicateID: "two elements of the file have the same ID",
	idp.XMLRoundtrip:   "the file holds a name that XML parsers read differently",
}

func parse(data []byte, limits xmlsafe.Limits) (*etree.Element, error) {
	// An empty line above the XML declaration is a common slip of the clipboard.
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return nil, refuse("the file is empty").because(idp.XMLSchema)
	}
	if bytes.HasPrefix(trimmed, []byte("<?xml")) {
		data = trimmed
	}
	root, err := xmlsafe.Parse(data, limits)
	if err == nil {
		return root, nil
	}
	cause := idp.AsError(err)
	refusal := &Error{Msg: remedies[cause.Reason], Reason: cause.Reason, Err: err}
	if refusal.Msg == "" { // xmlsafe's details are its own words, never the file's
		refusal.Msg = "the file cannot be read as XML: " + cause.Detail
		refusal.Line = syntaxErrorLine(data)
	}
	return nil, refusal
}

// syntaxErrorLine finds the line at which a parser stumbles, or 0.
func syntaxErrorLine(data []byte) int {
	if !utf8.Valid(data) {
		return 0
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		_, err := d.Token()
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return syntax.Line
		}
		if err != nil {
			return 0
		}
	}
}
