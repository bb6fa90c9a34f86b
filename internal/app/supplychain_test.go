package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// least are the versions that have no known vulnerability, of whatever reads
// XML, verifies signatures or reads other input from outside.
var least = map[string]string{
	"github.com/russellhaering/goxmldsig":           "v1.6.1",  // CVE-2026-33487, GHSA-qhrp-hfff-vphr
	"github.com/beevik/etree":                       "v1.7.0",  // GHSA-qm2r-qg5g-crr3, GHSA-2mj8-7fmf-pr7x, GHSA-f965-f62m-c42m
	"github.com/crewjam/saml":                       "v0.4.14", // CVE-2023-45683, CVE-2023-28119, CVE-2022-41912, CVE-2020-27846
	"github.com/mattermost/xml-roundtrip-validator": "v0.1.0",  // CVE-2020-29509, -29510, -29511
	"github.com/golang-jwt/jwt/v5":                  "v5.2.2",  // CVE-2025-30204
	"github.com/golang-jwt/jwt/v4":                  "v4.5.2",  // CVE-2025-30204
	"github.com/go-viper/mapstructure/v2":           "v2.4.0",  // CVE-2025-11065
	"golang.org/x/crypto":                           "v0.45.0", // CVE-2025-47914, CVE-2025-58181
	"golang.org/x/net":                              "v0.45.0", // CVE-2025-47911, CVE-2025-58190
	"golang.org/x/text":                             "v0.3.8",  // CVE-2022-32149
	"golang.org/x/image":                            "v0.18.0", // CVE-2024-24792
}

// watched are the libraries whose advisories somebody reads: those above, and
// others that read what strangers send.
var watched = append(slices.Sorted(maps.Keys(least)),
	"github.com/fxamacker/cbor/v2", "github.com/go-webauthn/webauthn", "github.com/google/go-tpm",
	"github.com/makiuchi-d/gozxing", "github.com/aws/aws-lambda-go", "github.com/awslabs/aws-lambda-go-api-proxy")

type goModule struct {
	Path, Version string
	Replace       *struct{ Path string }
}

// modules asks for what is chosen of go.mod, with the flags of the build.
func modules(t *testing.T) map[string]goModule {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-mod=readonly", "-m", "-json", "all").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]goModule{}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var m goModule
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		all[m.Path] = m
	}
	return all
}

func TestVersionsWithoutKnownVulnerabilities(t *testing.T) {
	all := modules(t)
	for path, version := range least {
		t.Run("C1 "+path, func(t *testing.T) {
			m, ok := all[path]
			if !ok {
				t.Fatal("not in go.mod any more: take it off the list")
			}
			if older(t, m.Version, version) {
				t.Errorf("version %s, want %s or later", m.Version, version)
			}
		})
	}
	t.Run("C4 nothing is replaced", func(t *testing.T) {
		for path, m := range all {
			if m.Replace != nil {
				t.Errorf("%s by %s", path, m.Replace.Path)
			}
		}
	})
}

// TestAdvisoriesWereLookedAt: the database of govulncheck lacks some. Whoever
// raises the version of a library that reads input from outside looks at its
// advisories again, and says so.
func TestAdvisoriesWereLookedAt(t *testing.T) {
	page, err := os.ReadFile("../../docs/advisories.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v[^ ]+) \\| \\[").FindAllStringSubmatch(string(page), -1) {
		seen[m[1]] = m[2]
	}
	all := modules(t)
	for _, path := range watched {
		t.Run("C2 "+path, func(t *testing.T) {
			if seen[path] != all[path].Version {
				t.Errorf("docs/advisories.md speaks of %q, go.mod has %s", seen[path], all[path].Version)
			}
		})
	}
}

func TestVulnerabilityCheckFindsOne(t *testing.T) {
	t.Run("C2 a known vulnerability fails the check", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "../../scripts/vulncheck.sh", "self-test")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("C2 what could not be checked is said, or fails", func(t *testing.T) {
		for _, required := range []string{"0", "1"} {
			cmd := exec.CommandContext(t.Context(), "../../scripts/vulncheck.sh")
			cmd.Env = append(os.Environ(), "GOVULNDB=file://"+t.TempDir(), "LATCHKEY_REQUIRE_VULNDB="+required)
			out, err := cmd.CombinedOutput()
			if (err != nil) != (required == "1") || !strings.Contains(string(out), "NOT RUN") {
				t.Errorf("required=%s: %v\n%s", required, err, out)
			}
		}
	})
}

// TestWorkflows: what runs on other people's machines with our rights is named
// by what it is, not by a name that somebody can move.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d workflows: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("C4 "+filepath.Base(file), func(t *testing.T) {
			for _, p := range looseEnds(string(raw)) {
				t.Error(p)
			}
		})
	}
	t.Run("C4 loose ends are found", func(t *testing.T) {
		const bad = `on: {pull_request_target: {}}
permissions: write-all
jobs:
  a:
    container: debian:12
    steps:
      - uses: actions/checkout@v6
      - uses: actions/setup-go@4a3601121dd01d1626a1e23e37211e3254c1c06c
      - run: curl https://example.com/install.sh | sh
`
		if got := looseEnds(bad); len(got) != 6 {
			t.Errorf("found %q", got)
		}
	})
}

var (
	uses      = regexp.MustCompile(`(?m)^\s*(?:- )?uses:\s*(.+)$`)
	pinned    = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	container = regexp.MustCompile(`(?m)^\s*(?:container|image):\s*(\S.*)$`)
	digest    = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
)

// looseEnds says what is wrong with a workflow.
func looseEnds(workflow string) []string {
	var found []string
	for _, m := range uses.FindAllStringSubmatch(workflow, -1) {
		if !pinned.MatchString(m[1]) {
			found = append(found, "not pinned by commit, with its version: "+m[1])
		}
	}
	for _, m := range container.FindAllStringSubmatch(workflow, -1) {
		if !digest.MatchString(m[1]) {
			found = append(found, "not pinned by digest: "+m[1])
		}
	}
	if !strings.Contains(workflow, "\npermissions: {contents: read}\n") {
		found = append(found, "it does not begin with the right to read only")
	}
	for _, word := range []string{"pull_request_target", "| sh", "secrets."} {
		if strings.Contains(workflow, word) {
			found = append(found, "it has "+word)
		}
	}
	return found
}

// older compares versions of the form v1.2.3.
func older(t *testing.T, a, b string) bool {
	t.Helper()
	parts := func(v string) (n [3]int) {
		if _, err := fmt.Sscanf(v, "v%d.%d.%d", &n[0], &n[1], &n[2]); err != nil {
			t.Fatalf("version %q: %v", v, err)
		}
		return n
	}
	x, y := parts(a), parts(b)
	return slices.Compare(x[:], y[:]) < 0
}
