package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
)

var (
	someKey  = table.Key{PK: "p", SK: "s"}
	someItem = table.Item{Key: someKey, Data: []byte("x")}
	someOps  = []table.Op{{Put: &someItem}, {Check: &table.Item{Key: table.Key{PK: "p", SK: "t"}}}}
)

// calls are all calls of a table.Table.
var calls = map[string]func(context.Context, table.Table) error{
	"Get":    func(ctx context.Context, t table.Table) error { _, err := t.Get(ctx, someKey); return err },
	"GetAll": func(ctx context.Context, t table.Table) error { _, err := t.GetAll(ctx, someKey); return err },
	"Query": func(ctx context.Context, t table.Table) error {
		_, err := t.Query(ctx, table.Query{PK: "p"})
		return err
	},
	"Put":      func(ctx context.Context, t table.Table) error { _, err := t.Put(ctx, someItem); return err },
	"Delete":   func(ctx context.Context, t table.Table) error { return t.Delete(ctx, someItem) },
	"Transact": func(ctx context.Context, t table.Table) error { return t.Transact(ctx, someOps...) },
}

// answering is a table whose DynamoDB always gives one answer.
func answering(t *testing.T, status int, body string) (tb *dynamo.Table, attempts *atomic.Int32) {
	t.Helper()
	attempts = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		attempts.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return dynamo.New(dynamotest.ClientAt(server.URL), "table", time.Now), attempts
}

func exception(name string) string {
	return fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"injected"}`, name)
}

func canceledBecause(codes ...string) string {
	var reasons []string
	for _, c := range codes {
		reasons = append(reasons, fmt.Sprintf(`{"Code":%q}`, c))
	}
	return strings.TrimSuffix(exception("TransactionCanceledException"), "}") +
		`,"CancellationReasons":[` + strings.Join(reasons, ",") + `]}`
}

func TestFailingService(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"throttled":        {400, exception("ThrottlingException")},
		"throughput":       {400, exception("ProvisionedThroughputExceededException")},
		"request limit":    {400, exception("RequestLimitExceeded")},
		"internal error":   {500, exception("InternalServerError")},
		"unavailable":      {503, exception("ServiceUnavailable")},
		"not even an API":  {502, "<html>Bad Gateway</html>"},
		"gateway time-out": {504, ""},
	} {
		for op, call := range calls {
			t.Run("L13 "+name+" "+op, func(t *testing.T) {
				t.Parallel()
				tb, attempts := answering(t, answer.status, answer.body)
				start := time.Now()
				if err := call(t.Context(), tb); !errors.Is(err, table.ErrUnavailable) {
					t.Errorf("error %v, want ErrUnavailable", err)
				}
				if n := attempts.Load(); n != 4 {
					t.Errorf("%d attempts, want 4", n)
				}
				if d := time.Since(start); d > 5*time.Second {
					t.Errorf("gave up only after %v", d)
				}
			})
		}
	}
}

func TestUnreachableService(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	tb := dynamo.New(dynamotest.ClientAt(server.URL), "table", time.Now)
	for op, call := range calls {
		t.Run("L13 unreachable "+op, func(t *testing.T) {
			if err := call(t.Context(), tb); !errors.Is(err, table.ErrUnavailable) {
				t.Errorf("error %v, want ErrUnavailable", err)
			}
		})
	}
}

// A service that doesn't answer is given up when the context says so.
func TestDeadline(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	tb := dynamo.New(dynamotest.ClientAt(server.URL), "table", time.Now)
	for op, call := range calls {
		t.Run("L13 deadline "+op, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			start := time.Now()
			if err := call(ctx, tb); !errors.Is(err, table.ErrUnavailable) {
				t.Errorf("error %v, want ErrUnavailable", err)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("gave up only after %v", d)
			}
		})
	}
}

// An attempt without an answer is given up and repeated long before the caller's
// own deadline.
func TestAttemptTimeout(t *testing.T) {
	t.Run("L13 hanging attempt", func(t *testing.T) {
		t.Parallel()
		var attempts atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if attempts.Add(1) == 1 {
				<-r.Context().Done()
				return
			}
			_, _ = io.WriteString(w, `{"Item":{"pk":{"S":"p"},"sk":{"S":"s"},"d":{"B":"eA=="},"v":{"N":"1"}}}`)
		}))
		t.Cleanup(server.Close)
		tb := dynamo.New(dynamotest.ClientAt(server.URL), "table", time.Now)
		start := time.Now()
		if item, err := tb.Get(t.Context(), someKey); err != nil || string(item.Data) != "x" {
			t.Errorf("Get = %+v, %v", item, err)
		}
		if d := time.Since(start); d > 4*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// What is misconfigured is neither a conflict nor a passing failure.
func TestMisconfiguration(t *testing.T) {
	for name, denied := range map[string]bool{
		"ResourceNotFoundException": true, "AccessDeniedException": true, "ExpiredTokenException": true, "ValidationException": false,
	} {
		tb, attempts := answering(t, 400, exception(name))
		for op, call := range calls {
			err := call(t.Context(), tb)
			if err == nil || errors.Is(err, table.ErrUnavailable) || errors.Is(err, table.ErrConflict) || errors.Is(err, table.ErrNotFound) {
				t.Errorf("%s, %s: error %v", name, op, err)
			}
			if errors.Is(err, table.ErrDenied) != denied {
				t.Errorf("%s, %s: error %v, ErrDenied: want %v", name, op, err, denied)
			}
			if n := attempts.Swap(0); n != 1 {
				t.Errorf("%s, %s: %d attempts, want 1", name, op, n)
			}
		}
	}
}

func TestCanceledTransaction(t *testing.T) {
	tests := []struct {
		name     string
		reasons  []string
		want     error
		attempts int32
	}{
		{"condition", []string{"None", "ConditionalCheckFailed"}, table.ErrConflict, 1},
		{"collision", []string{"TransactionConflict", "None"}, table.ErrConflict, 1},
		{"L13 throttling", []string{"None", "ThrottlingError"}, table.ErrUnavailable, 4},
		{"L13 throughput", []string{"ProvisionedThroughputExceeded", "None"}, table.ErrUnavailable, 4},
		{"L13 throttling after a collision", []string{"TransactionConflict", "ThrottlingError"}, table.ErrUnavailable, 4},
		{"condition after throttling", []string{"ThrottlingError", "ConditionalCheckFailed"}, table.ErrConflict, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tb, attempts := answering(t, 400, canceledBecause(tt.reasons...))
			if err := tb.Transact(t.Context(), someOps...); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if n := attempts.Load(); n != tt.attempts {
				t.Errorf("%d attempts, want %d", n, tt.attempts)
			}
		})
	}
	t.Run("validation", func(t *testing.T) {
		tb, _ := answering(t, 400, canceledBecause("ValidationError", "None"))
		err := tb.Transact(t.Context(), someOps...)
		if err == nil || errors.Is(err, table.ErrConflict) || errors.Is(err, table.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	})
}

func TestPutDuringTransaction(t *testing.T) {
	tb, _ := answering(t, 400, exception("TransactionConflictException"))
	if _, err := tb.Put(t.Context(), someItem); !errors.Is(err, table.ErrConflict) {
		t.Errorf("error %v, want ErrConflict", err)
	}
}

func TestDamagedItem(t *testing.T) {
	for name, item := range map[string]string{
		"no version":       `{"pk":{"S":"p"},"sk":{"S":"s"},"d":{"B":"eA=="}}`,
		"version a string": `{"pk":{"S":"p"},"sk":{"S":"s"},"d":{"B":"eA=="},"v":{"S":"1"}}`,
		"expiry a list":    `{"pk":{"S":"p"},"sk":{"S":"s"},"d":{"B":"eA=="},"v":{"N":"1"},"xms":{"L":[]}}`,
		"fractional":       `{"pk":{"S":"p"},"sk":{"S":"s"},"d":{"B":"eA=="},"v":{"N":"1.5"}}`,
		"no data":          `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"1"}}`,
	} {
		tb, _ := answering(t, 200, `{"Item":`+item+`,"Items":[`+item+`],"Responses":{"table":[`+item+`]}}`)
		for _, op := range []string{"Get", "GetAll", "Query"} {
			if err := calls[op](t.Context(), tb); err == nil || errors.Is(err, table.ErrNotFound) {
				t.Errorf("%s, %s: error %v", name, op, err)
			}
		}
	}
}

// partial is DynamoDB that processes some keys of each BatchGetItem only.
type partial struct {
	dynamo.API
	perCall, calls int
}

func (p *partial) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	p.calls++
	out := &dynamodb.BatchGetItemOutput{
		Responses:       map[string][]map[string]types.AttributeValue{},
		UnprocessedKeys: map[string]types.KeysAndAttributes{},
	}
	for name, want := range in.RequestItems {
		for _, key := range want.Keys[:p.perCall] {
			out.Responses[name] = append(out.Responses[name], map[string]types.AttributeValue{
				"pk": key["pk"], "sk": key["sk"],
				"v": &types.AttributeValueMemberN{Value: "1"}, "d": &types.AttributeValueMemberB{Value: []byte("x")},
			})
		}
		if rest := want.Keys[p.perCall:]; len(rest) > 0 {
			out.UnprocessedKeys[name] = types.KeysAndAttributes{Keys: rest}
		}
	}
	return out, nil
}

func TestUnprocessedKeys(t *testing.T) {
	var keys []table.Key
	for i := range 10 {
		keys = append(keys, table.Key{PK: "p", SK: fmt.Sprint(i)})
	}
	t.Run("L13 unprocessed keys are asked for again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := &partial{perCall: 1}
			items, err := dynamo.New(api, "table", time.Now).GetAll(t.Context(), keys...)
			if err != nil || api.calls != 10 {
				t.Fatalf("error %v after %d calls, want none after 10", err, api.calls)
			}
			for i, item := range items {
				if item.Key != keys[i] || item.Version != 1 {
					t.Errorf("item %d: %+v", i, item)
				}
			}
		})
	})
	t.Run("L13 no key is processed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := &partial{}
			_, err := dynamo.New(api, "table", time.Now).GetAll(t.Context(), keys...)
			if !errors.Is(err, table.ErrUnavailable) || api.calls != 4 {
				t.Errorf("error %v after %d calls, want ErrUnavailable after 4", err, api.calls)
			}
		})
	})
	t.Run("L13 within the context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_, err := dynamo.New(&partial{}, "table", time.Now).GetAll(ctx, keys...)
			if !errors.Is(err, table.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want ErrUnavailable for the deadline", err)
			}
		})
	})
}
