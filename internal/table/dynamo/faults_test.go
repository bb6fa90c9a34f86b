package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
)

// lossy is an HTTP client that carries out requests of one operation but loses
// the answers to the first of them.
type lossy struct {
	http.Client
	operation string
	loses     int

	mu       sync.Mutex
	attempts int
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout (injected)" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func (l *lossy) Do(r *http.Request) (*http.Response, error) {
	resp, err := l.Client.Do(r)
	if err != nil || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+l.operation) {
		return resp, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts++
	if l.attempts > l.loses {
		return resp, nil
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return nil, errors.Join(timeout{}, err, resp.Body.Close())
}

// lossyTable is an empty table of DynamoDB Local behind a lossy client.
func lossyTable(t *testing.T, operation string, loses int) (*dynamo.Table, *lossy) {
	t.Helper()
	l := &lossy{operation: operation, loses: loses}
	client := dynamotest.Client(t, func(o *dynamodb.Options) { o.HTTPClient = l })
	return dynamo.New(client, dynamotest.Create(t, client), time.Now), l
}

// A write whose answer was lost is repeated by the SDK, meets itself, and is
// still a success, once.
func TestCommitThenTimeout(t *testing.T) {
	stored := table.Item{Key: table.Key{PK: "p", SK: "s"}, Version: 1, Data: []byte("old")}
	next := table.Item{Key: stored.Key, Version: 1, Data: []byte("new")}
	fresh := table.Item{Key: table.Key{PK: "p", SK: "fresh"}, Data: []byte("new")}

	writes := []struct {
		name, operation string
		write           func(context.Context, *dynamo.Table) error
		versions        [2]int64 // of stored and fresh afterwards
	}{
		{"put new", "PutItem", func(ctx context.Context, tb *dynamo.Table) error {
			v, err := tb.Put(ctx, fresh)
			if err == nil && v != 1 {
				t.Errorf("Put = version %d, want 1", v)
			}
			return err
		}, [2]int64{1, 1}},
		{"put next", "PutItem", func(ctx context.Context, tb *dynamo.Table) error {
			v, err := tb.Put(ctx, next)
			if err == nil && v != 2 {
				t.Errorf("Put = version %d, want 2", v)
			}
			return err
		}, [2]int64{2, 0}},
		{"delete", "TransactWriteItems", func(ctx context.Context, tb *dynamo.Table) error {
			return tb.Delete(ctx, stored)
		}, [2]int64{0, 0}},
		{"transact", "TransactWriteItems", func(ctx context.Context, tb *dynamo.Table) error {
			return tb.Transact(ctx, table.Op{Put: &next}, table.Op{Put: &fresh})
		}, [2]int64{2, 1}},
	}
	for _, w := range writes {
		t.Run("L11 commit then timeout "+w.name, func(t *testing.T) {
			tb, l := lossyTable(t, w.operation, 0)
			if _, err := tb.Put(t.Context(), table.Item{Key: stored.Key, Data: stored.Data}); err != nil {
				t.Fatal(err)
			}
			l.attempts, l.loses = 0, 2
			if err := w.write(t.Context(), tb); err != nil {
				t.Errorf("write: %v", err)
			}
			if l.attempts != 3 {
				t.Errorf("%d attempts, want 3", l.attempts)
			}
			items, err := tb.GetAll(t.Context(), stored.Key, fresh.Key)
			if err != nil {
				t.Fatal(err)
			}
			if got := [2]int64{items[0].Version, items[1].Version}; got != w.versions {
				t.Errorf("versions %v, want %v", got, w.versions)
			}
			if err := w.write(t.Context(), tb); !errors.Is(err, table.ErrConflict) {
				t.Errorf("the same write by another call: %v, want ErrConflict", err)
			}
		})
	}
}

// When all answers are lost, the engine can't find out, and says so.
func TestAllAnswersLost(t *testing.T) {
	t.Run("L11 every answer lost", func(t *testing.T) {
		tb, l := lossyTable(t, "PutItem", 1000)
		_, err := tb.Put(t.Context(), table.Item{Key: table.Key{PK: "p", SK: "s"}})
		if !errors.Is(err, table.ErrUnavailable) {
			t.Errorf("Put: %v, want ErrUnavailable", err)
		}
		if l.attempts != 4 {
			t.Errorf("%d attempts, want 4", l.attempts)
		}
	})
}

// An answer lost to a write that was refused must not turn it into a success.
func TestRefusedThenTimeout(t *testing.T) {
	for _, operation := range []string{"PutItem", "TransactWriteItems"} {
		t.Run("L11 refused then timeout "+operation, func(t *testing.T) {
			tb, l := lossyTable(t, operation, 0)
			item := table.Item{Key: table.Key{PK: "p", SK: "s"}, Data: []byte("theirs")}
			if _, err := tb.Put(t.Context(), item); err != nil {
				t.Fatal(err)
			}
			l.attempts, l.loses = 0, 1
			item.Data = []byte("ours")
			var err error
			if operation == "PutItem" {
				_, err = tb.Put(t.Context(), item)
			} else {
				err = tb.Transact(t.Context(), table.Op{Put: &item})
			}
			if !errors.Is(err, table.ErrConflict) {
				t.Errorf("write: %v, want ErrConflict", err)
			}
			if got, err := tb.Get(t.Context(), item.Key); err != nil || string(got.Data) != "theirs" {
				t.Errorf("Get = %q, %v; want theirs", got.Data, err)
			}
		})
	}
}
