package embedded_test

import (
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// TestLargeCommit: what does not fit into pebble's tables in memory takes another way
// through it. Each call is nearly as large as one may be, and they share commits.
func TestLargeCommit(t *testing.T) {
	const writers, items, rounds = 6, 9, 3
	path := filepath.Join(t.TempDir(), "table.db")
	db := open(t, path, time.Now)
	key := func(writer, i int) table.Key { return table.Key{PK: strconv.Itoa(writer), SK: strconv.Itoa(i)} }
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for version := range int64(rounds) {
				ops := make([]table.Op, items)
				for i := range ops {
					data := make([]byte, table.MaxItem)
					data[0], data[len(data)-1] = byte(w), byte(i)
					ops[i].Put = &table.Item{Key: key(w, i), Version: version, Data: data}
				}
				if err := db.Transact(t.Context(), ops...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path, time.Now)
	for w := range writers {
		for i := range items {
			item, err := db.Get(t.Context(), key(w, i))
			if err != nil || item.Version != rounds || len(item.Data) != table.MaxItem || item.Data[0] != byte(w) || item.Data[table.MaxItem-1] != byte(i) {
				t.Errorf("item %d of %d: version %d, %d bytes, %v", i, w, item.Version, len(item.Data), err)
			}
		}
	}
}
