package lambdahttp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// scheduleMargin is kept of a scheduled function's time to write down what it
// has found.
const scheduleMargin = 5 * time.Second

// StartSchedule calls do for each event of an EventBridge schedule until the
// function's environment is shut down. Of opts only Log counts.
func StartSchedule(do func(context.Context) error, opts Options) { lambda.Start(Schedule(do, opts)) }

// Schedule returns the function that answers one event of an EventBridge
// schedule with do. Every other event is an error with the log reason
// event.unknown (security-requirements.md L1), and so are those of an HTTP API:
// what runs on a schedule has no callers.
func Schedule(do func(context.Context) error, opts Options) func(context.Context, json.RawMessage) error {
	return func(ctx context.Context, raw json.RawMessage) error {
		if err := parseSchedule(raw); err != nil {
			opts.log().ErrorContext(ctx, "event refused", "event", "lambda.event.rejected",
				"reason", idp.EventUnknown, "request_id", requestID(ctx), "err", err)
			return errSchedule
		}
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-scheduleMargin))
			defer cancel()
		}
		if err := do(ctx); err != nil {
			// The text of an error stays in the log; what Lambda keeps is a word.
			opts.log().ErrorContext(ctx, "scheduled work failed", "event", "lambda.schedule.failed", "request_id", requestID(ctx), "err", err)
			return fmt.Errorf("scheduled work failed: %s", idp.AsError(err).LogReason())
		}
		return nil
	}
}

var errSchedule = fmt.Errorf("%s: this function runs on its schedule only", idp.EventUnknown)

func parseSchedule(raw json.RawMessage) error {
	var e events.EventBridgeEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("not an EventBridge event: %w", typeOnly(err))
	}
	if e.Source != "aws.events" || e.DetailType != "Scheduled Event" {
		return fmt.Errorf("not an event of a schedule")
	}
	return nil
}
