package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/phone/scan"
)

type phoneCmd struct {
	Enroll  phoneEnrollCmd  `cmd:"" help:"Set up a software phone with an invite."`
	Approve phoneApproveCmd `cmd:"" help:"Scan a code, show what it asks, and approve."`
	Deny    phoneDenyCmd    `cmd:"" help:"Scan a code and deny."`
}

func phoneDeps() phone.Deps {
	return phone.Deps{HTTP: &http.Client{Timeout: callTimeout}, Random: rand.Reader, Clock: time.Now}
}

type phoneEnrollCmd struct {
	Link  string `help:"The invite: a link, as latchkey device invite prints it." required:"" placeholder:"URL"`
	State string `help:"File for the phone's keys; whoever has it can approve." required:"" placeholder:"FILE"`
	Name  string `help:"Name of the phone." default:"Software phone" placeholder:"NAME"`
}

func (c *phoneEnrollCmd) Run(e *env) error {
	if _, err := os.Stat(c.State); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already; choose another file, or remove it", c.State)
	}
	p, err := phone.Enroll(e.ctx, phoneDeps(), c.Link, c.Name)
	if err != nil {
		return err
	}
	if err := p.Save(c.State); err != nil {
		return err
	}
	info := p.Info()
	return e.show(info, func(out *printer) {
		out.line("%q is a phone of %s at %s now (%s).", info.Name, info.User, info.URL, info.State)
		out.line("Its keys are in %s. Next: latchkey phone approve --qr TEXT --state %s", c.State, c.State)
	})
}

// phoneScan is how a phone sees a code.
type phoneScan struct {
	QR        string `name:"qr" help:"The code: text of the picture, a PNG or JPEG file, or the letters of \"Can't scan?\"." placeholder:"TEXT|FILE" xor:"code"`
	Page      string `help:"Address of a picture of the screen, or of a sign-in page that --cookie-jar belongs to." placeholder:"URL" xor:"code"`
	CookieJar string `help:"Cookies of the browser in front of the sign-in page (Netscape format, as curl has it)." placeholder:"FILE"`
	State     string `help:"File with the phone's keys." required:"" placeholder:"FILE"`
	Takeover  bool   `help:"Take the sign-in over from another phone that scanned it."`
}

// claim scans the code.
func (c *phoneScan) claim(e *env) (*phone.Phone, *phone.Request, error) {
	if (c.QR == "") == (c.Page == "") {
		return nil, nil, usage("give either --qr or --page")
	}
	if c.CookieJar != "" && c.Page == "" {
		return nil, nil, usage("--cookie-jar goes with --page")
	}
	p, err := phone.Load(phoneDeps(), c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("there is no phone in %s; set one up with: latchkey phone enroll", c.State)
	}
	if err != nil {
		return nil, nil, err
	}
	text, err := c.text(e)
	if err != nil {
		return nil, nil, err
	}
	claim := p.Claim
	if c.Takeover {
		claim = p.TakeOver
	}
	request, err := claim(e.ctx, text)
	return p, request, plain(err)
}

// text is what the code says.
func (c *phoneScan) text(e *env) (string, error) {
	if c.Page != "" {
		return lookAtPage(e.ctx, c.Page, c.CookieJar)
	}
	data, err := os.ReadFile(c.QR)
	if err != nil {
		return c.QR, nil //nolint:nilerr // no file, so it is the text itself
	}
	return scan.Image(bytes.NewReader(data))
}

// plain tells what went wrong as a phone would.
func plain(err error) error {
	var p *phone.Problem
	var refused *idp.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &refused):
		return errors.New(refused.Words())
	}
	return err
}

// shown is what a phone shows of a sign-in.
func (p *printer) request(r *phone.Request, user, host string, now time.Time) {
	c := r.Context
	place := "near " + c.Place + " (from the IP address, may be off)"
	if c.Place == "unknown" || c.Place == "" {
		place = "place unknown"
	}
	p.line("Sign in to %s (%s)", c.App.Name, c.App.Host)
	p.line("  as       %s", user)
	p.line("  on       %s on %s", c.Browser, c.OS)
	p.line("  where    %s", place)
	p.line("  asked    %d seconds ago", max(0, now.Unix()-c.RequestedAt))
	for _, w := range r.Warnings {
		p.line("  warning  %s", w)
	}
	p.line("")
	p.line("Only continue if you opened %s on the screen in front of you.", host)
	p.line("We never send codes by e-mail or chat.")
	p.line("")
}

type phoneApproveCmd struct {
	phoneScan
	Yes    bool   `help:"Approve without asking."`
	Number string `help:"The number that the screen shows, where it shows one." placeholder:"DIGITS"`
}

func (c *phoneApproveCmd) Run(e *env) error {
	p, request, err := c.claim(e)
	if err != nil {
		return err
	}
	told := &printer{w: e.stderr} // the answer alone goes to stdout
	told.request(request, p.Info().User, strings.TrimPrefix(strings.TrimPrefix(p.Info().URL, "https://"), "http://"), time.Now())
	if !c.Yes {
		yes, err := e.ask("Approve? [y/N] ")
		if err != nil {
			return err
		}
		if !yes {
			if err := p.Deny(e.ctx, request, idp.WhyNotMe); err != nil {
				return plain(err)
			}
			return errors.New("denied; nobody was signed in")
		}
	}
	if request.Digits > 0 {
		if c.Number == "" {
			return usage("%s asks for the %d digits on the screen: give them with --number", request.Context.App.Name, request.Digits)
		}
		request.Type(c.Number)
	}
	done, err := p.Approve(e.ctx, request)
	if err != nil {
		return plain(err)
	}
	return e.show(done, func(out *printer) {
		out.line("Approved. %s goes on to %s in the browser.", done.User.Display, done.App)
	})
}

type phoneDenyCmd struct {
	phoneScan
	Reason string `help:"Why: not_me, mistake, wrong_details or other." enum:"not_me,mistake,wrong_details,other" default:"not_me"`
}

func (c *phoneDenyCmd) Run(e *env) error {
	p, request, err := c.claim(e)
	if err != nil {
		return err
	}
	if err := p.Deny(e.ctx, request, c.Reason); err != nil {
		return plain(err)
	}
	return e.show(map[string]string{"status": "denied", "app": request.Context.App.Name}, func(out *printer) {
		out.line("Denied. Nobody was signed in to %s.", request.Context.App.Name)
	})
}

// ask asks a question. Without an answer it is no.
func (e *env) ask(question string) (bool, error) {
	fmt.Fprint(e.stderr, question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(e.stdin).ReadString('\n') // the end of the input is no
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		return a == "y" || a == "yes", nil
	case <-e.ctx.Done():
		return false, e.ctx.Err()
	}
}
