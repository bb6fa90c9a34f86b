package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/localdeps"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/phone"
)

// DefaultDir is where a demo keeps its data.
const DefaultDir = "latchkey-demo"

const (
	logFile   = "demo.log"
	phoneFile = "phone.json"
	timeout   = 10 * time.Second // of each call
)

// Options are what Start needs; all but Keep, IDP and Admin are required.
type Options struct {
	Addr    string // of the identity provider, on this machine: "localhost:8080"
	Dir     string
	Keep    bool   // go on with the data of the demo before
	Program string // how this program is started, for the commands that are shown
	Clock   idp.Clock
	Random  io.Reader

	// IDP is the address of an identity provider that runs already, and Admin
	// administers it. Empty: one is started.
	IDP   string
	Admin *adminclient.Client
}

// Demo is a running demo.
type Demo struct {
	IDP, App, Phone string // addresses: http://localhost:port

	opt    Options
	local  *localdeps.Local
	log    *slog.Logger
	file   io.Closer
	screen *screen
	device *phone.Phone
	http   *http.Client

	stop   context.CancelFunc
	served sync.WaitGroup
	failed chan error
}

// Start prepares the data and serves identity provider, application and phone
// until Close.
func Start(ctx context.Context, o Options) (_ *Demo, err error) {
	d := &Demo{
		opt: o, screen: &screen{clock: o.Clock}, http: &http.Client{Timeout: timeout}, failed: make(chan error, 3),
	}
	ctx, d.stop = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := prepareDir(o.Dir, o.Keep, o.Clock); err != nil {
		return nil, err
	}
	if err := d.openLog(); err != nil {
		return nil, err
	}
	listeners, err := listen(o.Addr, 3)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			for _, ln := range listeners {
				_ = ln.Close() // those that are served are closed already
			}
		}
	}()
	d.IDP, d.App, d.Phone = address(listeners[0]), address(listeners[1]), address(listeners[2])

	if o.IDP != "" {
		d.IDP = o.IDP
		_ = listeners[0].Close() // its port was for our own
	} else if err := d.startIDP(ctx, listeners[0]); err != nil {
		return nil, err
	}
	application, err := newApplication(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := d.seed(ctx, application); err != nil {
		return nil, err
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	d.serve(ctx, listeners[1], application.handler(pages))
	d.serve(ctx, listeners[2], newHandset(d).handler(pages))
	return d, nil
}

// startIDP serves the identity provider as `latchkey serve` does, with the
// camera in front of it.
func (d *Demo) startIDP(ctx context.Context, ln net.Listener) error {
	cfg, err := config.Config{PublicURL: d.IDP}.Complete()
	if err != nil {
		return err
	}
	d.local, err = localdeps.Open(ctx, localdeps.Options{
		Dir: d.opt.Dir, Config: cfg, Clock: d.opt.Clock, Random: d.opt.Random, Log: d.log,
	})
	if err != nil {
		return err
	}
	if err := d.local.Announce(d.IDP); err != nil {
		return err
	}
	a, err := app.New(d.local.Deps)
	if err != nil {
		return err
	}
	d.serve(ctx, ln, d.screen.watch(a.All()))
	return nil
}

func (d *Demo) serve(ctx context.Context, ln net.Listener, h http.Handler) {
	d.served.Go(func() {
		if err := localdeps.Serve(ctx, ln, h, d.log); err != nil {
			d.failed <- err
		}
	})
}

// Wait returns when ctx ends or a server fails.
func (d *Demo) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-d.failed:
		return err
	}
}

// Close stops the servers and closes the data.
func (d *Demo) Close() error {
	d.stop()
	d.served.Wait()
	var err error
	if d.local != nil {
		err = d.local.Close()
	}
	if d.file != nil {
		err = errors.Join(err, d.file.Close())
	}
	return err
}

// Command is the command line that does by hand what the phone's page does:
// verb is "approve" or "deny".
func (d *Demo) Command(verb string) string {
	return fmt.Sprintf("%s phone %s --page %s/screen.png --state %s", d.opt.Program, verb, d.Phone, d.statePath())
}

func (d *Demo) statePath() string { return filepath.Join(d.opt.Dir, phoneFile) }

func (d *Demo) openLog() error {
	f, err := os.OpenFile(filepath.Join(d.opt.Dir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	d.file, d.log = f, obs.NewLogger(f, slog.LevelInfo, false)
	return nil
}

func (d *Demo) admin() (*adminclient.Client, error) {
	if d.opt.Admin != nil {
		return d.opt.Admin, nil
	}
	_, token, err := localdeps.Find(d.opt.Dir)
	if err != nil {
		return nil, err
	}
	return adminclient.New(d.IDP, d.http, adminclient.Bearer(token))
}
