// Package dynamo is the distributed engine of package table, on one DynamoDB
// table with the attributes
//
//	pk   S  partition key
//	sk   S  sort key
//	v    N  version
//	d    B  Data
//	tok  S  random token of the write that made this version
//	xms  N  expiry in milliseconds since the Unix epoch; absent: never
//	exp  N  the same in seconds, rounded up: the table's TTL attribute
//
// Invariants:
//
//   - Whether an item has expired is judged by xms and our clock only. TTL may
//     delete it days later.
//   - A write is recognized when the SDK repeats it because its answer was lost:
//     PutItem by tok in the item that refused the repetition; a transaction by
//     its ClientRequestToken, which DynamoDB remembers for ten minutes. A delete
//     leaves no token behind and is therefore a transaction of one.
//   - Throttling, failures of the service and lost answers are repeated a few
//     times, within the context, then become table.ErrUnavailable.
//
// The client must be made with Options, which sets the number of attempts, their
// time limit and the waits between them:
//
//	client := dynamodb.NewFromConfig(cfg, dynamo.Options)
//
// It needs the permissions dynamodb:GetItem, BatchGetItem, Query, PutItem,
// DeleteItem and ConditionCheckItem on the table.
package dynamo
