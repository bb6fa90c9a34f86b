package stackdoctor

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
)

// atEdge looks, in a stack behind CloudFront, whether the API refuses those who go
// around it. What comes through it is looked at by atAnswers.
func (x *examination) atEdge(ctx context.Context) {
	base, err := url.Parse(x.stack.outputs[outputURL])
	if x.stack.parameters["OriginSecret"] == "" || err != nil || base.Host == "" {
		return
	}
	domain, err := x.gateway.GetDomainName(ctx, &apigatewayv2.GetDomainNameInput{DomainName: aws.String(base.Hostname())})
	switch {
	case notFound(err):
		x.find("edge.domain", base.Hostname(), "the API has no domain of this host, and CloudFront asks for it by this host: deploy infra/custom-domain.yaml")
		return
	case err != nil:
		x.failed(err, "edge.domain", base.Hostname())
		return
	}
	for _, c := range domain.DomainNameConfigurations {
		origin := aws.ToString(c.ApiGatewayDomainName)
		a, err := x.around(origin, base.Port()).get(ctx, base.String()+"/v1/config/public")
		switch {
		case err != nil:
			x.find("edge.unreachable", origin, "the API's own domain does not answer, so CloudFront cannot reach it either: %v", err)
		case a.status != http.StatusForbidden:
			x.find("edge.open", origin, "it answers %d to somebody who goes around CloudFront, where it must answer 403: deploy the stack again with OriginSecret", a.status)
		}
	}
}

// around is an examination that reaches the public address at origin, whatever DNS
// says. port is empty for that of HTTPS.
func (x *examination) around(origin, port string) *examination {
	if port == "" {
		port = "443"
	}
	var direct *http.Transport
	if t, ok := x.http.Transport.(*http.Transport); ok {
		direct = t.Clone()
	} else {
		direct = &http.Transport{}
	}
	direct.DisableKeepAlives = true
	direct.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(origin, port))
	}
	client := *x.http
	client.Transport = direct
	doctor := *x.Doctor
	doctor.http = &client
	return &examination{Doctor: &doctor, stack: x.stack}
}
