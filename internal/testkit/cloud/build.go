package cloud

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// folder is where the binaries of this process are built; Main makes it.
var folder string //nolint:gochecknoglobals // TestMain has no other way to tell tests

// Main runs the tests and removes the binaries that were built for them.
func Main(m *testing.M) int {
	var err error
	if folder, err = os.MkdirTemp("", "functions"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	return m.Run()
}

// Build makes the binaries of all functions, once, as they are deployed, but
// for this machine, and that of further packages.
func Build(t testing.TB) (dir string) {
	t.Helper()
	if folder == "" {
		t.Fatal("TestMain does not call cloud.Main")
	}
	if err := built(); err != nil {
		t.Fatal(err)
	}
	return folder
}

var built = sync.OnceValue(func() error {
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", folder,
		"./functions/...", "./functions/testdata/hello")
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build functions: %w\n%s", err, out)
	}
	return nil
})

// root is the module's folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// Template is the path of template.yaml.
func Template() string { return filepath.Join(root(), "template.yaml") }
