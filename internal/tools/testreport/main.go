// Command testreport reads `go test -json` from standard input. It prints what
// failed, which tests carry which row of docs/requirements.txt, and a count;
// it fails if a test failed or was skipped, if no test ran, or if a row is
// carried by none.
//
//	go test -json ./... | go run ./internal/tools/testreport docs/requirements.txt
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

type report struct {
	passed, failed, skipped int
	output                  map[string][]string // of a test, until it has passed
	bad                     []string
	carriers                map[string][]string // requirement -> tests
	problems                []string
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json ./... | testreport docs/requirements.txt")
		os.Exit(2)
	}
	due, err := requirements(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	r := &report{output: map[string][]string{}, carriers: map[string][]string{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !r.print(os.Stdout, due) {
		os.Exit(1)
	}
}

func requirements(file string) ([]string, error) {
	b, err := os.ReadFile(file) //nolint:gosec // the file that the caller names
	if err != nil {
		return nil, fmt.Errorf("read requirements: %w", err)
	}
	var ids []string
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "#") {
			ids = append(ids, strings.Fields(line)...)
		}
	}
	return ids, nil
}

func (r *report) read(in io.Reader) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var e event
		if json.Unmarshal(scan.Bytes(), &e) != nil {
			r.problems = append(r.problems, scan.Text()) // a build error, printed by go itself
			continue
		}
		r.take(e)
	}
	return scan.Err()
}

func (r *report) take(e event) {
	name := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		r.output[name] = append(r.output[name], e.Output)
		if e.Test == "" && strings.HasPrefix(e.Output, "figure:") {
			fmt.Print(e.Output)
		}
	case "pass":
		delete(r.output, name)
		if e.Test != "" {
			r.passed++
			r.carry(e.Test)
		}
	case "fail", "build-fail":
		r.bad = append(r.bad, "FAIL "+name+"\n"+strings.Join(r.output[name], ""))
		if e.Test != "" {
			r.failed++
		}
	case "skip":
		if e.Test != "" { // a package without tests is no skip
			r.skipped++
			r.bad = append(r.bad, "SKIPPED "+name+"\n"+strings.Join(r.output[name], ""))
		}
	}
}

var (
	id   = regexp.MustCompile(`^(?:F|X|D|S|P|E|Q|W|L|AD|C)[0-9]{1,2}$|^A[0-9]{2}$`)
	fact = regexp.MustCompile(`^TestFact(F[0-9])`)
)

// carry notes the rows that a test's name begins with, in any of its parts:
// "TestRefusals/A07_16,000_elements" carries A07, ".../X4_X5_depth" both.
func (r *report) carry(test string) {
	for part := range strings.SplitSeq(test, "/") {
		for token := range strings.FieldsFuncSeq(part, func(c rune) bool { return strings.ContainsRune("_+,:", c) }) {
			if m := fact.FindStringSubmatch(token); m != nil {
				token = m[1]
			}
			if token == "ACCEPT" { // what must not be refused
				continue
			}
			if !id.MatchString(token) {
				break // the words of the name begin
			}
			if !slices.Contains(r.carriers[token], test) {
				r.carriers[token] = append(r.carriers[token], test)
			}
		}
	}
}

func (r *report) print(out io.Writer, due []string) bool {
	for _, p := range r.problems {
		fmt.Fprintln(out, p)
	}
	for _, b := range r.bad {
		fmt.Fprintln(out, b)
	}
	fmt.Fprintln(out, "requirement  tests  first")
	var missing []string
	for _, row := range due {
		tests := r.carriers[row]
		if len(tests) == 0 {
			missing = append(missing, row)
			continue
		}
		fmt.Fprintf(out, "%-12s %5d  %s\n", row, len(tests), tests[0])
	}
	if len(missing) > 0 {
		fmt.Fprintf(out, "\nrequirements without a test: %s\n", strings.Join(missing, " "))
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return r.failed == 0 && r.skipped == 0 && r.passed > 0 && len(missing) == 0 && len(r.bad) == 0
}
