package obs_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/obs"
)

// TestLogHasWhatIsPassed: each name that the program gives a value of its log is
// one that the log says, so that no line reads "[not logged]" by mistake.
func TestLogHasWhatIsPassed(t *testing.T) {
	found := 0
	for _, root := range []string{"..", "../../cmd", "../../functions"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				for _, name := range logged(n) {
					found++
					var out bytes.Buffer
					obs.NewLogger(&out, slog.LevelInfo, true).Info("x", name, 1)
					if strings.Contains(out.String(), "[not logged]") {
						t.Errorf("%s: %q is not logged", files.Position(n.Pos()), name)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 90 {
		t.Errorf("only %d values are logged", found)
	}
}

// logged are the names in a call of a slog.Logger, as far as they are literals.
func logged(n ast.Node) (names []string) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if on, ok := method.X.(*ast.Ident); ok && on.Name == "http" { // http.Error
		return nil
	}
	level, withContext := strings.CutSuffix(method.Sel.Name, "Context")
	before := 1 // the message
	if withContext {
		before = 2
	}
	if !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, level) || len(call.Args) < before+2 {
		return nil
	}
	for i := before; i < len(call.Args); i += 2 {
		if l, ok := call.Args[i].(*ast.BasicLit); ok && l.Kind == token.STRING {
			if name, err := strconv.Unquote(l.Value); err == nil {
				names = append(names, name)
			}
		}
	}
	return names
}
