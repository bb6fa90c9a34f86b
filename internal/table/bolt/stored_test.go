package bolt_test

import (
	"encoding/hex"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// What a release has written into the file, byte for byte: bucket, key and
// value. It is never changed (docs/adr/0029-stored-items.md).
const (
	storedBucket = "items.1"
	storedKey    = "0006" + "555345522355" + "75736572"                                     // USER#U, user
	storedValue  = "0000000000000003" + "000001a1ef7c8800" + "7b2273223a312c2276223a7b7d7d" // version 3, expiry, {"s":1,"v":{}}
)

var storedItem = table.Item{
	Key: table.Key{PK: "USER#U", SK: "user"}, Version: 3,
	Expires: time.UnixMilli(0x1a1ef7c8800).UTC(), Data: []byte(`{"s":1,"v":{}}`),
}

func TestStoredForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	raw := func(do func(*bbolt.Tx) error) {
		t.Helper()
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(do); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	raw(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte(storedBucket))
		if err != nil {
			return err
		}
		return bucket.Put(unhex(t, storedKey), unhex(t, storedValue))
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
	raw(func(tx *bbolt.Tx) error {
		want := unhex(t, storedValue)
		want[7]++ // the version
		if diff := cmp.Diff(want, tx.Bucket([]byte(storedBucket)).Get(unhex(t, storedKey))); diff != "" {
			t.Error("written otherwise than it was:", diff)
		}
		return nil
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
