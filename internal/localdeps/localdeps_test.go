package localdeps_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/localdeps"
)

func open(t *testing.T, dir string) (*localdeps.Local, error) {
	t.Helper()
	cfg, err := config.Config{PublicURL: "http://localhost:8080"}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	return localdeps.Open(t.Context(), localdeps.Options{
		Dir: dir, Config: cfg, Clock: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
}

// used makes a data directory that a server has used.
func used(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	l, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if !l.Fresh {
		t.Error("the first start is not told from later ones")
	}
	if err := l.Announce("http://localhost:8080"); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	dir := used(t)
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		rel, _ := filepath.Rel(dir, path)
		got[rel] = fmt.Sprintf("%04o", info.Mode().Perm())
		if rel == "latchkey.db" { // nobody else comes to what is in it
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"signing-key.pem", "encryption-key.pem", "secrets.json", "admin-token", "url"} {
		if got[name] != "0600" {
			t.Errorf("%s has mode %s", name, got[name])
		}
	}
	if got["."] != "0700" || got["latchkey.db"] != "0700" || len(got) != 7 {
		t.Errorf("directory holds %v", got)
	}
}

func TestSecondStartHasTheSameSecrets(t *testing.T) {
	dir := used(t)
	before := map[string]string{}
	for _, name := range []string{"signing-key.pem", "secrets.json", "admin-token"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		before[name] = string(data)
	}
	l, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Fresh {
		t.Error("a later start is taken for the first one")
	}
	for name, want := range before {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != want {
			t.Errorf("%s has changed (%v)", name, err)
		}
	}
	if url, token, err := localdeps.Find(dir); err != nil || url != "http://localhost:8080" || len(token) != 43 {
		t.Errorf("found %q, token of %d characters, %v", url, len(token), err)
	}
	pair, err := l.Deps.Keys.Active(t.Context())
	if err != nil || pair.Check(t.Context()) != nil {
		t.Errorf("signing key: %v", err)
	}
}

func TestRollover(t *testing.T) {
	dir := used(t)
	l, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	rec, err := l.Deps.Keys.Announce(t.Context(), "signing-key-2.pem", keys.Next)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "signing-key-2.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("new key file: %v %v", info, err)
	}
	if _, err := l.Deps.Keys.Activate(t.Context(), rec.ID, 0); err != nil {
		t.Error(err)
	}
	for _, ref := range []string{"../key.pem", "/tmp/key.pem", "a/b.pem", "secrets.json", ""} {
		if _, err := l.Deps.Keys.Announce(t.Context(), ref, keys.Next); err == nil {
			t.Errorf("key %q was opened", ref)
		}
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	chmod := func(name string, mode fs.FileMode) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name  string
		spoil func(*testing.T, string)
		want  string
	}{
		{"open directory", chmod(".", 0o755), "run: chmod 700"},
		{"open secrets", chmod("secrets.json", 0o644), "run: chmod 600"},
		{"open token", chmod("admin-token", 0o640), "run: chmod 600"},
		{"open key", chmod("signing-key.pem", 0o604), "run: chmod 600"},
		{"secrets lost", remove("secrets.json"), "put it back from a backup"},
		{"key lost", remove("signing-key.pem"), "put it back from a backup"},
		{"damaged secrets", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "secrets.json"), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := used(t)
			tt.spoil(t, dir)
			l, err := open(t, dir)
			if err == nil {
				_ = l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("in use", func(t *testing.T) {
		dir := used(t)
		l, err := open(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := open(t, dir); err == nil || !strings.Contains(err.Error(), "in use by another latchkey process") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no server", func(t *testing.T) {
		if _, _, err := localdeps.Find(t.TempDir()); !errors.Is(err, localdeps.ErrNoServer) {
			t.Errorf("error %v", err)
		}
	})
}
