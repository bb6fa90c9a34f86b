package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSameSourceGivesTheSameZips builds every function as it is released, from
// two copies of the source in different folders.
func TestSameSourceGivesTheSameZips(t *testing.T) {
	first, second := copySource(t, "first"), copySource(t, "another/second")
	want := buildLambdas(t, first, "")
	if strings.Count(want, ".zip") < 9 {
		t.Fatalf("built:\n%s", want)
	}
	t.Run("C5 in another folder", func(t *testing.T) {
		if got := buildLambdas(t, second, ""); got != want {
			t.Errorf("first\n%s\nsecond\n%s", want, got)
		}
	})
	// One function stands for all: compiling everything anew takes minutes.
	t.Run("C5 and with an empty cache", func(t *testing.T) {
		if got := buildLambdas(t, second, t.TempDir(), "sso"); !strings.Contains(want, got) {
			t.Errorf("first\n%s\nsecond\n%s", want, got)
		}
	})
}

// buildLambdas returns what the build prints: hash, name and size of each zip.
func buildLambdas(t *testing.T, source, cache string, names ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "scripts/build-lambdas.sh", names...)
	cmd.Dir = source
	cmd.Env = os.Environ()
	if cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+cache)
	}
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	return string(out)
}

// copySource copies the repository, without what builds and tests leave behind.
func copySource(t *testing.T, name string) string {
	t.Helper()
	source, target := "../../..", filepath.Join(t.TempDir(), name)
	left := []string{".git", ".cache", ".aws-sam", "bin", "dist", "latchkey-data", "latchkey-demo"}
	err := filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		switch {
		case err != nil:
			return err
		case slices.Contains(left, rel) && d.IsDir():
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(target, rel), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		return copyFile(path, filepath.Join(target, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}
