package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
)

// writerOf makes this test's program a process that writes items until it dies,
// into the table that the variable names.
const writerOf = "LATCHKEY_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerOf); path != "" {
		write(path)
		return
	}
	os.Exit(m.Run())
}

func crashKey(n int) table.Key { return table.Key{PK: "item#" + strconv.Itoa(n), SK: "s"} }

// write tells on standard output which items were answered.
func write(path string) {
	db, err := embedded.Open(path, time.Now)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for n := range 100_000 {
		if _, err := db.Put(context.Background(), table.Item{Key: crashKey(n), Data: make([]byte, 2048)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		fmt.Println(n)
	}
}

// answered are the items that a writer says it has written.
func answered(t *testing.T, out []byte) int {
	t.Helper()
	lines := bytes.Fields(out)
	if len(lines) == 0 {
		t.Fatal("nothing was written")
	}
	last, err := strconv.Atoi(string(lines[len(lines)-1]))
	if err != nil {
		t.Fatal(err)
	}
	return last + 1
}

// holds checks that the items that were answered are there.
func holds(t *testing.T, path string, n int) {
	t.Helper()
	db := open(t, path, time.Now)
	for i := range n {
		if item, err := db.Get(t.Context(), crashKey(i)); err != nil || len(item.Data) != 2048 {
			t.Fatalf("item %d of %d: %d bytes, %v", i, n, len(item.Data), err)
		}
	}
	// What came after it is there whole or not at all, and the table can be written.
	next, err := db.Get(t.Context(), crashKey(n))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		t.Fatal(err)
	}
	put(t, db, table.Item{Key: crashKey(n), Version: next.Version, Data: []byte("after")})
}

func TestWhatWasAnsweredSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	cmd := exec.Command(os.Args[0]) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), writerOf+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(&seen, lines.Text())
		if lines.Text() == "500" {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the writer was not killed")
	}
	holds(t, path, answered(t, seen.Bytes()))
}

// TestFullDisk: the process ends and says why; nothing that was answered is lost.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	// No file may become larger than a megabyte (ulimit counts in 1,024 bytes), which
	// a write finds out as it would that the disk is full. The signal that comes with
	// it is ignored, so that only the error remains.
	cmd := exec.Command("bash", "-c", `trap '' XFSZ; ulimit -f 1024; exec "$0"`, os.Args[0]) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), writerOf+"="+path)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("ended with %v: %s", err, said.String())
	}
	if !strings.Contains(said.String(), "free space on the disk") || !strings.Contains(said.String(), "file too large") {
		t.Errorf("said: %s", said.String())
	}
	holds(t, path, answered(t, out.Bytes()))
}
