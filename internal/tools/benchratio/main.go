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
type figure struct{ cpu, bytes float64 }

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
	figures := map[string]figure{}
	s := bufio.NewScanner(r)
	for s.Scan() {
		// BenchmarkName-2   100   12345 ns/op   678 B/op ...
		field := strings.Fields(s.Text())
		if len(field) < 4 || !strings.HasPrefix(field[0], "Benchmark") {
			continue
		}
		value := map[string]float64{}
		for i := 2; i+1 < len(field); i += 2 {
			value[field[i+1]], _ = strconv.ParseFloat(field[i], 64) // a number, or no figure
		}
		name := regexp.MustCompile(`-\d+$`).ReplaceAllString(strings.TrimPrefix(field[0], "Benchmark"), "")
		f, seen := figures[name]
		if !seen {
			f = figure{value["cpu-ns/op"], value["B/op"]}
		}
		figures[name] = figure{min(f.cpu, value["cpu-ns/op"]), min(f.bytes, value["B/op"])}
	}
	return figures, s.Err()
}

func judge(w io.Writer, figures map[string]figure) error {
	bare, issue, crewjam := figures["BareRSA2048"], figures["IssueResponse"], figures["Crewjam"]
	if bare.cpu == 0 || issue.cpu == 0 || crewjam.cpu == 0 {
		return fmt.Errorf("BareRSA2048, IssueResponse or Crewjam is missing")
	}
	var worst figure
	for name, f := range figures {
		if strings.HasPrefix(name, "RejectWorst/") {
			worst = figure{max(worst.cpu, f.cpu), max(worst.bytes, f.bytes)}
		}
	}
	rows := []struct {
		name       string
		got, limit float64 // no limit: for information
		unit       string
	}{
		{"Response / bare RSA-2048 signature", issue.cpu / bare.cpu, maxRatio, "x"},
		{"Response, allocated", issue.bytes / 1000, maxIssue / 1000, "KB"},
		{"crewjam/saml / bare RSA-2048 signature", crewjam.cpu / bare.cpu, 0, "x"},
		{"crewjam/saml, allocated", crewjam.bytes / 1000, 0, "KB"},
		{"dearest refusal, CPU", worst.cpu / 1e6, maxReject / 1e6, "ms"},
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
