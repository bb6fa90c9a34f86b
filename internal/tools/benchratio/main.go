// Command benchratio reads the output of `go test -bench` on standard input,
// takes the fastest run of each benchmark and compares it with the figures
// that are promised. It exits with 1 if one is missed.
//
// Only ratios within one run are judged for what depends on the machine.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The promises.
const (
	maxRatio     = 1.35    // of issuing a Response to the signature in it
	maxIssue     = 120_000 // bytes allocated for it
	maxReject    = 2e6     // ns of CPU for the dearest refusal
	maxRejectMem = 1 << 20 // bytes allocated for it
)

// figure is the least that a benchmark took in any run.
type figure struct{ ns, bytes float64 }

func main() {
	figures, err := read(io.TeeReader(os.Stdin, os.Stdout))
	if err == nil {
		err = judge(os.Stdout, figures)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchratio:", err)
		os.Exit(1)
	}
}

func read(r io.Reader) (map[string]figure, error) {
	line := regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op(?:\s+([\d.]+) B/op)?`)
	figures := map[string]figure{}
	for s := bufio.NewScanner(r); ; {
		if !s.Scan() {
			return figures, s.Err()
		}
		m := line.FindStringSubmatch(s.Text())
		if m == nil {
			continue
		}
		ns, _ := strconv.ParseFloat(m[2], 64) // digits, by the expression
		bytes, _ := strconv.ParseFloat(m[3], 64)
		f, seen := figures[m[1]]
		if !seen || ns < f.ns {
			f.ns = ns
		}
		if !seen || bytes < f.bytes {
			f.bytes = bytes
		}
		figures[m[1]] = f
	}
}

func judge(w io.Writer, figures map[string]figure) error {
	bare, issue, crewjam := figures["BareRSA2048"], figures["IssueResponse"], figures["Crewjam"]
	if bare.ns == 0 || issue.ns == 0 || crewjam.ns == 0 {
		return fmt.Errorf("BareRSA2048, IssueResponse or Crewjam is missing")
	}
	var worst figure
	for name, f := range figures {
		if strings.HasPrefix(name, "RejectWorst/") {
			worst = figure{max(worst.ns, f.ns), max(worst.bytes, f.bytes)}
		}
	}
	rows := []struct {
		name       string
		got, limit float64 // no limit: for information
		unit       string
	}{
		{"Response / bare RSA-2048 signature", issue.ns / bare.ns, maxRatio, "x"},
		{"Response, allocated", issue.bytes / 1000, maxIssue / 1000, "KB"},
		{"crewjam/saml / bare RSA-2048 signature", crewjam.ns / bare.ns, 0, "x"},
		{"crewjam/saml, allocated", crewjam.bytes / 1000, 0, "KB"},
		{"dearest refusal", worst.ns / 1e6, maxReject / 1e6, "ms"},
		{"dearest refusal, allocated", worst.bytes / 1000, maxRejectMem / 1000, "KB"},
	}
	var missed []string
	fmt.Fprintln(w, "\n| Figure | Measured | Limit |\n|---|---|---|")
	for _, r := range rows {
		limit := "-"
		if r.limit > 0 {
			limit = fmt.Sprintf("%.4g %s", r.limit, r.unit)
			if r.got > r.limit {
				missed = append(missed, r.name)
			}
		}
		fmt.Fprintf(w, "| %s | %.3g %s | %s |\n", r.name, r.got, r.unit, limit)
	}
	if slices.Sort(missed); len(missed) > 0 {
		return fmt.Errorf("missed: %s", strings.Join(missed, ", "))
	}
	return nil
}
