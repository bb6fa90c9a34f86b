package cloud

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

var routes = []sam.Route{
	{Key: "GET /work", Function: "work", Timeout: 200 * time.Millisecond},
	{Key: "POST /work", Function: "work", Timeout: 5 * time.Second},
	{Key: "GET /work/{id}", Function: "one", Timeout: time.Second},
	{Key: "GET /work/own", Function: "own", Timeout: time.Second},
	{Key: "ANY /admin/{proxy+}", IAM: true, Function: "admin", Timeout: time.Second},
	{Key: "POST /admin/out", IAM: true, Function: "out", Timeout: time.Second},
}

func TestMatch(t *testing.T) {
	for request, want := range map[string]string{
		"GET /work": "work ", "GET /work/": "", "GET //work": "", "GET /prod/work": "", "DELETE /work": "",
		"GET /work/1": "one 1", "GET /work/own": "own ", "GET /work/a%2Fb": "one a/b", "GET /work/1/2": "", "GET /w%6Frk": "work ",
		"GET /work/%2e%2e/admin/x": "", "GET /admin": "", "GET /admin/": "", "PUT /admin/a/b": "admin a/b",
		"POST /admin/out": "out ", "GET /admin/out": "admin out",
	} {
		method, path, _ := strings.Cut(request, " ")
		route, params, _ := match(routes, method, path)
		got := route.Function
		if got != "" {
			got += " " + params["id"] + params["proxy"]
		}
		if got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

// ask sends a request to a gateway whose functions answer as told.
func ask(r *http.Request, answer func(events.APIGatewayV2HTTPRequest) (any, error)) (status int, body string, invoked bool) {
	g := &gateway{routes: routes, caller: Caller, invoke: func(_ string, raw []byte) ([]byte, error) {
		invoked = true
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, err
		}
		if len(raw) > lambdaruntime.MaxPayload {
			return nil, lambdaruntime.ErrTooLarge
		}
		a, err := answer(e)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	}}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Code, w.Body.String(), invoked
}

func fine(events.APIGatewayV2HTTPRequest) (any, error) {
	return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "fine"}, nil
}

func post(size int) *http.Request {
	return httptest.NewRequest(http.MethodPost, "https://idp.test/work", strings.NewReader(strings.Repeat("x", size)))
}

func TestLimits(t *testing.T) {
	long := func(n int) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "https://idp.test/work", nil)
		r.Header.Set("X-Long", strings.Repeat("x", n-len("GET /work HTTP/1.1")-len("idp.test")))
		return r
	}
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		invoked bool
	}{
		"a head that just fits":            {long(10240), 200, true},
		"a head of one byte more":          {long(10241), 431, false},
		"a body that just fits, in base64": {post(4_700_000), 200, true},
		"a body over 6 MB, in base64":      {post(4_800_000), 413, true},
		"a body over 10 MB":                {post(maxBody + 1), 413, false},
		"no such route":                    {httptest.NewRequest(http.MethodGet, "https://idp.test/none", nil), 404, false},
		"a route for signed requests":      {httptest.NewRequest(http.MethodGet, "https://idp.test/admin/x", nil), 403, false},
	} {
		status, body, invoked := ask(c.request, fine)
		if status != c.status || invoked != c.invoked || status != 200 && !strings.HasPrefix(body, `{"message":"`) {
			t.Errorf("%s: %d %s, invoked %v", name, status, body, invoked)
		}
	}
}

func TestFailures(t *testing.T) {
	get := func() *http.Request { return httptest.NewRequest(http.MethodGet, "https://idp.test/work", nil) }
	for name, c := range map[string]struct {
		answer func(events.APIGatewayV2HTTPRequest) (any, error)
		status int
	}{
		"the function fails": {func(events.APIGatewayV2HTTPRequest) (any, error) { return nil, lambdaruntime.ErrFunction }, 500},
		"its answer is over 6 MB": {func(events.APIGatewayV2HTTPRequest) (any, error) {
			return nil, fmt.Errorf("%w: %w", lambdaruntime.ErrFunction, lambdaruntime.ErrTooLarge)
		}, 500},
		"its answer has no status": {func(events.APIGatewayV2HTTPRequest) (any, error) { return map[string]string{"body": "x"}, nil }, 500},
		"its answer is not base64": {func(events.APIGatewayV2HTTPRequest) (any, error) {
			return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "%", IsBase64Encoded: true}, nil
		}, 500},
		"it ran into its time-out":   {func(events.APIGatewayV2HTTPRequest) (any, error) { return nil, lambdaruntime.ErrTimeout }, 500},
		"all its instances are busy": {func(events.APIGatewayV2HTTPRequest) (any, error) { return nil, errThrottled }, 503},
		"it takes longer than the integration": {func(events.APIGatewayV2HTTPRequest) (any, error) {
			time.Sleep(400 * time.Millisecond)
			return nil, errors.New("late")
		}, 503},
	} {
		if status, body, _ := ask(get(), c.answer); status != c.status || !strings.HasPrefix(body, `{"message":"`) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

// TestEvent: what arrives of a request, and what the gateway adds.
func TestEvent(t *testing.T) {
	r := httptest.NewRequest(http.MethodPut, "https://idp.test/admin/a%20b/c?x=%2b&x=2", strings.NewReader("a=1"))
	r.RemoteAddr = "198.51.100.9:4711"
	r.Header.Add("Accept", "a")
	r.Header.Add("Accept", "b")
	r.Header.Set("Cookie", "one=1; two=2")
	r.Header.Set("X-Forwarded-For", "1.2.3.4")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Amz-Date", "20261126T120000Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=TESTONLY/20261126/eu-central-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64))
	status, body, _ := ask(r, func(e events.APIGatewayV2HTTPRequest) (any, error) {
		if e.RawPath != "/admin/a b/c" || e.RawQueryString != "x=%2b&x=2" || e.Headers["accept"] != "a,b" || len(e.Cookies) != 2 || e.Cookies[1] != "two=2" ||
			e.Headers["cookie"] != "" || e.Headers["x-forwarded-for"] != "1.2.3.4, 198.51.100.9" || e.RequestContext.HTTP.SourceIP != "198.51.100.9" ||
			!e.IsBase64Encoded || e.Body != base64.StdEncoding.EncodeToString([]byte("a=1")) || e.RouteKey != "ANY /admin/{proxy+}" ||
			e.PathParameters["proxy"] != "a b/c" || e.RequestContext.Authorizer.IAM.UserARN != Caller || e.RequestContext.DomainName != "idp.test" {
			return nil, fmt.Errorf("%+v", e)
		}
		return events.APIGatewayV2HTTPResponse{StatusCode: 201, Cookies: []string{"a=1", "b=2"}, Headers: map[string]string{"X-Y": "z"}}, nil
	})
	if status != 201 {
		t.Errorf("%d %s", status, body)
	}
}
