package lambdahttp

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

var methodToken = regexp.MustCompile(`^[A-Z]{1,16}$`)

// parseEvent reads an event and refuses every kind but the one that our HTTP
// API sends. The body of the result is decoded.
func (o Options) parseEvent(raw json.RawMessage) (events.APIGatewayV2HTTPRequest, error) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("not an HTTP API event: %w", typeOnly(err))
	}
	rc := e.RequestContext
	switch {
	case e.Version != "2.0":
		return e, fmt.Errorf("payload format is not 2.0")
	case e.RouteKey == "" || rc.APIID == "" || rc.HTTP.SourceIP == "":
		return e, fmt.Errorf("not an HTTP API event: routeKey, apiId or sourceIp is missing")
	case !methodToken.MatchString(rc.HTTP.Method):
		return e, fmt.Errorf("not an HTTP API event: no method")
	case !strings.HasPrefix(e.RawPath, "/"):
		return e, fmt.Errorf("not an HTTP API event: no path")
	case rc.Stage != o.stage():
		return e, fmt.Errorf("stage is not %s", o.stage())
	case o.atHealthHost(e): // see exchange
	case rc.DomainName == "" || len(o.Domains) > 0 && !slices.ContainsFunc(o.Domains, func(d string) bool {
		return strings.EqualFold(d, rc.DomainName)
	}):
		return e, fmt.Errorf("domain is not allowed")
	}
	if e.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return e, fmt.Errorf("body is not base64")
		}
		e.Body, e.IsBase64Encoded = string(body), false
	}
	return e, nil
}

// typeOnly keeps what a JSON error says about the input's shape: its text may
// quote the input.
func typeOnly(err error) error { return fmt.Errorf("%T", err) }
