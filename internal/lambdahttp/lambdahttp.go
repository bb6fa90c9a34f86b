package lambdahttp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// ErrEvent is what the invoker of an event of another kind gets. It says
// nothing about the event.
var ErrEvent = errors.New("event.unknown: this function serves its HTTP API only")

// Options says which events are ours. The zero value accepts every domain on
// the $default stage, without a CDN.
type Options struct {
	Domains []string // allowed requestContext.domainName; empty: any
	Stage   string   // empty: $default

	// ViaCloudFront, if set, judges what a request has in OriginHeader: the API
	// is reached through CloudFront only, and its account of the client counts.
	// What is refused gets 403, what cannot be judged 503.
	ViaCloudFront func(ctx context.Context, secret string) (bool, error)

	// HealthHost is a further domain, of which GET /v1/healthz is let in, also
	// past CloudFront, and everything else is 421. Empty: none.
	HealthHost string

	// PublicHost is what handlers see as the host of a request that was let in,
	// with the port. Empty: the gateway's domain name.
	PublicHost string

	// Margin is what is kept of the function's time to answer with an error
	// after a handler ran into its deadline. 0: 500 ms.
	Margin time.Duration

	Log *slog.Logger // nil: no log
}

func (o Options) stage() string {
	if o.Stage == "" {
		return "$default"
	}
	return o.Stage
}

func (o Options) margin() time.Duration {
	if o.Margin == 0 {
		return 500 * time.Millisecond
	}
	return o.Margin
}

func (o Options) log() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

// Start serves events with h until the function's environment is shut down.
func Start(h http.Handler, opts Options) { lambda.Start(Handler(h, opts)) }

// Handler returns the function that answers one event with h, and ReadyEvent.
func Handler(h http.Handler, opts Options) func(context.Context, json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, raw json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
		ctx, cancel := opts.withMargin(ctx)
		defer cancel()
		if asksReady(raw) {
			return ready(ctx, h), nil
		}
		event, err := opts.parseEvent(raw)
		if err != nil {
			opts.log().ErrorContext(ctx, "event refused", "event", "lambda.event.rejected",
				"reason", idp.EventUnknown, "request_id", requestID(ctx), "err", err)
			return events.APIGatewayV2HTTPResponse{}, ErrEvent
		}

		// The adapter gets an event that it cannot misread: no path, query,
		// headers or cookies. exchange sets them from the real one.
		bare := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: "/", Body: event.Body}
		bare.RequestContext.DomainName = "latchkey.invalid"
		bare.RequestContext.HTTP.Method = event.RequestContext.HTTP.Method
		return httpadapter.NewV2(exchange{opts, event, h}).ProxyWithContext(ctx, bare)
	}
}

func (o Options) withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-o.margin()))
	}
	return context.WithCancel(ctx)
}
