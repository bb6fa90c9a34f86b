package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/latchkey-idp/latchkey/internal/table"
)

// classify turns what the SDK returns, after its retries, into the errors of
// package table, with the cause wrapped. What is a mistake in the call itself
// stays as it is.
func classify(err error) error {
	var refused *types.ConditionalCheckFailedException
	var busy *types.TransactionConflictException
	var canceled *types.TransactionCanceledException
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &refused), errors.As(err, &busy):
		return fmt.Errorf("%w: %w", table.ErrConflict, err)
	case errors.As(err, &canceled):
		if kind := whyCanceled(canceled); kind != nil {
			return fmt.Errorf("%w: %w", kind, err)
		}
		return err
	case unavailable(err):
		return fmt.Errorf("%w: %w", table.ErrUnavailable, err)
	case denied(err):
		return fmt.Errorf("%w: %w", table.ErrDenied, err)
	}
	return err
}

// denied reports that DynamoDB does not serve us, which is nothing that the
// person whose call it was could help, and ends without a new program when
// permissions, credentials or the table are back.
func denied(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException",
		"IncompleteSignatureException", "MissingAuthenticationTokenException", "ResourceNotFoundException":
		return true
	}
	return false
}

// whyCanceled judges by all reasons of a canceled transaction, one per item. A
// failed condition is final whatever else there was; throttling comes before a
// collision with another transaction because the caller should then wait.
func whyCanceled(e *types.TransactionCanceledException) error {
	reasons := map[string]bool{}
	for _, r := range e.CancellationReasons {
		reasons[aws.ToString(r.Code)] = true
	}
	switch {
	case reasons["ConditionalCheckFailed"]:
		return table.ErrConflict
	case reasons["ProvisionedThroughputExceeded"], reasons["ThrottlingError"]:
		return table.ErrUnavailable
	case reasons["TransactionConflict"]:
		return table.ErrConflict
	}
	return nil
}

// unavailable reports throttling, a failure of the service, or no answer.
func unavailable(err error) bool {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return true
	}
	_, throttled := retry.DefaultThrottleErrorCodes[api.ErrorCode()]
	return throttled || api.ErrorFault() == smithy.FaultServer
}

// writtenWith reports that a write was refused by what it had itself written:
// the answer to an earlier attempt was lost.
func writtenWith(token string, err error) bool {
	var refused *types.ConditionalCheckFailedException
	if !errors.As(err, &refused) {
		return false
	}
	tok, ok := refused.Item["tok"].(*types.AttributeValueMemberS)
	return ok && tok.Value == token
}
