package tabletest

import (
	"context"
	"math"
	"strconv"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// Bill is what DynamoDB charges for, on demand, of the calls of a table.
type Bill struct {
	Counts
	ReadBytes, WriteBytes int     // of the items, as Size has them
	ReadUnits             float64 // 4 KB each; half for an eventually consistent read
	WriteUnits            int     // 1 KB each; twice for a transaction
}

// Add adds another bill.
func (b *Bill) Add(o Bill) {
	b.ReadRequests += o.ReadRequests
	b.ReadItems += o.ReadItems
	b.WriteRequests += o.WriteRequests
	b.WriteItems += o.WriteItems
	b.ReadBytes += o.ReadBytes
	b.WriteBytes += o.WriteBytes
	b.ReadUnits += o.ReadUnits
	b.WriteUnits += o.WriteUnits
}

const (
	readUnit  = 4 << 10
	writeUnit = 1 << 10
	token     = 26 // bytes of the mark that engine dynamo puts on each write
)

// Size is the size of an item in DynamoDB: the names and the values of its
// attributes, numbers as one byte for two digits and one more.
func Size(item table.Item) int {
	number := func(n int64) int { return (len(strconv.FormatInt(n, 10))+1)/2 + 1 }
	size := len("pk") + len(item.PK) + len("sk") + len(item.SK) + len("d") + len(item.Data) +
		len("tok") + token + len("v") + number(item.Version+1)
	if ms := item.ExpiresMillis(); ms != 0 {
		size += len("xms") + number(ms) + len("exp") + number(ms/1000)
	}
	return size
}

// Metered is a table that keeps the bill of the calls it passes on. What is
// billed for a delete is the item that was there, which only the table knows;
// Metered looks.
type Metered struct {
	inner table.Table

	mu   sync.Mutex
	bill Bill
}

var _ table.Table = (*Metered)(nil)

// NewMetered wraps t.
func NewMetered(t table.Table) *Metered { return &Metered{inner: t} }

// Take returns the bill since the last Take.
func (m *Metered) Take() Bill {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.bill
	m.bill = Bill{}
	return taken
}

func (m *Metered) charge(b Bill) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bill.Add(b)
}

// units is how many units of a size are charged for an item, at least one.
func units(bytes, unit int) int { return max(1, (bytes+unit-1)/unit) }

// found is the bill of reading items one by one; an absent one costs a unit.
func found(items ...table.Item) Bill {
	b := Bill{Counts: Counts{ReadRequests: 1, ReadItems: len(items)}}
	for _, item := range items {
		size := 0
		if item.Version > 0 {
			item.Version-- // as Size counts it, before the write
			size = Size(item)
		}
		b.ReadBytes += size
		b.ReadUnits += float64(units(size, readUnit))
	}
	return b
}

// Get implements table.Table.
func (m *Metered) Get(ctx context.Context, key table.Key, opts ...table.ReadOption) (table.Item, error) {
	item, err := m.inner.Get(ctx, key, opts...)
	b := found(item)
	if len(opts) > 0 {
		b.ReadUnits /= 2
	}
	m.charge(b)
	return item, err
}

// GetAll implements table.Table.
func (m *Metered) GetAll(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	items, err := m.inner.GetAll(ctx, keys...)
	m.charge(found(items...))
	return items, err
}

// Query implements table.Table: all items of a page are charged together.
func (m *Metered) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := m.inner.Query(ctx, q)
	b := found(page.Items...)
	b.ReadUnits = math.Ceil(max(1, float64(b.ReadBytes)) / readUnit)
	m.charge(b)
	return page, err
}

// Put implements table.Table.
func (m *Metered) Put(ctx context.Context, item table.Item) (int64, error) {
	m.charge(written(1, item))
	return m.inner.Put(ctx, item)
}

// Delete implements table.Table; engine dynamo deletes in a transaction.
func (m *Metered) Delete(ctx context.Context, item table.Item) error {
	return m.Transact(ctx, table.Op{Delete: &item})
}

// Transact implements table.Table.
func (m *Metered) Transact(ctx context.Context, ops ...table.Op) error {
	if table.CheckOps(ops) != nil { // refused before it costs anything
		return m.inner.Transact(ctx, ops...)
	}
	items := make([]table.Item, len(ops))
	for i, op := range ops {
		items[i] = *op.Item()
		if op.Put == nil {
			if there, err := m.inner.Get(ctx, items[i].Key); err == nil {
				items[i] = there
			}
		}
	}
	times := 2
	if len(ops) == 1 && ops[0].Put != nil { // engine dynamo makes it a plain put
		times = 1
	}
	m.charge(written(times, items...))
	return m.inner.Transact(ctx, ops...)
}

func written(times int, items ...table.Item) Bill {
	b := Bill{Counts: Counts{WriteRequests: 1, WriteItems: len(items)}}
	for _, item := range items {
		b.WriteBytes += Size(item)
		b.WriteUnits += times * units(Size(item), writeUnit)
	}
	return b
}
