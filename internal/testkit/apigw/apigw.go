// Package apigw imitates an API Gateway HTTP API (payload format 2.0) for
// tests: it makes events of requests and responses of answers, so that an
// http.Client with a cookie jar can drive a Lambda function.
package apigw

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Gateway is what the gateway adds to a request. Its zero value answers for
// the request's own host.
type Gateway struct {
	Domain   string            // empty: the request's host
	Stage    string            // empty: $default
	RouteKey string            // empty: "METHOD /path"
	Params   map[string]string // of the route's path
	SourceIP string            // empty: 203.0.113.7
	Caller   string            // ARN; set on routes with AWS_IAM authorization
	Now      func() time.Time
}

const defaultIP = "203.0.113.7"

// Event makes the event that the gateway would send for r. It reads r's body.
func (g Gateway) Event(r *http.Request) (json.RawMessage, error) {
	e, err := g.event(r)
	if err != nil {
		return nil, err
	}
	return json.Marshal(e)
}

func (g Gateway) event(r *http.Request) (events.APIGatewayV2HTTPRequest, error) {
	e := events.APIGatewayV2HTTPRequest{
		Version:        "2.0",
		RouteKey:       or(g.RouteKey, r.Method+" "+r.URL.Path),
		RawPath:        or(r.URL.Path, "/"), // decoded, unlike the query
		RawQueryString: r.URL.RawQuery,
		Headers:        map[string]string{"host": or(r.Host, r.URL.Host)},
		PathParameters: g.Params,
	}
	for name, values := range r.Header {
		if name != "Cookie" {
			e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	// What the gateway adds itself; a client's own X-Forwarded-For stays in front.
	ip := or(g.SourceIP, defaultIP)
	e.Headers["x-forwarded-for"] = strings.TrimPrefix(e.Headers["x-forwarded-for"]+", "+ip, ", ")
	e.Headers["x-forwarded-port"], e.Headers["x-forwarded-proto"] = "443", "https"
	e.Headers["x-amzn-trace-id"] = "Root=1-66a0f1b2-0123456789abcdef01234567"
	for _, line := range r.Header.Values("Cookie") {
		e.Cookies = append(e.Cookies, strings.Split(line, "; ")...)
	}
	if q := r.URL.Query(); len(q) > 0 {
		e.QueryStringParameters = map[string]string{}
		for name, values := range q {
			e.QueryStringParameters[name] = strings.Join(values, ",")
		}
	}
	if err := setBody(&e, r); err != nil {
		return e, err
	}
	e.RequestContext = g.context(r, e)
	return e, nil
}

func (g Gateway) context(r *http.Request, e events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPRequestContext {
	now := time.Now
	if g.Now != nil {
		now = g.Now
	}
	domain := or(g.Domain, or(r.Host, r.URL.Host))
	prefix, _, _ := strings.Cut(domain, ".")
	rc := events.APIGatewayV2HTTPRequestContext{
		AccountID: "111122223333", APIID: "api1234567", Stage: or(g.Stage, "$default"),
		DomainName: domain, DomainPrefix: prefix,
		RequestID: "JKJaXmPLvHcESHA=", RouteKey: e.RouteKey,
		Time: now().UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now().UnixMilli(),
	}
	rc.HTTP.Method, rc.HTTP.Path, rc.HTTP.Protocol = or(r.Method, http.MethodGet), e.RawPath, "HTTP/1.1"
	rc.HTTP.SourceIP, rc.HTTP.UserAgent = or(g.SourceIP, defaultIP), r.UserAgent()
	if g.Caller != "" {
		rc.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{AccountID: rc.AccountID, UserARN: g.Caller},
		}
	}
	return rc
}

// textKinds are what the gateway takes for text besides text/*.
var textKinds = []string{"application/json", "application/xml", "application/javascript"}

// setBody encodes every body that is not text with base64, as the gateway
// does; it treats forms as binary.
func setBody(e *events.APIGatewayV2HTTPRequest, r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("read request body: %w", err)
	}
	if len(body) == 0 {
		return nil
	}
	e.Headers["content-length"] = strconv.Itoa(len(body))
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if strings.HasPrefix(kind, "text/") || slices.Contains(textKinds, kind) {
		e.Body = string(body)
		return nil
	}
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	return nil
}

// Response makes the HTTP response that the gateway would send for a
// function's answer to r.
func Response(r *http.Request, a events.APIGatewayV2HTTPResponse) (*http.Response, error) {
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return nil, fmt.Errorf("decode response body: %w", err)
		}
	}
	resp := &http.Response{
		StatusCode: a.StatusCode, Status: strconv.Itoa(a.StatusCode) + " " + http.StatusText(a.StatusCode),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(string(body))), ContentLength: int64(len(body)),
	}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		resp.Header.Set(name, a.Headers[name])
	}
	for _, cookie := range a.Cookies {
		resp.Header.Add("Set-Cookie", cookie)
	}
	return resp, nil
}

// Transport is an http.RoundTripper whose server is a Lambda function.
type Transport struct {
	Gateway Gateway
	Invoke  func(context.Context, json.RawMessage) (events.APIGatewayV2HTTPResponse, error)
}

// RoundTrip implements http.RoundTripper. A function error becomes 500, as it
// does at the gateway.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	event, err := t.Gateway.Event(r)
	if err != nil {
		return nil, err
	}
	answer, err := t.Invoke(r.Context(), event)
	if err != nil {
		answer = events.APIGatewayV2HTTPResponse{StatusCode: http.StatusInternalServerError, Body: `{"message":"Internal Server Error"}`}
	}
	return Response(r, answer)
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
