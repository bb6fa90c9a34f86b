package load

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// browser is a fresh one for each sign-in.
type browser struct {
	base   string
	http   *http.Client
	report *Report
}

const (
	userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	maxPage   = 1 << 20
)

// view is what the sign-in page knows of its session.
type view struct {
	SID       string    `json:"sid"`
	Status    idp.State `json:"status"`
	PollAfter int64     `json:"poll_after_ms"`
	Frames    []struct {
		URL string `json:"url"`
	} `json:"frames"`
}

// signIn makes one sign-in at an application, which ends with its Response.
func (c *Crowd) signIn(ctx context.Context, r *Report, p *person, app string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	screen, handset := c.connect(), c.connect()
	defer closeIdle(screen, handset)
	p.from.now = handset
	b := &browser{base: c.target.Base, report: r, http: &http.Client{
		Transport: screen, Jar: jar, Timeout: callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	request := samltest.Request{
		ID: "_" + rand.Text(), Version: "2.0", IssueInstant: time.Now().UTC().Format(time.RFC3339),
		Destination: c.target.Base + "/saml/sso", Issuer: app, ACS: acs(app),
	}
	login, err := b.open(ctx, request)
	if err != nil {
		return err
	}
	v, err := b.create(ctx, login)
	if err != nil {
		return err
	}
	approved := make(chan error, 1)
	go func() { approved <- c.approve(ctx, r, p, v.Frames[0].URL) }()
	if err := b.await(ctx, v); err != nil {
		return errors.Join(err, <-approved)
	}
	if err := <-approved; err != nil {
		return err
	}
	return b.finish(ctx, v.SID, request.ID)
}

// approve is the phone's part.
func (c *Crowd) approve(ctx context.Context, r *Report, p *person, frame string) error {
	pause(ctx, c.options.Think)
	var done func(error) error
	done = r.step("claim")
	request, err := p.phone.Claim(ctx, frame)
	if done(err) != nil {
		return err
	}
	pause(ctx, c.options.Think)
	done = r.step("approve")
	_, err = p.phone.Approve(ctx, request)
	return done(err)
}

// open brings the request of an application and opens the page that it leads to.
func (b *browser) open(ctx context.Context, request samltest.Request) (login string, err error) {
	location, _, err := b.call(ctx, "request", http.StatusSeeOther, http.MethodGet, "/saml/sso?"+samltest.RedirectQuery(request.XML(), nil), "", "")
	if err != nil {
		return "", err
	}
	to, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	_, _, err = b.call(ctx, "page", http.StatusOK, http.MethodGet, to.RequestURI(), "", "")
	return to.Query().Get("l"), err
}

const (
	sessions = "/v1/login/sessions"
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

func (b *browser) create(ctx context.Context, login string) (v view, err error) {
	body := fmt.Sprintf(`{"login":%q,"mode":"qr","client":{"lang":"en"}}`, login)
	_, answer, err := b.call(ctx, "create", http.StatusCreated, http.MethodPost, sessions, jsonType, body)
	if err == nil {
		err = json.Unmarshal(answer, &v)
	}
	if err == nil && len(v.Frames) == 0 {
		err = errors.New("create: nothing to scan")
	}
	return v, err
}

// await polls as often as the server wants it, until the phone has approved.
func (b *browser) await(ctx context.Context, v view) error {
	for v.Status != idp.StateApproved {
		pause(ctx, time.Duration(v.PollAfter)*time.Millisecond)
		_, answer, err := b.call(ctx, "poll", http.StatusOK, http.MethodGet, sessions+"/"+v.SID, "", "")
		if err != nil {
			return err
		}
		if err := json.Unmarshal(answer, &v); err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		if v.Status.Final() {
			return fmt.Errorf("poll: the session is %s", v.Status)
		}
	}
	return nil
}

// finish takes the answer to the application's request.
func (b *browser) finish(ctx context.Context, sid, requestID string) error {
	form := url.Values{"sid": {sid}, "finish_key": {secret()}}
	_, page, err := b.call(ctx, "finish", http.StatusOK, http.MethodPost, "/login/finish", formType, form.Encode())
	if err != nil {
		return err
	}
	field := regexp.MustCompile(`name="SAMLResponse"[^>]* value="([^"]+)"`).FindSubmatch(page)
	if field == nil {
		return errors.New("finish: no SAMLResponse in the page")
	}
	response, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(field[1]), "&#43;", "+"))
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	if !bytes.Contains(response, []byte(`InResponseTo="`+requestID+`"`)) || !bytes.Contains(response, []byte("status:Success")) {
		return errors.New("finish: the SAMLResponse is not a success for this request")
	}
	return nil
}

func secret() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return idp.Base64.EncodeToString(b[:])
}

// call makes a call, notes how long it took, and reads the answer.
func (b *browser) call(ctx context.Context, step string, want int, method, path, kind, body string) (location string, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, b.base+path, strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Origin", b.base)
	}
	if kind == jsonType {
		req.Header.Set("X-Requested-By", "latchkey")
		req.Header.Set("Idempotency-Key", secret())
	}
	done := b.report.step(step)
	resp, err := b.http.Do(req)
	if err != nil {
		return "", nil, done(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err == nil && resp.StatusCode != want {
		var problem struct {
			Code idp.Code `json:"code"`
		}
		_ = json.Unmarshal(answer, &problem) // a page has no code
		err = fmt.Errorf("%s: %d %s", step, resp.StatusCode, problem.Code)
	}
	return resp.Header.Get("Location"), answer, done(err)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func closeIdle(all ...http.RoundTripper) {
	for _, t := range all {
		if c, ok := t.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}
