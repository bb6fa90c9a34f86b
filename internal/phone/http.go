package phone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Deps are what a phone needs of the world.
type Deps struct {
	HTTP   *http.Client // transport and timeout; its cookies are not used
	Random io.Reader
	Clock  idp.Clock
}

const (
	userAgent   = "latchkey-phone/1"
	maxResponse = 64 << 10
)

// Problem is a refusal of the server (RFC 9457).
type Problem struct {
	Status     int           `json:"status"`
	Code       idp.Code      `json:"code"`
	Title      string        `json:"title"`
	Detail     string        `json:"detail"` // plain words for the person
	Retry      idp.Retry     `json:"retry"`
	State      idp.State     `json:"state"`
	Trace      string        `json:"trace"`
	RetryAfter time.Duration `json:"-"`
}

// Error gives the words, the code and the reference.
func (p *Problem) Error() string {
	words := p.Detail
	if words == "" {
		words = http.StatusText(p.Status)
	}
	return fmt.Sprintf("%s (%d %s, reference %s)", words, p.Status, p.Code, p.Trace)
}

// server makes the calls to one origin.
type server struct {
	base string // scheme://host
	http *http.Client
}

// newServer keeps transport and timeout of the client, and follows no
// redirects: a phone's calls never lead to another place.
func newServer(base string, client *http.Client, jar http.CookieJar) server {
	return server{base, &http.Client{
		Transport:     client.Transport,
		Timeout:       client.Timeout,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// post sends body as JSON and reads the JSON answer into out, which may be nil.
// A refusal is a *Problem.
func (s server) post(ctx context.Context, path string, header http.Header, body, out any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode body: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Origin", s.base)
	req.Header.Set("X-Requested-By", "latchkey")
	resp, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return problem(resp, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", path, err)
	}
	return nil
}

func problem(resp *http.Response, body []byte) error {
	p := &Problem{}
	if json.Unmarshal(body, p) != nil {
		p = &Problem{} // of a proxy, not of the server
	}
	p.Status = resp.StatusCode
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 && n < 1e6 {
		p.RetryAfter = time.Duration(n) * time.Second
	}
	return p
}

// origin is scheme://host of a link; only https, or http on the own machine.
func origin(u *url.URL) (string, error) {
	local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	if u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", errors.New("not an https link")
	}
	return u.Scheme + "://" + u.Host, nil
}
