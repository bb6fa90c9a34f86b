package lambdahttp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/aws/aws-lambda-go/events"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// OriginHeader carries the secret that CloudFront adds to requests to its
// origin. Handlers never see it.
const OriginHeader = "X-Latchkey-Origin"

// errAround: the request had to come through CloudFront and did not.
var errAround = errors.New("request did not come through the CDN")

// request fills r, which has only a method and a body, from the event. It fails
// with errAround, or if it could not be judged.
func (o Options) request(r *http.Request, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	header := make(http.Header, len(e.Headers))
	for name, value := range e.Headers {
		header.Set(name, value) // one value, commas and all: only its reader knows if it is a list
	}
	client := idp.Client{IP: e.RequestContext.HTTP.SourceIP}
	host := e.RequestContext.DomainName
	if o.PublicHost != "" {
		host = o.PublicHost
	}
	if o.ViaCloudFront != nil && !o.atHealthHost(e) {
		switch ok, err := o.ViaCloudFront(r.Context(), header.Get(OriginHeader)); {
		case err != nil:
			return r, err
		case !ok:
			return r, errAround
		}
		client = viewer(header)
	}
	dropProxyHeaders(header)
	header.Del("Host") // as net/http's server does
	if len(e.Cookies) > 0 {
		header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}

	r = r.WithContext(withCaller(idp.WithClient(r.Context(), client), e))
	r.Header = header
	r.Host = host
	r.RemoteAddr = net.JoinHostPort(client.IP, "0") // handlers may split it; the gateway tells no port
	r.URL = &url.URL{Path: e.RawPath, RawQuery: e.RawQueryString}
	r.RequestURI = r.URL.RequestURI()
	return r, nil
}

// withCaller passes on who signed the request, where the route demands AWS_IAM.
func withCaller(ctx context.Context, e events.APIGatewayV2HTTPRequest) context.Context {
	if a := e.RequestContext.Authorizer; a != nil && a.IAM != nil && a.IAM.UserARN != "" {
		return idp.WithCaller(ctx, a.IAM.UserARN)
	}
	return ctx
}

// IAMCaller returns the ARN of the IAM principal that signed the request
// (routes with AWS_IAM authorization).
func IAMCaller(ctx context.Context) (arn string, ok bool) {
	arn = idp.CallerFrom(ctx)
	return arn, arn != ""
}

// dropProxyHeaders removes what anyone may forge and nobody may read.
func dropProxyHeaders(h http.Header) {
	for name := range h {
		if name == OriginHeader || name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || name == "True-Client-Ip" ||
			strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "Cloudfront-") || strings.HasPrefix(name, "X-Amz-Cf-") {
			delete(h, name)
		}
	}
}

// viewer reads CloudFront's account of the client.
func viewer(h http.Header) idp.Client {
	var c idp.Client
	// "198.51.100.10:46532", IPv6 without brackets: the port follows the last colon.
	if addr := h.Get("Cloudfront-Viewer-Address"); strings.Contains(addr, ":") {
		ip := strings.Trim(addr[:strings.LastIndexByte(addr, ':')], "[]")
		if net.ParseIP(ip) != nil {
			c.IP = ip
		}
	}
	city, err := url.PathUnescape(h.Get("Cloudfront-Viewer-City")) // percent-encoded beyond ASCII
	country := h.Get("Cloudfront-Viewer-Country")
	if err == nil && isName(city) && isName(country) {
		c.Place = city + ", " + country
	}
	return c
}

// isName: a phone shows the place beside what it asks to approve.
func isName(s string) bool {
	return s != "" && len(s) <= 64 && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(" .'’-()", r)
	}) < 0
}
