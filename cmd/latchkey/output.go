package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// show prints an answer: as JSON with --json, else in words.
func (e *env) show(answer any, inWords func(*printer)) error {
	if e.cli.JSON {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(answer)
	}
	p := &printer{w: e.stdout}
	inWords(p)
	return p.err
}

// printer writes words for people. The first error is kept.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// table aligns rows below their heading; none prints what to say instead.
func (p *printer) table(heading string, rows [][]string, none string) {
	if len(rows) == 0 {
		p.line("%s", none)
		return
	}
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(heading, " | ", "\t"))
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if p.err == nil {
		p.err = t.Flush()
	}
}

// when is a time in seconds, for people.
func when(seconds int64) string {
	if seconds == 0 {
		return "-"
	}
	return time.Unix(seconds, 0).UTC().Format("2006-01-02 15:04 UTC")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
