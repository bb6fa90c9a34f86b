// Command drive drives sign-ins against a deployment on this machine and prints
// how it went. The figures of docs/operations.md are made by
//
//	go run ./internal/testkit/load/drive -latchkey bin/latchkey -people 200
//
// which starts `latchkey serve` in a folder of its own. Anything else that
// answers on this machine is driven with -base, -connect and -token.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/load"
)

type options struct {
	load.Options
	latchkey, base, connect, token string
	pid                            int
	maxErrors                      int
}

func main() {
	var o options
	flag.StringVar(&o.latchkey, "latchkey", "", "the program to start and drive")
	flag.StringVar(&o.base, "base", "", "public URL of what runs already")
	flag.StringVar(&o.connect, "connect", "", "host:port to connect to; from -base if empty")
	flag.StringVar(&o.token, "token", "", "admin token; empty: none is sent")
	flag.IntVar(&o.pid, "pid", 0, "process to look at")
	flag.IntVar(&o.People, "people", 50, "people at once")
	flag.IntVar(&o.Apps, "apps", 10, "applications")
	flag.DurationVar(&o.Think, "think", 2*time.Second, "before the scan, and before the yes")
	flag.DurationVar(&o.For, "for", 30*time.Second, "begin no sign-in after this")
	flag.IntVar(&o.SignIns, "times", 100_000, "at most")
	flag.IntVar(&o.maxErrors, "errors", 0, "failed sign-ins that are accepted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "drive:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.latchkey != "" {
		s, err := serve(ctx, o.latchkey)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		o.base, o.token, o.pid = s.url, s.token, s.pid
	}
	if o.connect == "" {
		u, err := url.Parse(o.base)
		if err != nil || u.Host == "" {
			return fmt.Errorf("-base %q is no address", o.base)
		}
		o.connect = u.Host
	}
	crowd, err := load.Gather(ctx, load.Target{
		Base: o.base, Authorize: adminclient.Bearer(idp.Secret(o.token)), Transport: load.Loopback(o.connect),
	}, o.Options)
	if err != nil {
		return err
	}
	before, err := look(o.pid)
	if err != nil {
		return err
	}
	r := crowd.Drive(ctx)
	after, err := look(o.pid)
	if err != nil {
		return err
	}
	fmt.Printf("%d people, %d applications, %s of thought twice\n", o.People, o.Apps, o.Think)
	r.Print(os.Stdout)
	if o.pid != 0 && r.SignIns() > 0 {
		cpu := after.CPU - before.CPU
		fmt.Printf("\nThe server: %d MB of memory, %d MB at the most; %.1f ms of CPU time a sign-in, %.0f %% of one core\n",
			after.Resident>>20, after.Peak>>20, cpu.Seconds()*1000/float64(r.SignIns()), 100*cpu.Seconds()/r.Took.Seconds())
	}
	failed := 0
	for _, n := range r.Errors() {
		failed += n
	}
	if failed > o.maxErrors || r.SignIns() == 0 {
		return fmt.Errorf("%d sign-ins failed, %d succeeded", failed, r.SignIns())
	}
	return nil
}

func look(pid int) (load.Process, error) {
	if pid == 0 {
		return load.Process{}, nil
	}
	return load.Look(pid)
}
