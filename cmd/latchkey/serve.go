package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/localdeps"
	"github.com/latchkey-idp/latchkey/internal/obs"
)

const (
	sweepEvery   = 10 * time.Minute
	refreshEvery = 15 * time.Minute // what is due; each at least an hour apart
	verifyEvery  = 15 * time.Minute // the audit trail; each hour that is over is closed once
)

type serveCmd struct {
	Addr string `help:"Address to listen on." default:"localhost:8080" placeholder:"HOST:PORT"`
}

// Help tells about the settings.
func (serveCmd) Help() string {
	return "Settings come from the environment: LATCHKEY_PUBLIC_URL (default: http://localhost:PORT), LATCHKEY_DISPLAY_NAME, " +
		"LATCHKEY_SUPPORT_URL, LATCHKEY_LOG_LEVEL and others; see docs/operations.md."
}

func (c *serveCmd) Run(e *env) (err error) {
	ln, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", c.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program; choose another address with --addr", c.Addr)
	}
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer ln.Close() //nolint:errcheck // closed by Serve, unless that was not reached
	cfg, err := settings(os.Environ(), ln)
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return fmt.Errorf("LATCHKEY_LOG_LEVEL is %q: give debug, info, warn or error", cfg.LogLevel)
	}
	log := obs.NewLogger(e.stderr, level, e.cli.JSON)
	local, err := localdeps.Open(e.ctx, localdeps.Options{
		Dir: e.cli.Data, Config: cfg, Clock: time.Now, Random: rand.Reader, Log: log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, local.Close()) }()
	a, err := app.New(local.Deps)
	if err != nil {
		return err
	}
	if err := local.Announce(cfg.PublicURL); err != nil {
		return err
	}
	if err := e.greet(cfg, local); err != nil {
		return err
	}
	var background sync.WaitGroup
	background.Go(func() { local.Sweep(e.ctx, sweepEvery) })
	background.Go(func() { a.Refresher().Loop(e.ctx, refreshEvery) })
	background.Go(func() { a.Auditor().Loop(e.ctx, verifyEvery) })
	err = localdeps.Serve(e.ctx, ln, a.All(), log)
	if e.ctx.Err() != nil {
		background.Wait()
	}
	return err
}

// settings reads the environment; the public URL follows from the listener
// where none is set.
func settings(environ []string, ln net.Listener) (config.Config, error) {
	env := make(map[string]string, len(environ))
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	if env["LATCHKEY_PUBLIC_URL"] == "" {
		if at, ok := ln.Addr().(*net.TCPAddr); ok {
			env["LATCHKEY_PUBLIC_URL"] = "http://localhost:" + strconv.Itoa(at.Port)
		}
	}
	return config.Load(env)
}

// greet tells where everything is and, the first time, what to do next.
func (e *env) greet(cfg config.Config, local *localdeps.Local) error {
	answer := map[string]any{
		"url": cfg.PublicURL, "entity_id": cfg.EntityID, "metadata_url": cfg.MetadataURL(), "sso_url": cfg.SSOURL(),
		"admin_url": cfg.PublicURL + "/v1/admin", "admin_token_file": local.TokenFile(), "first_start": local.Fresh,
	}
	return e.show(answer, func(p *printer) {
		if local.Fresh {
			p.line("Made a new identity provider in %s: store, signing key, certificate and admin token.", relative(e.cli.Data))
			p.line("")
		}
		p.line("Latchkey is running at %s", cfg.PublicURL)
		p.line("")
		p.line("  Metadata      %s", cfg.MetadataURL())
		p.line("  Sign-in       %s", cfg.SSOURL())
		p.line("  Admin API     %s/v1/admin", cfg.PublicURL)
		p.line("  Admin token   in %s", relative(local.TokenFile()))
		p.line("")
		if local.Fresh {
			p.line("What to do next, in a second terminal in this folder:")
			p.line("")
			p.line("  1. Register an application:    %s sp add --metadata FILE|URL", e.program)
			p.line("  2. Add a person:               %s user add --email ana@example.com", e.program)
			p.line("  3. Invite them with a phone:   %s device invite --user ana@example.com", e.program)
			p.line("  4. See whether all is well:    %s doctor", e.program)
			p.line("")
		}
		p.line("Stop with Ctrl-C.")
	})
}

// relative shortens a path below the working directory.
func relative(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	short, err := filepath.Rel(dir, path)
	if err != nil || strings.HasPrefix(short, "..") {
		return path
	}
	return short
}
