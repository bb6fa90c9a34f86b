package kmssigner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	smithyerr "github.com/aws/smithy-go"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/latchkey-idp/latchkey/internal/keys"
)

const (
	budget     = 2 * time.Second        // all attempts of a call, and the waits between
	perAttempt = 900 * time.Millisecond // one attempt; KMS usually takes 10 to 50 ms
	firstWait  = 50 * time.Millisecond  // doubled after each attempt
	maxWait    = 400 * time.Millisecond
)

// call names an operation in logs and errors.
type call struct {
	name string
	key  string
	log  *slog.Logger
}

// request is one attempt: its result and the metadata of the answer.
type request[T any] func(context.Context) (T, smithy.Metadata, error)

// once turns the SDK's own retries off.
func once(o *kms.Options) { o.Retryer = aws.NopRetryer{} }

// do calls KMS until it answers, refuses, or the budget is used up.
func do[T any](ctx context.Context, c call, request request[T]) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	for attempt := 1; ; attempt++ {
		out, err := try(bounded, c, attempt, request)
		switch {
		case err == nil:
			return out, nil
		case errors.Is(ctx.Err(), context.Canceled): // nobody waits for the answer any more
			return out, fmt.Errorf("KMS %s with key %s: %w", c.name, c.key, context.Canceled)
		case !transient(bounded, err):
			return out, fmt.Errorf("KMS %s with key %s: %w", c.name, c.key, refused(err))
		case !sleep(bounded, wait(attempt)):
			return out, fmt.Errorf("KMS %s with key %s failed %d times: %w: %w",
				c.name, c.key, attempt, keys.ErrUnavailable, errors.Join(ctx.Err(), err))
		}
	}
}

// try makes one attempt and logs it.
func try[T any](ctx context.Context, c call, attempt int, request request[T]) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, perAttempt)
	defer cancel()
	out, answer, err := request(ctx)
	if ctx.Err() != nil && err != nil {
		err = fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	attrs := []any{"key", c.key, "request_id", requestID(answer, err), "attempt", attempt}
	if err != nil {
		c.log.WarnContext(ctx, "KMS "+c.name, append(attrs, "err", err)...)
	} else {
		c.log.InfoContext(ctx, "KMS "+c.name, attrs...)
	}
	return out, err
}

var errNoAnswer = errors.New("no answer in time")

// transient reports whether another attempt may succeed.
func transient(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, errNoAnswer) ||
		retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// refused marks that KMS does not serve us, which is nothing that the caller
// could help. It leaves what is said of the caller's own input.
func refused(err error) error {
	var api smithyerr.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode() {
	case "AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException",
		"IncompleteSignatureException", "MissingAuthenticationTokenException", "DisabledException", "NotFoundException", "KMSInvalidStateException":
		return fmt.Errorf("%w: %w", keys.ErrDenied, err)
	}
	return err
}

// wait is the pause after an attempt: exponential, half of it random, so that
// instances throttled together do not come back together.
func wait(attempt int) time.Duration {
	d := min(firstWait<<min(attempt-1, 8), maxWait)
	return d/2 + rand.N(d/2)
}

// sleep waits for d, or not at all if ctx would end first.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// requestID is the ID that KMS gave a request, or empty.
func requestID(answer smithy.Metadata, err error) string {
	var refused *awshttp.ResponseError
	if errors.As(err, &refused) {
		return refused.ServiceRequestID()
	}
	id, _ := middleware.GetRequestIDMetadata(answer)
	return id
}
