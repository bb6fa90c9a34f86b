package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fedinterop are the requirements for identity providers, by group: how many
// there are (SAML V2.0 Implementation Profile for Federation Interoperability
// 1.1, sections 2 and 4).
var fedinterop = []struct {
	group string
	count int
}{{"G", 3}, {"MD", 12}, {"SSO", 7}, {"EXT", 1}, {"ALG", 8}, {"IDP", 21}}

// TestFedinterop: the table of saml-profile.md has a row for every requirement,
// in order, and every row names tests that exist, or says what is missing.
func TestFedinterop(t *testing.T) {
	var want, got []string
	for _, g := range fedinterop {
		for n := range g.count {
			want = append(want, fmt.Sprintf("IIP-%s%02d", g.group, n+1))
		}
	}
	for _, row := range fedinteropRows(t) {
		got = append(got, row[0])
		for _, wrong := range proofMistakes(row[2]) {
			t.Errorf("%s: %s", row[0], wrong)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows: -profile +table\n%s", diff)
	}
}

// fedinteropRows are the cells of the table: requirement, what it is, proof.
func fedinteropRows(t *testing.T) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("saml-profile.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### Federation interoperability\n")
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| IIP-") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		if len(cells) != 3 || cells[1] == "" {
			t.Fatalf("row %q", line)
		}
		rows = append(rows, cells)
	}
	return rows
}

var (
	notMet = regexp.MustCompile(`^not met( yet)?: \S+`)
	inPart = regexp.MustCompile(`^in part: \S[^.]*\. `)
	// a package, a test with a part of a subtest's name, a case of the suite
	proofToken = regexp.MustCompile("^(?:`([a-z/0-9]+)`|((?:Test|Fuzz)[A-Za-z0-9]+)(?:/(\\S+))?|([BCMP][0-9]{3}))$")
)

// suite is the package whose cases stand for themselves.
const suite = "internal/conformance"

// proofMistakes is what is wrong with the last cell of a row.
func proofMistakes(cell string) (wrong []string) {
	if notMet.MatchString(cell) {
		return nil
	}
	found, in := 0, ""
	for word := range strings.FieldsSeq(inPart.ReplaceAllString(cell, "")) {
		m := proofToken.FindStringSubmatch(word)
		if m == nil {
			return append(wrong, fmt.Sprintf("%q is neither a test nor a reason", word))
		}
		folder, test, part, suiteCase := m[1], m[2], m[3], m[4]
		switch {
		case folder != "":
			in = folder
			continue
		case suiteCase != "":
			if !slices.Contains(testsOf(suite).texts, suiteCase) {
				wrong = append(wrong, suite+" has no case "+suiteCase)
			}
		default:
			declared := testsOf(in)
			if !slices.Contains(declared.names, test) {
				wrong = append(wrong, in+" has no "+test)
			}
			if !slices.ContainsFunc(declared.texts, func(s string) bool { return strings.Contains(s, part) }) {
				wrong = append(wrong, in+" has no subtest with "+part)
			}
		}
		found++
	}
	if found == 0 {
		wrong = append(wrong, "neither a test nor a reason")
	}
	return wrong
}

// tests are what is declared in the test files of a package, whatever their
// build tags are: functions, and the texts that name subtests and cases.
type tests struct{ names, texts []string }

// A folder without test files declares none.
func testsOf(folder string) (found tests) {
	files, _ := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*_test.go")) // the pattern is a good one
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // which go vet reports
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					found.names = append(found.names, n.Name.Name)
				}
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					found.texts = append(found.texts, strings.Trim(n.Value, "\"`"))
				}
			}
			return true
		})
	}
	return found
}

// A check that never says no proves nothing.
func TestProofsAreChecked(t *testing.T) {
	for _, cell := range []string{
		"", "C999", "in part: nothing. ", "TestConformance", "`internal/conformance` TestNothing", "`internal/nowhere` TestConformance",
		"`internal/saml/dsig` TestVerifyAccepts/ROT13", "somehow", "not met:", "`internal/conformance`",
	} {
		if len(proofMistakes(cell)) == 0 {
			t.Errorf("%q passes", cell)
		}
	}
}
