package main

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/demo"
)

type demoCmd struct {
	Addr     string `help:"Address of the identity provider; application and phone take the next two ports. Free ports are taken instead of those in use." default:"localhost:8080" placeholder:"localhost:PORT"`
	Dir      string `help:"Directory of the demo's data." default:"latchkey-demo" placeholder:"DIR"`
	Keep     bool   `help:"Go on with the data of the demo before."`
	Headless bool   `help:"Perform one sign-in, tell each step, and exit."`
}

func (c *demoCmd) Run(e *env) (err error) {
	d, err := demo.Start(e.ctx, demo.Options{
		Addr: c.Addr, Dir: filepath.Clean(c.Dir), Keep: c.Keep, Program: program(e.program), Clock: time.Now, Random: rand.Reader,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if c.Headless {
		return d.Headless(e.ctx, e.stdout)
	}
	answer := map[string]string{"application": d.App, "identity_provider": d.IDP, "phone": d.Phone, "approve": d.Command("approve")}
	err = e.show(answer, func(p *printer) {
		p.line("The demo is running. Open this address in your browser:")
		p.line("")
		p.line("  %s        the application", d.App)
		p.line("")
		p.line("and put the phone beside it, in a second window:")
		p.line("")
		p.line("  %s        the demo phone", d.Phone)
		p.line("")
		p.line("Or, while a code is on the screen, approve in a second terminal in this folder:")
		p.line("")
		p.line("  %s", d.Command("approve"))
		p.line("")
		p.line("The identity provider is at %s. Stop with Ctrl-C.", d.IDP)
	})
	if err != nil {
		return err
	}
	return d.Wait(e.ctx)
}

// program is how to start this program again: by its name if it was found in
// the PATH, else by its path.
func program(arg0 string) string {
	if !strings.ContainsAny(arg0, `/\`) {
		return arg0
	}
	return relative(arg0)
}
