package dynamo

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// A person waits for the answer, and a gateway for at most 30 s: few attempts,
// soon after one another. The context may end them earlier.
const (
	maxAttempts    = 4
	attemptTimeout = 2 * time.Second // DynamoDB answers within some 10 ms
	minBackoff     = 50 * time.Millisecond
	maxBackoff     = 400 * time.Millisecond
)

// Options sets how the client repeats calls. The time limit of an attempt is set
// only if the HTTP client is the SDK's own (awshttp.BuildableClient); any other
// must bring one, or a lost answer is noticed only when the context ends.
func Options(o *dynamodb.Options) {
	o.Retryer = retry.NewStandard(func(so *retry.StandardOptions) {
		so.MaxAttempts = maxAttempts
		so.MaxBackoff = maxBackoff
		so.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return backoff(attempt), nil
		})
		so.Retryables = append(so.Retryables, retry.IsErrorRetryableFunc(throttledTransaction))
	})
	if c, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
		o.HTTPClient = c.WithTimeout(attemptTimeout)
	}
}

// backoff is how long to wait after the attempt of this number, from 1: twice as
// long each time, with jitter so that callers who were throttled together don't
// come back together.
func backoff(attempt int) time.Duration {
	limit := min(maxBackoff, minBackoff<<min(attempt-1, 8))
	return limit/2 + rand.N(limit/2)
}

// throttledTransaction makes the SDK repeat a transaction that was canceled only
// because of throttling, which it doesn't by itself.
func throttledTransaction(err error) aws.Ternary {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) && errors.Is(whyCanceled(canceled), table.ErrUnavailable) {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}
