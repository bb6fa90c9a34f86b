package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// GetAll implements table.Table.
func (t *Table) GetAll(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	if err := table.CheckKeys(keys); err != nil {
		return nil, fmt.Errorf("get items: %w", err)
	}
	found, err := t.batchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("get items: %w", err)
	}
	now, items := t.clock.Now(), make([]table.Item, len(keys))
	for i, key := range keys {
		items[i] = table.Item{Key: key}
		if item, ok := found[key]; ok && !expired(item, now) {
			items[i] = item
		}
	}
	return items, nil
}

// batchGet asks again for the keys that DynamoDB left out, because of throttling
// or the size of the answer, until maxAttempts answers in a row held nothing.
func (t *Table) batchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	found := make(map[table.Key]table.Item, len(keys))
	rest := make([]attributes, len(keys))
	for i, key := range keys {
		rest[i] = encodeKey(key)
	}
	for attempt := 0; len(rest) > 0; attempt++ {
		if attempt == maxAttempts {
			return nil, fmt.Errorf("%w: %d keys remain unprocessed", table.ErrUnavailable, len(rest))
		}
		if attempt > 0 {
			if err := sleep(ctx, backoff(attempt)); err != nil {
				return nil, classify(err)
			}
		}
		out, err := t.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{
				t.name: {Keys: rest, ConsistentRead: aws.Bool(true)},
			},
		})
		if err != nil {
			return nil, classify(err)
		}
		for _, a := range out.Responses[t.name] {
			item, err := decode(a)
			if err != nil {
				return nil, err
			}
			found[item.Key] = item
		}
		left := out.UnprocessedKeys[t.name].Keys
		if len(left) < len(rest) {
			attempt = 0 // progress
		}
		rest = left
	}
	return found, nil
}

// sleep waits, or fails when the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Query implements table.Table. An answer of DynamoDB ends after 1 MB, expired
// items included, so a page may take several.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := q.Check(); err != nil {
		return table.Page{}, fmt.Errorf("query items: %w", err)
	}
	want := q.PageSize() + 1 // one more tells whether there is a next page
	var found []table.Item
	in := t.queryInput(q)
	for {
		in.Limit = aws.Int32(int32(min(want-len(found), 1000)))
		out, err := t.api.Query(ctx, in)
		if err != nil {
			return table.Page{}, fmt.Errorf("query items: %w", classify(err))
		}
		for _, a := range out.Items {
			item, err := decode(a)
			if err != nil {
				return table.Page{}, fmt.Errorf("query items: %w", err)
			}
			found = append(found, item)
		}
		if len(found) >= want || len(out.LastEvaluatedKey) == 0 {
			return q.PageOf(found), nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func (t *Table) queryInput(q table.Query) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:              &t.name,
		ConsistentRead:         aws.Bool(true),
		ScanIndexForward:       aws.Bool(!q.Reverse),
		KeyConditionExpression: aws.String("pk = :pk"),
		FilterExpression:       aws.String(alive),
		ExpressionAttributeValues: attributes{
			":pk":  text(q.PK),
			":now": number(int64(t.clock.Now())),
		},
	}
	if q.Prefix != "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :prefix)")
		in.ExpressionAttributeValues[":prefix"] = text(q.Prefix)
	}
	if q.After != "" {
		in.ExclusiveStartKey = encodeKey(table.Key{PK: q.PK, SK: q.After})
	}
	return in
}
