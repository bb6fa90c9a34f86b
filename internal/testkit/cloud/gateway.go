package cloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/latchkey-idp/latchkey/internal/testkit/apigw"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// Limits of HTTP APIs (API Gateway Developer Guide, "Quotas for configuring and
// running an HTTP API").
const (
	maxHead = 10240    // request line and header values together
	maxBody = 10 << 20 // payload
)

// gateway is an HTTP API: what it does not route costs no invocation.
type gateway struct {
	routes []sam.Route
	caller string // ARN of whoever signs requests
	invoke func(function string, event []byte) ([]byte, error)
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if headSize(r) > maxHead {
		say(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
		return
	}
	route, params, ok := match(g.routes, r.Method, r.URL.EscapedPath())
	if !ok {
		say(w, http.StatusNotFound, "Not Found")
		return
	}
	if route.IAM && !signed(r) {
		say(w, http.StatusForbidden, "Forbidden")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if len(body) > maxBody {
		say(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	event, err := g.event(r, route, params)
	if err != nil {
		panic(err)
	}
	g.answer(w, r, route, event)
}

func (g *gateway) event(r *http.Request, route sam.Route, params map[string]string) ([]byte, error) {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	host, _, _ := strings.Cut(r.Host, ":")
	api := apigw.Gateway{Domain: host, RouteKey: route.Key, SourceIP: ip, Params: params}
	if route.IAM {
		api.Caller = g.caller
	}
	return api.Event(r)
}

// answer invokes the function and waits for it as long as the integration says.
func (g *gateway) answer(w http.ResponseWriter, r *http.Request, route sam.Route, event []byte) {
	type outcome struct {
		raw []byte
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		raw, err := g.invoke(route.Function, event)
		done <- outcome{raw, err}
	}()
	late := time.NewTimer(route.Timeout)
	defer late.Stop()
	select {
	case <-late.C:
		say(w, http.StatusServiceUnavailable, "Service Unavailable")
	case o := <-done:
		var a events.APIGatewayV2HTTPResponse
		switch {
		case errors.Is(o.err, errThrottled):
			say(w, http.StatusServiceUnavailable, "Service Unavailable")
		case errors.Is(o.err, lambdaruntime.ErrTooLarge) && !errors.Is(o.err, lambdaruntime.ErrFunction):
			say(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		case o.err != nil || json.Unmarshal(o.raw, &a) != nil || a.StatusCode == 0:
			say(w, http.StatusInternalServerError, "Internal Server Error")
		default:
			relay(w, r, a)
		}
	}
}

func relay(w http.ResponseWriter, r *http.Request, a events.APIGatewayV2HTTPResponse) {
	resp, err := apigw.Response(r, a)
	if err != nil {
		say(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// say answers as the gateway itself does.
func say(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func headSize(r *http.Request) int {
	n := len(r.Method) + len(" ") + len(r.URL.RequestURI()) + len(" HTTP/1.1") + len(r.Host)
	for _, values := range r.Header {
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// signature is the form of a SigV4 signature for this service. What it is worth
// is AWS's to say.
var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[A-Za-z0-9]+/\d{8}/` + sam.Region +
	`/execute-api/aws4_request, ?SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, ?Signature=[0-9a-f]{64}$`)

func signed(r *http.Request) bool {
	return signature.MatchString(r.Header.Get("Authorization")) && r.Header.Get("X-Amz-Date") != ""
}
