package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func open(t testing.TB, path string, clock idp.Clock) *embedded.DB {
	t.Helper()
	db, err := embedded.Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

func put(t testing.TB, db table.Table, item table.Item) {
	t.Helper()
	if _, err := db.Put(t.Context(), item); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	tabletest.Run(t, func(t *testing.T, clock idp.Clock) table.Table {
		return open(t, filepath.Join(t.TempDir(), "table.db"), clock)
	})
}

func TestItemsSurviveReopening(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "table.db"), func() time.Time { return epoch }
	db, err := embedded.Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	put(t, db, table.Item{Key: table.Key{PK: "p", SK: "s"}, Data: []byte("kept")})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path, clock).Get(t.Context(), table.Key{PK: "p", SK: "s"})
	if err != nil || string(got.Data) != "kept" || got.Version != 1 {
		t.Errorf("Get = %+v, %v", got, err)
	}
}

func TestDirectoryIsForTheOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	open(t, path, time.Now)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, want 0700", info.Mode().Perm())
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file.db")
	if err := os.WriteFile(file, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"a file":              {file, "is a file, not a directory"},
		"no directory around": {filepath.Join(dir, "none", "table.db"), "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := embedded.Open(c.path, time.Now)
			if err == nil {
				_ = db.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: %v, want %q", err, c.want)
			}
		})
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "something else" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	open(t, path, time.Now)
	if _, err := embedded.Open(path, time.Now); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("second Open: %v, want ErrInUse", err)
	}
}

func TestCallsAfterCloseFail(t *testing.T) {
	db, err := embedded.Open(filepath.Join(t.TempDir(), "table.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Put(t.Context(), table.Item{Key: table.Key{PK: "p", SK: "s"}}); err == nil {
		t.Error("Put after Close succeeded")
	}
	if _, err := db.Get(t.Context(), table.Key{PK: "p", SK: "s"}); err == nil || errors.Is(err, table.ErrNotFound) {
		t.Errorf("Get after Close: %v", err)
	}
	if _, err := db.Query(t.Context(), table.Query{PK: "p"}); err == nil {
		t.Error("Query after Close succeeded")
	}
	if _, err := db.Sweep(t.Context()); err == nil {
		t.Error("Sweep after Close succeeded")
	}
	if err := db.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestSweep(t *testing.T) {
	now := epoch
	db := open(t, filepath.Join(t.TempDir(), "table.db"), func() time.Time { return now })
	const short, long = 600, 30 // more than one batch of deletes
	fill := func(prefix string, n int, expires time.Time) {
		for start := 0; start < n; start += table.MaxTransact {
			var ops []table.Op
			for i := start; i < min(start+table.MaxTransact, n); i++ {
				ops = append(ops, table.Op{Put: &table.Item{Key: table.Key{PK: fmt.Sprint(prefix, i), SK: "s"}, Expires: expires}})
			}
			if err := db.Transact(t.Context(), ops...); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill("short", short, epoch.Add(time.Minute))
	fill("long", long, epoch.Add(time.Hour))
	fill("forever", long, time.Time{})

	sweep := func(want int) {
		t.Helper()
		if n, err := db.Sweep(t.Context()); n != want || err != nil {
			t.Errorf("Sweep = %d, %v; want %d", n, err, want)
		}
	}
	sweep(0)
	now = epoch.Add(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := db.Sweep(ctx); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep with a canceled context = %d, %v", n, err)
	}
	sweep(short)
	sweep(0)
	now = epoch // what was swept is gone, what was not is there
	for key, want := range map[string]error{"short7": table.ErrNotFound, "long7": nil, "forever7": nil} {
		if _, err := db.Get(t.Context(), table.Key{PK: key, SK: "s"}); !errors.Is(err, want) {
			t.Errorf("Get %s: %v, want %v", key, err, want)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "table.db"), time.Now)
	key := table.Key{PK: "login#1", SK: "session"}
	put(b, db, table.Item{Key: key, Data: make([]byte, 2048)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.Get(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "table.db"), time.Now)
	item := table.Item{Key: table.Key{PK: "login#1", SK: "session"}, Data: make([]byte, 2048)}
	b.ReportAllocs()
	for b.Loop() {
		version, err := db.Put(b.Context(), item)
		if err != nil {
			b.Fatal(err)
		}
		item.Version = version
	}
}

// BenchmarkPutConcurrent shows what sharing a commit is worth.
func BenchmarkPutConcurrent(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "table.db"), time.Now)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		item := table.Item{Key: table.Key{PK: fmt.Sprintf("login#%p", pb), SK: "session"}, Data: make([]byte, 2048)}
		for pb.Next() {
			version, err := db.Put(b.Context(), item)
			if err != nil {
				b.Error(err)
				return
			}
			item.Version = version
		}
	})
}
