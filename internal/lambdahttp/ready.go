package lambdahttp

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// ReadyEvent asks a function whether it could answer requests. Only those can send
// it who may invoke the function: what API Gateway sends is made by API Gateway. The
// answer has status 200, or 503 with the reason in its body.
const ReadyEvent = `{"latchkey":"ready?"}`

// Readier is a handler that needs something before it can answer: Ready gets it, and
// the error has the reason.
type Readier interface {
	Ready(ctx context.Context) error
}

// asksReady reports whether an event is ReadyEvent and nothing else.
func asksReady(raw json.RawMessage) bool { return strings.TrimSpace(string(raw)) == ReadyEvent }

// ready answers ReadyEvent.
func ready(ctx context.Context, h http.Handler) events.APIGatewayV2HTTPResponse {
	if r, ok := h.(Readier); ok {
		if err := r.Ready(ctx); err != nil {
			return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusServiceUnavailable, Body: idp.AsError(err).LogReason()}
		}
	}
	return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusOK}
}
