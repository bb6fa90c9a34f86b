package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/phone/scan"
)

// pollEvery keeps within the two polls a second that a session is allowed.
const pollEvery = 550 * time.Millisecond

// Headless performs one whole sign-in over HTTP, as browser and as phone, signs
// out again, and tells each step to out. It fails at the first step that does not
// hold.
func (d *Demo) Headless(ctx context.Context, out io.Writer) error {
	b, err := newBrowser(d.http)
	if err != nil {
		return err
	}
	w := &walk{Demo: d, browser: b, out: out}
	for _, step := range []func(context.Context) error{w.ask, w.scan, w.approve, w.arrive, w.leave} {
		if err := step(ctx); err != nil {
			fmt.Fprintf(out, "✗ %v\n", err)
			return err
		}
	}
	return nil
}

// walk is one sign-in under way.
type walk struct {
	*Demo
	browser *browser
	out     io.Writer

	page     *page
	session  *session
	request  *phone.Request
	approved time.Time
}

func (w *walk) say(format string, args ...any) { fmt.Fprintf(w.out, "✓ "+format+"\n", args...) }

// ask starts at the application and ends at a code on the screen.
func (w *walk) ask(ctx context.Context) error {
	home, err := w.browser.open(ctx, w.App+"/")
	if err != nil {
		return err
	}
	if home.status != http.StatusOK || find(home.doc, "name-id") != nil {
		return fmt.Errorf("the application's page is not as expected: %d %s", home.status, title(home.doc))
	}
	w.say("The application at %s asks for a sign-in", w.App)
	if w.page, err = w.browser.open(ctx, w.App+"/sign-in"); err != nil {
		return err
	}
	w.say("Its SAML request leads the browser to %s%s: %q", w.page.origin(), w.page.url.Path, title(w.page.doc))
	if w.session, err = w.browser.create(ctx, w.page); err != nil {
		return err
	}
	w.say("The page shows a code that changes every 4 seconds")
	return nil
}

// scan reads the code from a picture and lets the phone claim the sign-in.
func (w *walk) scan(ctx context.Context) error {
	code, err := w.session.code()
	if err != nil {
		return err
	}
	picture, err := code.PNG(pngScale)
	if err != nil {
		return err
	}
	seen, err := scan.Image(bytes.NewReader(picture))
	if err != nil {
		return err
	}
	if w.request, err = w.device.Claim(ctx, seen); err != nil {
		return err
	}
	c := w.request.Context
	w.say("The phone scans the picture and shows: sign in to %s (%s), %s on %s, place %s", c.App.Name, c.App.Host, c.Browser, c.OS, c.Place)
	return w.await(ctx, idp.StateScanned)
}

func (w *walk) approve(ctx context.Context) error {
	w.say("The page removes the code: phone connected")
	done, err := w.device.Approve(ctx, w.request)
	if err != nil {
		return err
	}
	w.approved = w.opt.Clock()
	w.say("The phone signs what it shows, as %s", done.User.Display)
	if err := w.await(ctx, idp.StateApproved); err != nil {
		return err
	}
	if w.session.ContinueAs == nil {
		return errors.New("the page does not ask who continues")
	}
	w.say("The page asks: continue as %s?", *w.session.ContinueAs)
	return nil
}

// await polls until the session is in a state.
func (w *walk) await(ctx context.Context, want idp.State) error {
	for {
		s, err := w.browser.poll(ctx, w.page, w.session.SID)
		if err != nil {
			return err
		}
		if s.Status == want {
			w.session = s
			return nil
		}
		if s.Status.Final() {
			return fmt.Errorf("the sign-in is %s", s.Status)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// arrive goes on to the application with the response.
func (w *walk) arrive(ctx context.Context) error {
	page, err := w.finish(ctx)
	if err != nil {
		return err
	}
	took := w.opt.Clock().Sub(w.approved)
	nameID := text(find(page.doc, "name-id"))
	if page.status != http.StatusOK || !strings.EqualFold(nameID, demoUser().Email) {
		return fmt.Errorf("the application does not know who came: %d %s", page.status, title(page.doc))
	}
	w.say("The application accepts the signed assertion: NameID %s", nameID)
	w.say("From the phone's approval to the application: %d ms", took.Milliseconds())
	return nil
}

// finish posts what the sign-in page posts, then the response to the
// application, and returns the page that the browser ends at.
func (w *walk) finish(ctx context.Context) (*page, error) {
	action, fields, err := w.page.form("finish")
	if err != nil {
		return nil, err
	}
	key, err := idp.NewSecret(w.opt.Random, 16)
	if err != nil {
		return nil, err
	}
	fields.Set("sid", w.session.SID)
	fields.Set("finish_key", key.Reveal())
	post, err := w.browser.submit(ctx, w.page.origin(), action, fields)
	if err != nil {
		return nil, err
	}
	acs, response, err := post.form("post")
	if err != nil {
		return nil, err
	}
	if to, err := url.Parse(acs); err != nil || to.Scheme+"://"+to.Host != w.App {
		return nil, fmt.Errorf("the response goes to %s", acs)
	}
	return w.browser.submit(ctx, post.origin(), acs, response)
}

// leave signs out at the application, which asks the identity provider to end its
// session, too, and hears that it did.
func (w *walk) leave(ctx context.Context) error {
	home, err := w.browser.submit(ctx, w.App, w.App+"/sign-out", url.Values{})
	if err != nil {
		return err
	}
	if home.status != http.StatusOK || home.origin() != w.App || find(home.doc, "name-id") != nil {
		return fmt.Errorf("signing out ends at %s: %d %s", home.url, home.status, title(home.doc))
	}
	page, err := w.browser.open(ctx, w.IDP+"/saml/slo")
	if err != nil {
		return err
	}
	if find(page.doc, "apps") != nil || !strings.Contains(title(page.doc), "signed out") {
		return fmt.Errorf("the identity provider still has a session: %s", title(page.doc))
	}
	w.say("Signing out there ends the session here, too (single logout)")
	return nil
}
