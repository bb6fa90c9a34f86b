package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/adminclient/awsauth"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/localdeps"
)

const callTimeout = 30 * time.Second

// admin finds the deployment and the credentials for it: LATCHKEY_URL (or
// --url) with LATCHKEY_ADMIN_TOKEN; else those in the data directory; for an
// https address without a token, AWS credentials.
func (e *env) admin() (*adminclient.Client, error) {
	base, token := e.cli.URL, idp.Secret(os.Getenv("LATCHKEY_ADMIN_TOKEN"))
	found, localToken, err := localdeps.Find(e.cli.Data)
	switch {
	case base == "" && errors.Is(err, localdeps.ErrNoServer):
		return nil, fmt.Errorf("no server has been started with %s; start one with: latchkey serve "+
			"(or set LATCHKEY_URL to the address of a deployment)", e.cli.Data)
	case base == "" && err != nil:
		return nil, err
	case base == "":
		base = found
	}
	// The token in the directory is for its own server only.
	if len(token) == 0 && err == nil && strings.TrimSuffix(base, "/") == found {
		token = localToken
	}
	auth := adminclient.Bearer(token)
	if len(token) == 0 {
		if !strings.HasPrefix(base, "https://") {
			return nil, fmt.Errorf("there is no admin token for %s; set LATCHKEY_ADMIN_TOKEN", base)
		}
		if auth, err = awsauth.New(e.ctx, time.Now); err != nil {
			return nil, err
		}
	}
	return adminclient.New(base, &http.Client{Timeout: callTimeout}, auth)
}

const maxMetadata = 1 << 20

// isAddress tells an address from the name of a file.
func isAddress(source string) bool {
	return strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://")
}

func fetchable(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return fmt.Errorf("%s is not fetched: it must begin with https:// (http:// is for this machine only)", u.Redacted())
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return limited(f, path)
}

func limited(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxMetadata {
		return nil, fmt.Errorf("%s is larger than 1 MiB", name)
	}
	return data, nil
}
