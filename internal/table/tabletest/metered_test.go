package tabletest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

func TestMeteredConforms(t *testing.T) {
	tabletest.Run(t, func(t *testing.T, clock idp.Clock) table.Table { return tabletest.NewMetered(open(t, clock)) })
}

func TestMetered(t *testing.T) {
	ctx, m := t.Context(), tabletest.NewMetered(open(t, time.Now))
	small := table.Item{Key: table.Key{PK: "p", SK: "small"}, Data: []byte("x")}
	large := table.Item{Key: table.Key{PK: "p", SK: "large"}, Data: make([]byte, 5000)}
	for _, step := range []struct {
		name   string
		do     func() error
		reads  float64
		writes int
	}{
		{"put", func() error { _, err := m.Put(ctx, small); return err }, 0, 1},
		{"transaction", func() error {
			return m.Transact(ctx, table.Op{Put: &large}, table.Op{Check: &table.Item{Key: small.Key, Version: 1}})
		}, 0, 2*5 + 2},
		{"read", func() error { _, err := m.Get(ctx, large.Key); return err }, 2, 0},
		{"eventually", func() error { _, err := m.Get(ctx, large.Key, table.Eventually); return err }, 1, 0},
		{"absent", func() error {
			if _, err := m.Get(ctx, table.Key{PK: "p", SK: "none"}); !errors.Is(err, table.ErrNotFound) {
				return err
			}
			return nil
		}, 1, 0},
		{"several", func() error { _, err := m.GetAll(ctx, small.Key, large.Key); return err }, 3, 0},
		{"query", func() error { _, err := m.Query(ctx, table.Query{PK: "p"}); return err }, 2, 0},
		{"delete", func() error { return m.Delete(ctx, table.Item{Key: large.Key, Version: 1}) }, 0, 10},
	} {
		if err := step.do(); err != nil {
			t.Fatal(step.name, err)
		}
		if b := m.Take(); b.ReadUnits != step.reads || b.WriteUnits != step.writes {
			t.Errorf("%s: %v read and %d write units, want %v and %d", step.name, b.ReadUnits, b.WriteUnits, step.reads, step.writes)
		}
	}
}
