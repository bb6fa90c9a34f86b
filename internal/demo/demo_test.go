package demo_test

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/demo"
)

func start(t *testing.T, dir string, keep bool) *demo.Demo {
	t.Helper()
	d, err := demo.Start(t.Context(), demo.Options{
		Addr: "localhost:0", Dir: dir, Keep: keep, Program: "latchkey", Clock: time.Now, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestHeadlessSignsIn(t *testing.T) {
	d := start(t, filepath.Join(t.TempDir(), "demo"), false)
	var out strings.Builder
	if err := d.Headless(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	t.Log("\n" + out.String())
	for _, want := range []string{"✓ The phone scans the picture and shows: sign in to Orchard Travel", "NameID dana@example.com", "From the phone's approval to the application: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not told: %s\n%s", want, &out)
		}
	}
}
