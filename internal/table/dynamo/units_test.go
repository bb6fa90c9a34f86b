package dynamo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

// charged adds up the units that DynamoDB says it charges for.
type charged struct{ units float64 }

func (c *charged) take() float64 {
	n := c.units
	c.units = 0
	return n
}

// option has every call ask for what it costs.
func (c *charged) option(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("charged", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			const total = types.ReturnConsumedCapacityTotal
			switch p := in.Parameters.(type) {
			case *dynamodb.GetItemInput:
				p.ReturnConsumedCapacity = total
			case *dynamodb.PutItemInput:
				p.ReturnConsumedCapacity = total
			case *dynamodb.BatchGetItemInput:
				p.ReturnConsumedCapacity = total
			case *dynamodb.QueryInput:
				p.ReturnConsumedCapacity = total
			case *dynamodb.TransactWriteItemsInput:
				p.ReturnConsumedCapacity = total
			}
			out, meta, err := next.HandleInitialize(ctx, in)
			switch r := out.Result.(type) {
			case *dynamodb.GetItemOutput:
				c.add(r.ConsumedCapacity)
			case *dynamodb.PutItemOutput:
				c.add(r.ConsumedCapacity)
			case *dynamodb.BatchGetItemOutput:
				c.addAll(r.ConsumedCapacity)
			case *dynamodb.QueryOutput:
				c.add(r.ConsumedCapacity)
			case *dynamodb.TransactWriteItemsOutput:
				c.addAll(r.ConsumedCapacity)
			}
			return out, meta, err
		}), middleware.Before)
	})
}

func (c *charged) add(used *types.ConsumedCapacity) {
	if used != nil {
		c.units += aws.ToFloat64(used.CapacityUnits)
	}
}

func (c *charged) addAll(used []types.ConsumedCapacity) {
	for i := range used {
		c.add(&used[i])
	}
}

// TestUnits holds tabletest.Metered, from which docs/operations.md computes the
// cost of sign-ins, to what DynamoDB charges, around the limits of its units.
// Left out is what DynamoDB Local counts unlike the service's documentation:
// absent items of a batch (nothing), and transactions of items that differ in
// their units, or delete (twice as much).
func TestUnits(t *testing.T) {
	var actual charged
	client := dynamotest.Client(t, actual.option)
	m := tabletest.NewMetered(dynamo.New(client, dynamotest.Create(t, client), time.Now))
	ctx := t.Context()
	check := func(name string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(name, err)
		}
		if b, want := m.Take(), actual.take(); b.ReadUnits+float64(b.WriteUnits) != want {
			t.Errorf("%s: %v read and %d write units for %d and %d bytes, DynamoDB charges %v", name, b.ReadUnits, b.WriteUnits, b.ReadBytes, b.WriteBytes, want)
		}
	}
	expires := time.Now().Add(time.Hour)
	for _, unit := range []int{1 << 10, 4 << 10} {
		for _, over := range []int{-1, 0, 1, 100} {
			item := table.Item{Key: table.Key{PK: "p" + strings.Repeat("k", unit/512), SK: strings.Repeat("s", 2+over)}, Expires: expires}
			item.Data = make([]byte, unit+over-tabletest.Size(item))
			_, err := m.Put(ctx, item)
			check("put", err)
			_, err = m.Get(ctx, item.Key)
			check("get", err)
			_, err = m.Get(ctx, item.Key, table.Eventually)
			check("get eventually", err)
			_, err = m.GetAll(ctx, item.Key)
			check("get all", err)
			_, err = m.Query(ctx, table.Query{PK: item.PK})
			check("query", err)
			item.Version = 1
			other := item
			other.SK, other.Version = strings.Repeat("o", len(item.SK)), 0
			check("transact one", m.Transact(ctx, table.Op{Put: &item}))
			item.Version = 2
			check("transact", m.Transact(ctx, table.Op{Put: &item}, table.Op{Put: &other}))
		}
	}
}
