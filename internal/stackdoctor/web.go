package stackdoctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	maxAnswer = 1 << 20
	// maxSkew is how far clocks may be apart: signatures and codes depend on
	// the time.
	maxSkew = 30 * time.Second
)

// answer is what an address has answered.
type answer struct {
	status int
	body   []byte
	date   time.Time     // by the server's clock; zero: it does not say
	skew   time.Duration // how far that is ahead of ours
}

func (x *examination) get(ctx context.Context, url string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, fmt.Errorf("make request: %w", err)
	}
	sent := x.clock()
	res, err := x.http.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("get %s: %w", url, err)
	}
	defer res.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("read %s: %w", url, err)
	}
	a := answer{status: res.StatusCode, body: body}
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		a.date, a.skew = date, date.Sub(sent)
	}
	return a, nil
}

// atAnswers asks the addresses whose answers are known beforehand.
func (x *examination) atAnswers(ctx context.Context) {
	base := strings.TrimSuffix(x.stack.outputs[outputURL], "/")
	if base == "" {
		return // said already
	}
	for _, c := range []struct {
		code, path string
		status     int
		says       string // must be in the body
		otherwise  string
	}{
		{"answer.health", "/v1/healthz", http.StatusOK, "", "the store does not answer, or the function does not run: see the log of MetadataFunction"},
		{"answer.admin", "/v1/admin/status", http.StatusForbidden, "", "without credentials the admin API must answer 403: look at once whether " +
			"its routes have the authorizer AWS_IAM (deploy the stack again)"},
		{"answer.unknown", "/no-such-path", http.StatusNotFound, `"message":"Not Found"`, "what is no route must be API Gateway's own 404: " +
			"is there a route $default, or something else at this address?"},
	} {
		a, err := x.get(ctx, base+c.path)
		switch {
		case err != nil:
			x.find("answer.unreachable", base+c.path, "it does not answer: %v", err)
		case a.status != c.status || !strings.Contains(string(a.body), c.says):
			x.find(c.code, base+c.path, "it answers %d, not as expected (%d): %s", a.status, c.status, c.otherwise)
		}
	}
}
