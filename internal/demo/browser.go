package demo

import (
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
	"strings"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/qr"
)

const (
	maxPage   = 1 << 20
	userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
)

// browser is the part of a browser that a sign-in needs: it follows redirects,
// keeps cookies, reads forms, and makes the calls of the sign-in page.
type browser struct {
	http *http.Client
}

func newBrowser(client *http.Client) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make cookie jar: %w", err)
	}
	return &browser{&http.Client{Transport: client.Transport, Timeout: client.Timeout, Jar: jar}}, nil
}

// page is what the browser shows.
type page struct {
	url    *url.URL
	status int
	doc    *html.Node
}

func (p *page) origin() string { return p.url.Scheme + "://" + p.url.Host }

func (b *browser) open(ctx context.Context, address string) (*page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	return b.load(req)
}

// submit posts a form as a page of origin does.
func (b *browser) submit(ctx context.Context, origin, action string, fields url.Values) (*page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, action, strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, fmt.Errorf("post form: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", origin)
	return b.load(req)
}

func (b *browser) load(req *http.Request) (*page, error) {
	req.Header.Set("User-Agent", userAgent)
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("load page: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	doc, err := html.Parse(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	return &page{url: resp.Request.URL, status: resp.StatusCode, doc: doc}, nil
}

// session is the sign-in page's view of a QR session.
type session struct {
	SID        string    `json:"sid"`
	Status     idp.State `json:"status"`
	ContinueAs *string   `json:"continue_as"`
	Frames     []struct {
		URL  string `json:"url"`
		Bits string `json:"bits"`
	} `json:"frames"`
}

// code is the picture that the page draws.
func (s *session) code() (qr.Code, error) {
	if len(s.Frames) == 0 {
		return qr.Code{}, errors.New("the page has no code to show")
	}
	c, err := qr.Encode(s.Frames[0].URL)
	if err == nil && c.Bitmap() != s.Frames[0].Bits {
		err = errors.New("the picture is not that of the code")
	}
	return c, err
}

// create asks for a code, as the sign-in page does when it opens.
func (b *browser) create(ctx context.Context, p *page) (*session, error) {
	login := attr(find(p.doc, "login"), "data-login")
	if login == "" {
		return nil, fmt.Errorf("%s%s is not a sign-in page: %s", p.origin(), p.url.Path, title(p.doc))
	}
	key, err := idp.NewSecret(rand.Reader, 16)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"login": login, "mode": "qr", "client": map[string]string{"lang": "en"}}
	return b.call(ctx, http.MethodPost, p.origin(), sessionsPath, key.Reveal(), body)
}

func (b *browser) poll(ctx context.Context, p *page, sid string) (*session, error) {
	return b.call(ctx, http.MethodGet, p.origin(), sessionsPath+"/"+sid, "", nil)
}

func (b *browser) call(ctx context.Context, method, origin, path, key string, body any) (*session, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode body: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, origin+path, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Origin", origin)
	req.Header.Set("X-Requested-By", "latchkey")
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", path, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	var v struct {
		session
		Detail string `json:"detail"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxPage)).Decode(&v); err != nil {
		return nil, fmt.Errorf("read answer of %s: %w", path, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s answered %d: %s", path, resp.StatusCode, v.Detail)
	}
	return &v.session, nil
}

// form reads the form with an id: where it goes and what it holds.
func (p *page) form(id string) (action string, fields url.Values, err error) {
	f := find(p.doc, id)
	if f == nil || f.Data != "form" {
		return "", nil, fmt.Errorf("%s%s has no form %q: %s", p.origin(), p.url.Path, id, title(p.doc))
	}
	to, err := p.url.Parse(attr(f, "action"))
	if err != nil {
		return "", nil, fmt.Errorf("read form: %w", err)
	}
	fields = url.Values{}
	for n := range f.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" {
			fields.Set(attr(n, "name"), attr(n, "value"))
		}
	}
	return to.String(), fields, nil
}

// find is the element with an id, or nil.
func find(doc *html.Node, id string) *html.Node {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	if n != nil {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
	}
	return ""
}

// text is the words of an element, joined by single spaces.
func text(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func title(doc *html.Node) string {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "title" {
			return text(n)
		}
	}
	return ""
}
