package dynamo

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// API is what the engine uses of *dynamodb.Client.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Table is a table.Table in DynamoDB.
type Table struct {
	api   API
	name  string
	clock idp.Clock
}

var _ table.Table = (*Table)(nil)

// New returns the table of that name. The client must have been made with Options.
func New(client API, tableName string, clock idp.Clock) *Table {
	return &Table{api: client, name: tableName, clock: clock}
}

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, key table.Key, opts ...table.ReadOption) (table.Item, error) {
	if err := key.Check(); err != nil {
		return table.Item{}, fmt.Errorf("get item: %w", err)
	}
	consistent := true
	for _, o := range opts {
		if o == table.Eventually {
			consistent = false
		}
	}
	out, err := t.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &t.name,
		Key:            encodeKey(key),
		ConsistentRead: &consistent,
	})
	if err != nil {
		return table.Item{}, fmt.Errorf("get item: %w", classify(err))
	}
	if out.Item == nil {
		return table.Item{}, fmt.Errorf("get item: %w", table.ErrNotFound)
	}
	item, err := decode(out.Item)
	if err != nil {
		return table.Item{}, fmt.Errorf("get item: %w", err)
	}
	if expired(item, t.clock.Now()) {
		return table.Item{}, fmt.Errorf("get item: %w", table.ErrNotFound)
	}
	return item, nil
}

// Put implements table.Table.
func (t *Table) Put(ctx context.Context, item table.Item) (int64, error) {
	if err := item.Check(); err != nil {
		return 0, fmt.Errorf("put item: %w", err)
	}
	token := rand.Text()
	cond := t.expect(item.Version)
	_, err := t.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                 &t.name,
		Item:                      encode(item, token),
		ConditionExpression:       cond.expression,
		ExpressionAttributeValues: cond.values,
		// The item that refuses us may be our own, if the SDK repeated the call.
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err != nil && !writtenWith(token, err) {
		return 0, fmt.Errorf("put item: %w", classify(err))
	}
	return item.Version + 1, nil
}

// Delete implements table.Table.
func (t *Table) Delete(ctx context.Context, item table.Item) error {
	if err := t.transact(ctx, table.Op{Delete: &item}); err != nil {
		return fmt.Errorf("delete item: %w", err)
	}
	return nil
}

// Transact implements table.Table. One write alone is a Put, which costs half.
func (t *Table) Transact(ctx context.Context, ops ...table.Op) error {
	if len(ops) == 1 && ops[0].Put != nil && ops[0].Item() != nil {
		_, err := t.Put(ctx, *ops[0].Put)
		return err
	}
	if err := t.transact(ctx, ops...); err != nil {
		return fmt.Errorf("write %d items: %w", len(ops), err)
	}
	return nil
}

func (t *Table) transact(ctx context.Context, ops ...table.Op) error {
	if err := table.CheckOps(ops); err != nil {
		return err
	}
	if len(ops) == 0 {
		return nil
	}
	token := rand.Text()
	items := make([]types.TransactWriteItem, len(ops))
	for i, op := range ops {
		items[i] = t.transactItem(op, token)
	}
	_, err := t.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems:      items,
		ClientRequestToken: aws.String(token),
	})
	return classify(err)
}

func (t *Table) transactItem(op table.Op, token string) types.TransactWriteItem {
	cond := t.expect(op.Item().Version)
	key := encodeKey(op.Item().Key)
	switch {
	case op.Put != nil:
		return types.TransactWriteItem{Put: &types.Put{
			TableName: &t.name, Item: encode(*op.Put, token),
			ConditionExpression: cond.expression, ExpressionAttributeValues: cond.values,
		}}
	case op.Delete != nil:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &t.name, Key: key,
			ConditionExpression: cond.expression, ExpressionAttributeValues: cond.values,
		}}
	default:
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &t.name, Key: key,
			ConditionExpression: cond.expression, ExpressionAttributeValues: cond.values,
		}}
	}
}

// condition is a condition expression with its values.
type condition struct {
	expression *string
	values     attributes
}

// expect is the condition that the item has this version now; 0: that it is
// absent or has expired.
func (t *Table) expect(version int64) condition {
	now := number(int64(t.clock.Now()))
	if version == 0 {
		return condition{
			expression: aws.String("attribute_not_exists(pk) OR xms <= :now"),
			values:     attributes{":now": now},
		}
	}
	return condition{
		expression: aws.String("v = :v AND " + alive),
		values:     attributes{":now": now, ":v": number(version)},
	}
}

// alive is the condition that an item has not expired at :now.
const alive = "(attribute_not_exists(xms) OR xms > :now)"
