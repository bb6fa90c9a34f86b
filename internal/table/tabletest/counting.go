package tabletest

import (
	"context"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// Counts is what a table was asked to do. Every operation of a transaction,
// checks too, is a written item, whether it succeeded or not, as it is billed.
type Counts struct {
	ReadRequests, ReadItems   int
	WriteRequests, WriteItems int
}

// Counting is a table that counts the calls it passes on.
type Counting struct {
	inner table.Table

	mu     sync.Mutex
	counts Counts
}

var _ table.Table = (*Counting)(nil)

// NewCounting wraps t.
func NewCounting(t table.Table) *Counting { return &Counting{inner: t} }

// Take returns the counts since the last Take.
func (c *Counting) Take() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.counts
	c.counts = Counts{}
	return taken
}

func (c *Counting) read(items int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.ReadRequests++
	c.counts.ReadItems += items
}

func (c *Counting) wrote(items int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.WriteRequests++
	c.counts.WriteItems += items
}

// Get implements table.Table.
func (c *Counting) Get(ctx context.Context, key table.Key, opts ...table.ReadOption) (table.Item, error) {
	c.read(1)
	return c.inner.Get(ctx, key, opts...)
}

// GetAll implements table.Table.
func (c *Counting) GetAll(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	c.read(len(keys))
	return c.inner.GetAll(ctx, keys...)
}

// Put implements table.Table.
func (c *Counting) Put(ctx context.Context, item table.Item) (int64, error) {
	c.wrote(1)
	return c.inner.Put(ctx, item)
}

// Delete implements table.Table.
func (c *Counting) Delete(ctx context.Context, item table.Item) error {
	c.wrote(1)
	return c.inner.Delete(ctx, item)
}

// Transact implements table.Table.
func (c *Counting) Transact(ctx context.Context, ops ...table.Op) error {
	c.wrote(len(ops))
	return c.inner.Transact(ctx, ops...)
}

// Query implements table.Table; an empty page counts as one item.
func (c *Counting) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := c.inner.Query(ctx, q)
	c.read(max(1, len(page.Items)))
	return page, err
}
