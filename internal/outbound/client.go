package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// The limits where Options give none, and those that are fixed.
const (
	DefaultMaxBody = 1 << 20
	DefaultTimeout = 5 * time.Second

	maxRedirects = 3
	dialTimeout  = 2 * time.Second // for one of several addresses
	maxHeader    = 64 << 10
	userAgent    = "Latchkey"
)

// Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options say what a Client may do. The zero value is the strict one.
type Options struct {
	Local    bool           // loopback, http to it, and any port are allowed: a laptop, tests
	MaxBody  int64          // bytes of an answer, decompressed; 0: DefaultMaxBody
	Timeout  time.Duration  // for a call with all its redirects and its body; 0: DefaultTimeout
	Resolver Resolver       // nil: the system's
	Roots    *x509.CertPool // nil: the system's

	// dial connects to an address that was judged; tests lead it elsewhere.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client makes calls. It is safe for concurrent use and keeps no connections.
type Client struct {
	opts Options
	http *http.Client
}

// New makes a Client.
func New(o Options) *Client {
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	c := &Client{opts: o}
	if c.opts.dial == nil {
		c.opts.dial = (&net.Dialer{Control: c.control}).DialContext
	}
	c.http = &http.Client{
		CheckRedirect: c.redirect,
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would resolve the name again
			DialContext:            c.connect,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
			DisableKeepAlives:      true, // calls are rare, and a Lambda sleeps between them
			MaxResponseHeaderBytes: maxHeader,
		},
	}
	return c
}

// ErrTooLarge is the cause where an answer is larger than MaxBody.
var ErrTooLarge = errors.New("answer too large")

// Response is an answer that was read completely. A status other than 200 is
// no error here.
type Response struct {
	Status int
	Header http.Header
	URL    string // the last one, after redirects
	Body   []byte
}

// Stream is an answer whose body is still to be read; reading more than the
// limit fails. The time limit goes on until Close.
type Stream struct {
	Status int
	Header http.Header
	URL    string
	Body   io.ReadCloser
}

// Do sends a GET or POST request and reads the answer. Its errors are
// *idp.Error; ctx may be shorter than the time limit.
func (c *Client) Do(ctx context.Context, r *http.Request) (*Response, error) {
	s, err := c.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer s.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(s.Body)
	if err != nil {
		return nil, err
	}
	return &Response{Status: s.Status, Header: s.Header, URL: s.URL, Body: body}, nil
}

// Open is Do for answers that are too large to be held at once. The caller
// closes Body.
func (c *Client) Open(ctx context.Context, r *http.Request) (*Stream, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, fmt.Errorf("outbound: method %s", r.Method)
	}
	if err := c.Check(r.URL); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	r = r.Clone(ctx)
	r.Host = "" // that of the URL, nothing else
	r.Header.Del("Cookie")
	r.Header.Del("Accept-Encoding") // the transport asks for gzip and undoes it
	r.Header.Set("User-Agent", userAgent)
	resp, err := c.http.Do(r) //nolint:bodyclose // closed by the Stream
	if err != nil {
		cancel()
		return nil, c.explain(err)
	}
	return &Stream{
		Status: resp.StatusCode, Header: resp.Header, URL: resp.Request.URL.String(),
		Body: &body{c: c, in: resp.Body, left: c.opts.MaxBody, over: ctx.Err, cancel: cancel},
	}, nil
}

// redirect judges the next hop (http.Client.CheckRedirect).
func (c *Client) redirect(next *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return blocked(fmt.Sprintf("the address leads to more than %d redirects", maxRedirects))
	case via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme != "https":
		return blocked("the address redirects from https to http")
	}
	next.Header.Del("Referer")
	if err := c.Check(next.URL); err != nil {
		e := idp.AsError(err)
		return blocked("after a redirect: " + e.Detail)
	}
	return nil
}

// connect resolves a name once, judges what it finds, and connects to that.
func (c *Client) connect(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, blocked("the address has no port")
	}
	if port != "443" && !c.opts.Local {
		return nil, blocked("the address names a port other than 443")
	}
	addrs, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for i, ip := range addrs {
		var conn net.Conn
		conn, err = c.dial(ctx, net.JoinHostPort(ip.String(), port), i+1 < len(addrs))
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// dial connects; one of several addresses does not use up the time of all.
func (c *Client) dial(ctx context.Context, address string, more bool) (net.Conn, error) {
	if more {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, dialTimeout)
		defer cancel()
	}
	return c.opts.dial(ctx, "tcp", address)
}

func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if !c.allowed(ip) {
			return nil, blocked("the address is not one of the public internet")
		}
		return []netip.Addr{ip}, nil
	}
	if numeric(host) {
		return nil, blocked("the host of the address is a number, and not an IP address as it is usually written")
	}
	found, err := c.opts.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, failed("the host of the address was not found", err)
	}
	if len(found) == 0 {
		return nil, failed("the host of the address has no IP address", nil)
	}
	for i, ip := range found {
		found[i] = ip.Unmap() // resolvers give A records in this form, too
		// One that is not public makes the name a trap, whatever the others are.
		if !c.allowed(found[i]) {
			return nil, blocked("the host of the address has an address that is not one of the public internet")
		}
	}
	return found, nil
}

// control is the last look, at what the socket really connects to.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !c.allowed(ap.Addr()) {
		return blocked("the address is not one of the public internet")
	}
	return nil
}

// explain makes an error that holds no word of the other side. The cause stays
// where its text is known to be our own, or the network's.
func (c *Client) explain(err error) error {
	var (
		known   *idp.Error
		dns     *net.DNSError
		op      *net.OpError
		verify  *tls.CertificateVerificationError
		alert   tls.AlertError
		timeout net.Error
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return failed("the call was given up", context.Canceled)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return failed("the other side did not answer in time", context.DeadlineExceeded)
	case errors.As(err, &dns):
		return failed("the host of the address was not found", dns)
	case errors.As(err, &verify):
		return failed("the TLS certificate of the other side is not valid for this address", verify.Err)
	case errors.As(err, &alert):
		return failed("TLS failed", alert)
	case errors.As(err, &op) && op.Op == "dial":
		return failed("the other side cannot be reached", op)
	case strings.Contains(err.Error(), "tls:"), strings.Contains(err.Error(), "HTTP response to HTTPS"):
		return failed("TLS failed", nil)
	}
	return failed("the connection failed, or the answer is not HTTP", nil)
}

// body bounds an answer.
type body struct {
	c      *Client
	in     io.ReadCloser
	left   int64
	over   func() error // why the call has no more time
	cancel context.CancelFunc
}

// Read implements io.Reader; its errors are io.EOF and *idp.Error.
func (b *body) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.in.Read(p)
	if int64(n) > b.left {
		n, b.left = int(b.left), 0
		return n, failed("the answer is larger than "+size(b.c.opts.MaxBody), ErrTooLarge)
	}
	b.left -= int64(n)
	if late := b.over(); errors.Is(err, io.EOF) && late != nil {
		err = late // what our own hanging up has ended is not all of the answer
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.c.explain(err)
	}
	return n, err
}

func size(n int64) string {
	if n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// Close ends the call.
func (b *body) Close() error {
	b.cancel()
	return b.in.Close()
}
