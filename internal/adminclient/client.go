package adminclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

const maxAnswer = 16 << 20 // a list of service providers with all their settings

// Authorizer adds credentials to a request whose body is given.
type Authorizer func(req *http.Request, body []byte) error

// Bearer sends a token.
func Bearer(token idp.Secret) Authorizer {
	return func(req *http.Request, _ []byte) error {
		req.Header.Set("Authorization", "Bearer "+string(token))
		return nil
	}
}

// Client calls one deployment.
type Client struct {
	base string
	http *http.Client
	auth Authorizer
}

// New makes a client of the deployment at base (scheme and host). Transport
// and timeout are those of hc.
func New(base string, hc *http.Client, auth Authorizer) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%q is not the address of a server: give one such as https://id.example.com", base)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("%q must begin with https:// (http:// is for this machine only)", base)
	}
	return &Client{
		base: u.Scheme + "://" + u.Host,
		http: &http.Client{
			Transport: hc.Transport, Timeout: hc.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		auth: auth,
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// URL is the address of the deployment, without a path.
func (c *Client) URL() string { return c.base }

// Problem is a refusal (RFC 9457).
type Problem struct {
	Status int      `json:"status"`
	Code   idp.Code `json:"code"`
	Title  string   `json:"title"`
	Detail string   `json:"detail"`
	Trace  string   `json:"trace"`
}

// Error says what is wrong, and for what is not the caller's mistake gives the
// reference under which the server's log explains it.
func (p *Problem) Error() string {
	words := p.Detail
	if words == "" {
		words = p.Title
	}
	if words == "" {
		words = "the server answered " + http.StatusText(p.Status)
	}
	switch p.Code {
	case idp.Invalid, idp.Conflict, idp.NotFound:
		return words
	case idp.Unauthorized:
		return "the server does not accept these credentials; check LATCHKEY_URL and LATCHKEY_ADMIN_TOKEN"
	}
	if p.Trace != "" {
		return fmt.Sprintf("%s (%d %s, reference %s)", words, p.Status, p.Code, p.Trace)
	}
	return fmt.Sprintf("%s (%d)", words, p.Status)
}

// get, post, patch and remove call path, which begins after adminapi.Prefix.
func get[A any](ctx context.Context, c *Client, path string) (A, error) {
	return do[A](ctx, c, http.MethodGet, path, nil)
}

func post[A any](ctx context.Context, c *Client, path string, body any) (A, error) {
	return do[A](ctx, c, http.MethodPost, path, body)
}

func patch[A any](ctx context.Context, c *Client, path string, body any) (A, error) {
	return do[A](ctx, c, http.MethodPatch, path, body)
}

func remove(ctx context.Context, c *Client, path string) error {
	_, err := do[struct{}](ctx, c, http.MethodDelete, path, nil)
	return err
}

// do sends body, if any, as JSON and decodes the answer.
func do[A any](ctx context.Context, c *Client, method, path string, body any) (answer A, err error) {
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return answer, fmt.Errorf("encode request: %w", err)
		}
	}
	data, err := c.send(ctx, method, path, raw)
	if err != nil || len(data) == 0 {
		return answer, err
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return answer, fmt.Errorf("%s does not answer like Latchkey: %w", c.base, err)
	}
	return answer, nil
}

func (c *Client) send(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+adminapi.Prefix+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Requested-By", "latchkey")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := c.auth(req, body); err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return data, nil
	}
	p := &Problem{}
	if json.Unmarshal(data, p) != nil {
		p = &Problem{} // of a proxy, not of Latchkey
	}
	p.Status = resp.StatusCode
	return nil, p
}

func (c *Client) unreachable(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("no server answers at %s; start it with: latchkey serve", c.base)
	}
	return fmt.Errorf("call %s: %w", c.base, err)
}
