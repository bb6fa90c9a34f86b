package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone/scan"
)

const maxPage = 20 << 20

var loginID = regexp.MustCompile(`data-login="([A-Z2-7]{26})"`)

// lookAtPage reads the code that an address shows: a picture, or a sign-in
// page. For the latter this program stands in for the screen, with the cookies
// of the browser that opened it, and asks for a code of its own.
func lookAtPage(ctx context.Context, address, jarFile string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", usage("--page %q is not an address", address)
	}
	if err := fetchable(u); err != nil {
		return "", err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", fmt.Errorf("make cookie jar: %w", err)
	}
	if jarFile != "" {
		if err := readJar(jar, u, jarFile); err != nil {
			return "", err
		}
	}
	client := &http.Client{
		Timeout: callTimeout, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	kind, body, err := load(ctx, client, http.MethodGet, u, nil, nil)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(kind, "image/") {
		return scan.Image(bytes.NewReader(body))
	}
	found := loginID.FindSubmatch(body)
	if found == nil {
		return "", fmt.Errorf("%s shows neither a picture nor a sign-in", u.Redacted())
	}
	if jarFile == "" {
		return "", usage("a sign-in page needs --cookie-jar: the cookies of the browser that opened it")
	}
	return newCode(ctx, client, u, string(found[1]))
}

// newCode asks for a code as the sign-in page does.
func newCode(ctx context.Context, client *http.Client, page *url.URL, login string) (string, error) {
	key, err := idp.NewSecret(rand.Reader, 16)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]string{"login": login, "mode": "qr"})
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	to := page.ResolveReference(&url.URL{Path: "/v1/login/sessions"})
	_, answer, err := load(ctx, client, http.MethodPost, to, body, http.Header{
		"Content-Type": {"application/json"}, "Origin": {page.Scheme + "://" + page.Host},
		"X-Requested-By": {"latchkey"}, "Idempotency-Key": {key.Reveal()},
	})
	if err != nil {
		return "", err
	}
	var view struct {
		Frames []struct {
			URL string `json:"url"`
		} `json:"frames"`
	}
	if err := json.Unmarshal(answer, &view); err != nil || len(view.Frames) == 0 {
		return "", errors.New("the sign-in page shows no code")
	}
	return view.Frames[0].URL, nil
}

func load(ctx context.Context, client *http.Client, method string, u *url.URL, body []byte, header http.Header) (kind string, data []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return "", nil, fmt.Errorf("make request: %w", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", nil, fmt.Errorf("look at page: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if data, err = io.ReadAll(io.LimitReader(resp.Body, maxPage)); err != nil {
		return "", nil, fmt.Errorf("look at page: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return "", nil, fmt.Errorf("%s answers %s: %s", u.Path, resp.Status, complaint(data))
	}
	return resp.Header.Get("Content-Type"), data, nil
}

// complaint is the detail of problem+json, or the first line.
func complaint(data []byte) string {
	var p struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(data, &p) == nil && p.Detail != "" {
		return p.Detail
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return line[:min(len(line), 200)]
}

// readJar reads cookies in Netscape's format: seven fields separated by tabs,
// "#HttpOnly_" before the domain of those that scripts cannot see. Only those
// of u's host are taken.
func readJar(jar http.CookieJar, u *url.URL, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read cookie jar: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	var cookies []*http.Cookie
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimPrefix(lines.Text(), "#HttpOnly_")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 7 {
			return fmt.Errorf("%s:%d: not a line of a cookie jar: seven fields separated by tabs are expected", path, n)
		}
		if strings.TrimPrefix(fields[0], ".") == u.Hostname() {
			cookies = append(cookies, &http.Cookie{Name: fields[5], Value: fields[6], Path: fields[2], Secure: fields[3] == "TRUE"})
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read cookie jar: %w", err)
	}
	jar.SetCookies(u, cookies)
	return nil
}
