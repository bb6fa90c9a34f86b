package userfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
)

const maxBytes = 64 << 20

// Row is a user and where it was read.
type Row struct {
	Line int // the first line of the file is 1
	User adminapi.NewUser
}

// Error is a mistake in a file.
type Error struct {
	File string
	Line int // 0: of no line in particular
	Text string
}

// Error is "users.csv:3: what is wrong".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// Read reads a list of users. The ending of name, .csv or .json, says how.
func Read(name string, r io.Reader) ([]Row, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	rows, err := parse(name, data)
	if err == nil {
		err = check(rows)
	}
	var mistake *Error
	if errors.As(err, &mistake) {
		mistake.File = name
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func parse(name string, data []byte) ([]Row, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case len(data) > maxBytes:
		return nil, at(0, "the file is larger than %d MiB", maxBytes>>20)
	case !utf8.Valid(data):
		return nil, at(lineOfInvalid(data), "this is not UTF-8; save the file as UTF-8")
	case ext == ".csv":
		return parseCSV(data)
	case ext == ".json":
		return parseJSON(data)
	default:
		return nil, at(0, "give a file that ends in .csv or .json")
	}
}

// check finds what is wrong with one user, or with two of the same address.
func check(rows []Row) error {
	if len(rows) == 0 {
		return at(0, "there is no user in the file")
	}
	lines := make(map[string]int, len(rows))
	for _, row := range rows {
		email := strings.ToLower(row.User.Email)
		switch first, double := lines[email]; {
		case email == "":
			return at(row.Line, "the e-mail address is missing")
		case !strings.Contains(email, "@"):
			return at(row.Line, "%q is not an e-mail address", row.User.Email)
		case double:
			return at(row.Line, "%q is in line %d already", row.User.Email, first)
		}
		lines[email] = row.Line
	}
	return nil
}

func at(line int, format string, args ...any) *Error {
	return &Error{Line: line, Text: fmt.Sprintf(format, args...)}
}

func lineOfInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return lineAt(data, i)
		}
		i += n
	}
	return 0
}

func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), len(data))], []byte("\n"))
}
