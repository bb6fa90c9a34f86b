package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// row is a row of the table in events/README.md: event, and what it gives.
var row = regexp.MustCompile("(?m)^\\| `([a-z]+)/([a-z0-9-]+\\.json)` \\|.*\\| (\\d{3}|error|ok) \\|$")

// logical are the functions as template.yaml calls them, by folder.
var logical = map[string]string{
	"sso": "SSOFunction", "slo": "SLOFunction", "metadata": "MetadataFunction", "qrsession": "QRSessionFunction",
	"approval": "ApprovalFunction", "enroll": "EnrollFunction", "admin": "AdminFunction", "wsfed": "WSFedFunction",
	"refresh": "RefreshFunction", "audit": "AuditFunction",
}

// invokeEvents gives each function the first event of its folder, and one of
// them an event that is not ours, and compares the answers with the table.
func invokeEvents(ctx context.Context, sam []string) error {
	readme, err := os.ReadFile("events/README.md")
	if err != nil {
		return fmt.Errorf("read the table of events: %w", err)
	}
	var wrong []error
	done := map[string]bool{}
	for _, m := range row.FindAllSubmatch(readme, -1) {
		folder, file, want := string(m[1]), string(m[2]), string(m[3])
		function := logical[folder]
		if folder == "foreign" {
			function = logical["sso"]
		}
		if done[folder] {
			continue
		}
		done[folder] = true
		got, err := invoke(ctx, sam, function, filepath.Join("events", folder, file))
		if err != nil {
			return err
		}
		fmt.Printf("%-18s %s/%s: %s\n", function, folder, file, got.outcome())
		if got.outcome() != want {
			wrong = append(wrong, fmt.Errorf("%s answers %s/%s with %s, want %s", function, folder, file, got.outcome(), want))
		}
	}
	if len(done) != len(logical)+1 {
		return fmt.Errorf("events of %d functions, want %d", len(done)-1, len(logical))
	}
	return errors.Join(wrong...)
}

// answer is what a function gave: a response, an error, or nothing.
type answer struct {
	StatusCode   int
	ErrorMessage string

	raw []byte
}

func (a answer) outcome() string {
	switch {
	case a.StatusCode > 0:
		return fmt.Sprint(a.StatusCode)
	case a.ErrorMessage != "":
		return "error"
	}
	return "ok"
}

// invoke runs `sam local invoke` with an event in a file.
func invoke(ctx context.Context, sam []string, function, event string) (answer, error) {
	if len(sam) == 0 {
		return answer{}, errors.New("say how sam local invoke is run")
	}
	cmd := exec.CommandContext(ctx, sam[0], append(append(sam[1:len(sam):len(sam)], function), "--event", event)...)
	var told bytes.Buffer
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		return answer{}, fmt.Errorf("invoke %s: %w\n%s", function, err, told.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	a := answer{raw: []byte(lines[len(lines)-1])}
	if err := json.Unmarshal(a.raw, &a); err != nil {
		return answer{}, fmt.Errorf("read the answer of %s: %w in %q\n%s", function, err, out, told.String())
	}
	return a, nil
}
