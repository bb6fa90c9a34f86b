package lambdahttp

import (
	"context"
	"errors"
	"net/http"
	"runtime"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/latchkey-idp/latchkey/internal/headers"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

// exchange answers one event. The adapter calls it with an empty request that
// has the event's method and body.
type exchange struct {
	opts    Options
	event   events.APIGatewayV2HTTPRequest
	handler http.Handler
}

func (x exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := x.answer(r)
	answer.copyTo(w, r.Method)
}

// answer runs the handler; a panic discards whatever it had written.
func (x exchange) answer(r *http.Request) (rec *recorder) {
	rec = newRecorder()
	defer func() {
		if v := recover(); v != nil {
			x.logPanic(r.Context(), v)
			rec = newRecorder()
			plainError(rec, http.StatusInternalServerError, idp.Internal)
		}
	}()
	if x.opts.atHealthHost(x.event) && !asksHealth(x.event) {
		plainError(rec, http.StatusMisdirectedRequest, idp.Misdirected)
		return rec
	}
	r, err := x.opts.request(r, x.event)
	switch {
	case errors.Is(err, errAround):
		x.opts.log().WarnContext(r.Context(), err.Error(), "event", "lambda.edge.rejected",
			"reason", idp.HostUnknown, "request_id", requestID(r.Context()), "ip", x.event.RequestContext.HTTP.SourceIP)
		plainError(rec, http.StatusForbidden, idp.Authz)
	case err != nil:
		x.opts.log().ErrorContext(r.Context(), "request could not be judged", "event", "lambda.edge.unknown",
			"reason", idp.OriginUnavailable, "request_id", requestID(r.Context()), "err", err)
		rec.Header().Set("Retry-After", "2")
		plainError(rec, http.StatusServiceUnavailable, idp.Busy)
	default:
		x.handler.ServeHTTP(rec, r)
	}
	return rec
}

// logPanic writes one line. Of the value only an error's text is logged: any
// other may hold anything.
func (x exchange) logPanic(ctx context.Context, v any) {
	stack := make([]byte, 4<<10)
	stack = stack[:runtime.Stack(stack, false)]
	attrs := []any{"event", "lambda.panic", "reason", idp.Panic, "request_id", requestID(ctx), "stack", string(stack)}
	if err, ok := v.(error); ok {
		attrs = append(attrs, "err", err)
	}
	x.opts.log().ErrorContext(ctx, "handler panicked", attrs...)
}

// plainError is the answer where no page can be made: words, no markup.
func plainError(w http.ResponseWriter, status int, code idp.Code) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	headers.Set(h, true)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(code.Info().Title + "\n"))
}

func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}
