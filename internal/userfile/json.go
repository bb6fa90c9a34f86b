package userfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// parseJSON reads the list element by element, so that a mistake has a line.
func parseJSON(data []byte) ([]Row, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if open, err := dec.Token(); err != nil || open != json.Delim('[') {
		return nil, at(1, `a list is expected: [{"email": "ana@example.com"}, ...]`)
	}
	var rows []Row
	line, counted := 1, 0 // line is that of the byte at counted
	for dec.More() {
		begin := start(data, int(dec.InputOffset()))
		line += bytes.Count(data[counted:begin], []byte("\n"))
		counted = begin
		row := Row{Line: line}
		if err := dec.Decode(&row.User); err != nil {
			return nil, mistake(err, data, line)
		}
		rows = append(rows, row)
	}
	if _, err := dec.Token(); err != nil {
		return nil, mistake(err, data, lineAt(data, len(data)))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, at(lineAt(data, int(dec.InputOffset())), "there is something after the list")
	}
	return rows, nil
}

// start is where the next element begins, after space and a comma.
func start(data []byte, from int) int {
	rest := data[from:]
	return from + len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,"))
}

// mistake says what is wrong with the element that begins at line.
func mistake(err error, data []byte, line int) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		// Only the offset of a whole document is from its beginning.
		var all any
		errors.As(json.Unmarshal(data, &all), &syntax)
		return at(lineAt(data, int(syntax.Offset)-1), "%v", syntax)
	case errors.As(err, &kind):
		return at(line, "%s is a %s, not %s", kind.Field, kind.Value, words(kind.Type.String()))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return at(lineAt(data, len(data)), "the file ends in the middle")
	}
	return at(line, "%s", strings.TrimPrefix(err.Error(), "json: "))
}

// words names a Go type as JSON has it.
func words(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list of texts"
	case strings.HasPrefix(goType, "map"), strings.Contains(goType, "."):
		return "an object"
	case goType == "bool":
		return "true or false"
	}
	return "a text"
}
