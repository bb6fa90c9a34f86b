package embedded_test

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// What a release has written, byte for byte: key and value, and the form of
// pebble's files around them. It is never changed (docs/adr/0029-stored-items.md).
const (
	storedFormat = pebble.FormatMajorVersion(20)
	storedKey    = "0006" + "555345522355" + "75736572"                                     // USER#U, user
	storedValue  = "0000000000000003" + "000001a1ef7c8800" + "7b2273223a312c2276223a7b7d7d" // version 3, expiry, {"s":1,"v":{}}
)

var storedItem = table.Item{
	Key: table.Key{PK: "USER#U", SK: "user"}, Version: 3,
	Expires: time.UnixMilli(0x1a1ef7c8800).UTC(), Data: []byte(`{"s":1,"v":{}}`),
}

func TestStoredForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	raw := func(format pebble.FormatMajorVersion, do func(*pebble.DB)) {
		t.Helper()
		db, err := pebble.Open(path, &pebble.Options{FormatMajorVersion: format, Logger: silent{}})
		if err != nil {
			t.Fatal(err)
		}
		do(db)
		if got := db.FormatMajorVersion(); got != storedFormat {
			t.Errorf("format of the files %d, want %d", got, storedFormat)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	raw(storedFormat, func(db *pebble.DB) {
		if err := db.Set(unhex(t, storedKey), unhex(t, storedValue), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("read", func(t *testing.T) {
		db := open(t, path, func() time.Time { return epoch })
		item, err := db.Get(t.Context(), storedItem.Key)
		if diff := cmp.Diff(storedItem, item); err != nil || diff != "" {
			t.Error(err, diff)
		}
		again := storedItem
		again.Version = 3
		put(t, db, again)
	})
	raw(pebble.FormatMinSupported, func(db *pebble.DB) { // which leaves them as they are
		want := unhex(t, storedValue)
		want[7]++ // the version
		got, closer, err := db.Get(unhex(t, storedKey))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error("written otherwise than it was:", diff)
		}
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type silent struct{}

func (silent) Infof(string, ...any)           {}
func (silent) Errorf(string, ...any)          {}
func (silent) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
