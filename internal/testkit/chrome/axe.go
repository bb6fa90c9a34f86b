//go:build browser

package chrome

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// Axe checks what pages show with axe-core (scripts/axe, MPL-2.0, used by tests
// only).
type Axe struct {
	source string
}

// LoadAxe reads what scripts/deps.sh installed below LATCHKEY_CACHE (default
// .cache). Without it the test is skipped, or fails where
// LATCHKEY_REQUIRE_ALL=1.
func LoadAxe(t *testing.T) *Axe {
	t.Helper()
	cache := os.Getenv("LATCHKEY_CACHE")
	if cache == "" {
		cache = filepath.Join(moduleRoot(t), ".cache")
	}
	source, err := os.ReadFile(filepath.Join(cache, "axe", "node_modules", "axe-core", "axe.min.js"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && os.Getenv("LATCHKEY_REQUIRE_ALL") != "1":
		t.Skip("no axe-core (scripts/deps.sh): ", err)
	case err != nil:
		t.Fatal(err)
	}
	return &Axe{string(source)}
}

// moduleRoot is the folder of go.mod, at or above the one that a test runs in.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above this folder")
		}
	}
	t.Fatal(err)
	return ""
}

// runAxe checks against WCAG 2.0, 2.1 and 2.2, levels A and AA, and axe's best
// practices.
const runAxe = `axe.run(document, {
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
	resultTypes: ["violations"],
}).then((r) => JSON.stringify(r.violations.flatMap((v) => v.nodes.map((n) => ({
	rule: v.id, help: v.help, element: n.target.join(" "), html: n.html, why: n.failureSummary,
})))))`

// violation is one element that breaks a rule.
type violation struct {
	Rule, Help, Element, HTML, Why string
}

// Check reports every violation on the page as it is now.
func (a *Axe) Check(b *Tab, what string) {
	b.t.Helper()
	for _, v := range a.violations(b) {
		b.t.Errorf("%s: %s (%s): %s\n%s\n%s", what, v.Rule, v.Help, v.Element, v.HTML, v.Why)
	}
}

// violations runs axe in a world of its own: it shares the page's elements but
// not its scripts, so that the page's policies stay as they are.
func (a *Axe) violations(b *Tab) []violation {
	b.t.Helper()
	if b.noScript { // what the page left out it does not make up for
		b.scripts(true)
		defer b.scripts(false)
	}
	frame := Call(b, page.GetFrameTree, cdp.Empty{}).FrameTree.Frame.ID
	world := Call(b, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: frame, WorldName: "axe"}).ExecutionContextID
	yes := true
	run := func(expression string) string {
		b.t.Helper()
		answer := Call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, ContextID: world, AwaitPromise: &yes, ReturnByValue: &yes})
		if e := answer.ExceptionDetails; e != nil {
			b.t.Fatalf("axe: %s %v", e.Text, e.Exception)
		}
		var text string
		if err := json.Unmarshal(answer.Result.Value, &text); err != nil {
			b.t.Fatalf("axe answered %s: %v", answer.Result.Value, err)
		}
		return text
	}
	if run("typeof axe") != "object" {
		run(a.source + `; ""`)
	}
	var found []violation
	if err := json.Unmarshal([]byte(run(runAxe)), &found); err != nil {
		b.t.Fatal(err)
	}
	return found
}
