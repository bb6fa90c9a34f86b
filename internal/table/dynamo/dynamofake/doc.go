// Package dynamofake fakes the part of DynamoDB that package dynamo uses, over
// the AWS JSON 1.0 protocol, in memory: GetItem, BatchGetItem, Query, PutItem and
// TransactWriteItems, with the very expressions that package dynamo writes. It
// refuses every other one, so that a new one is noticed. It is for tests that
// make more calls than DynamoDB Local can answer in their time; it passes
// tabletest.Run as that does. It checks no credentials and knows no throughput.
//
// A Fake is an http.Handler.
package dynamofake
