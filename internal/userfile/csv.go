package userfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
)

const attributePrefix = "attributes."

// set puts a cell into a user; its error says what is wrong with the cell.
type set func(u *adminapi.NewUser, cell string) error

// columns are those that every file may have.
func columns() map[string]set {
	text := func(field func(*adminapi.NewUser) *string) set {
		return func(u *adminapi.NewUser, cell string) error { *field(u) = cell; return nil }
	}
	return map[string]set{
		"email":               text(func(u *adminapi.NewUser) *string { return &u.Email }),
		"user_principal_name": text(func(u *adminapi.NewUser) *string { return &u.UPN }),
		"given_name":          text(func(u *adminapi.NewUser) *string { return &u.GivenName }),
		"family_name":         text(func(u *adminapi.NewUser) *string { return &u.FamilyName }),
		"display_name":        text(func(u *adminapi.NewUser) *string { return &u.DisplayName }),
		"disabled": func(u *adminapi.NewUser, cell string) (err error) {
			if u.Disabled, err = strconv.ParseBool(cell); err != nil {
				return errors.New("give true or false")
			}
			return nil
		},
	}
}

func attribute(name string) set {
	return func(u *adminapi.NewUser, cell string) error {
		if u.Attributes == nil {
			u.Attributes = map[string][]string{}
		}
		for v := range strings.SplitSeq(cell, ";") {
			if v = strings.TrimSpace(v); v != "" {
				u.Attributes[name] = append(u.Attributes[name], v)
			}
		}
		return nil
	}
}

func parseCSV(data []byte) ([]Row, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1 // counted here, in words that name the columns
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, at(0, "the file is empty")
	}
	if err != nil {
		return nil, syntax(err)
	}
	header, err := readHeader(names)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, syntax(err)
		}
		line, _ := r.FieldPos(0)
		row, err := readRecord(line, names, header, record)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// readHeader judges the column names; they are trimmed in place.
func readHeader(names []string) ([]set, error) {
	known := columns()
	header := make([]set, len(names))
	for i, name := range names {
		name = strings.TrimSpace(name)
		names[i] = name
		custom, isCustom := strings.CutPrefix(name, attributePrefix)
		switch {
		case len(names) == 1 && strings.Contains(name, ";"):
			return nil, at(1, "the columns are separated by semicolons; save the file with commas")
		case slices.Contains(names[:i], name):
			return nil, at(1, "column %q is there twice", name)
		case isCustom && custom != "":
			header[i] = attribute(custom)
		case known[name] != nil:
			header[i] = known[name]
		default:
			return nil, at(1, "unknown column %q; there are email, given_name, family_name, display_name, "+
				"user_principal_name, disabled, and attributes.NAME for any other", name)
		}
	}
	if !slices.Contains(names, "email") {
		return nil, at(1, "there is no column email; the first line names the columns")
	}
	return header, nil
}

func readRecord(line int, names []string, header []set, record []string) (Row, error) {
	if len(record) != len(header) {
		return Row{}, at(line, "%d values for %d columns; put values that hold a comma in quotes", len(record), len(header))
	}
	row := Row{Line: line}
	for i, cell := range record {
		if cell = strings.TrimSpace(cell); cell == "" {
			continue
		}
		if err := header[i](&row.User, cell); err != nil {
			return Row{}, at(line, "column %s is %q: %v", names[i], cell, err)
		}
	}
	return row, nil
}

func syntax(err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return err
	}
	switch {
	case errors.Is(p.Err, csv.ErrQuote):
		return at(p.StartLine, "a quoted value is not closed or has a quote inside; write a quote inside of one twice")
	case errors.Is(p.Err, csv.ErrBareQuote):
		return at(p.Line, "a quote in a value that is not quoted; put the value in quotes and write the inner one twice")
	}
	return at(p.Line, "%v", p.Err)
}
