package tabletest_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

func open(t *testing.T, clock idp.Clock) table.Table {
	t.Helper()
	db, err := embedded.Open(filepath.Join(t.TempDir(), "table.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// The wrappers change nothing that the suite would notice.
func TestWrappersConform(t *testing.T) {
	tabletest.Run(t, func(t *testing.T, clock idp.Clock) table.Table {
		return tabletest.NewCounting(&tabletest.Faulty{Table: open(t, clock)})
	})
}

func TestCounting(t *testing.T) {
	ctx, c := t.Context(), tabletest.NewCounting(open(t, time.Now))
	a, b := table.Item{Key: table.Key{PK: "p", SK: "a"}}, table.Item{Key: table.Key{PK: "p", SK: "b"}}
	_, err1 := c.Put(ctx, a)
	err2 := c.Transact(ctx, table.Op{Put: &b}, table.Op{Check: &table.Item{Key: a.Key, Version: 1}})
	_, err3 := c.Get(ctx, a.Key)
	_, err4 := c.GetAll(ctx, a.Key, b.Key)
	_, err5 := c.Query(ctx, table.Query{PK: "p"})
	_, err6 := c.Query(ctx, table.Query{PK: "none"})
	err7 := c.Delete(ctx, table.Item{Key: a.Key, Version: 1})
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		t.Fatal(err)
	}
	want := tabletest.Counts{ReadRequests: 4, ReadItems: 6, WriteRequests: 3, WriteItems: 4}
	if got := c.Take(); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if got := c.Take(); got != (tabletest.Counts{}) {
		t.Errorf("counts after Take %+v, want none", got)
	}
}

func TestFaulty(t *testing.T) {
	ctx, item := t.Context(), table.Item{Key: table.Key{PK: "p", SK: "s"}}
	puts := func(err error) tabletest.Hook {
		return func(op string, keys []table.Key) error {
			if op == "put" && keys[0] == item.Key {
				return err
			}
			return nil
		}
	}
	f := &tabletest.Faulty{Table: open(t, time.Now), Before: puts(table.ErrConflict)}
	if _, err := f.Put(ctx, item); !errors.Is(err, table.ErrConflict) {
		t.Errorf("Put that fails before: %v", err)
	}
	if _, err := f.Get(ctx, item.Key); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}

	f.Before, f.After = nil, puts(table.ErrUnavailable)
	if _, err := f.Put(ctx, item); !errors.Is(err, table.ErrUnavailable) {
		t.Errorf("Put that fails after: %v", err)
	}
	if _, err := f.Get(ctx, item.Key); err != nil {
		t.Errorf("Get after the commit: %v", err)
	}
}
