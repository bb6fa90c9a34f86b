package lambdahttp

import (
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// healthPath is all that HealthHost has.
const healthPath = "/v1/healthz"

// atHealthHost reports whether an event came by the name of the health checks.
func (o Options) atHealthHost(e events.APIGatewayV2HTTPRequest) bool {
	return o.HealthHost != "" && strings.EqualFold(e.RequestContext.DomainName, o.HealthHost)
}

// asksHealth: the one request that the health host answers. It is a name for
// machines: what browsers send has no place there, and nobody else is let past
// CloudFront by it.
func asksHealth(e events.APIGatewayV2HTTPRequest) bool {
	return e.RequestContext.HTTP.Method == http.MethodGet && e.RawPath == healthPath && e.RawQueryString == "" && e.Body == ""
}
