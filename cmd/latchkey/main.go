// Command latchkey runs the identity provider on this machine, shows a demo of
// it, administers a deployment through its admin API, and is a software phone.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/latchkey-idp/latchkey/internal/build"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, &env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, program: os.Args[0]})
	stop()
	os.Exit(code)
}

// cli is the command line.
type cli struct {
	JSON bool   `name:"json" help:"Print answers as JSON."`
	Data string `help:"Data directory of the server on this machine, where its address and admin token are found." default:"latchkey-data" type:"path" env:"LATCHKEY_DATA" placeholder:"DIR"`
	URL  string `name:"url" help:"Address of the deployment, if it is another one." env:"LATCHKEY_URL" placeholder:"URL"`

	Serve   serveCmd       `cmd:"" help:"Run the identity provider on this machine."`
	Demo    demoCmd        `cmd:"" help:"Run identity provider, application and phone, to see how it works."`
	Release releaseCmd     `cmd:"" help:"Rules that release attributes by what the metadata of applications says."`
	SP      spCmd          `cmd:"" name:"sp" help:"Service providers: the applications that people sign in to."`
	User    userCmd        `cmd:"" help:"People who may sign in."`
	Device  deviceCmd      `cmd:"" help:"Their phones, and invites to set one up."`
	App     appPasswordCmd `cmd:"" name:"app-password" help:"App passwords: for programs that cannot show a code."`
	Key     keyCmd         `cmd:"" help:"Signing keys and certificates."`
	Audit   auditCmd       `cmd:"" help:"What happened."`
	Phone   phoneCmd       `cmd:"" help:"A software phone, for tests and demos."`
	Doctor  doctorCmd      `cmd:"" help:"Look for what is or will be wrong."`
	Version versionCmd     `cmd:"" help:"Print the version, and the hash of this program."`
}

// env is what commands use of the world. It is bound to their Run methods.
type env struct {
	ctx            context.Context //nolint:containedctx // of this one run of the program
	stdin          io.Reader
	stdout, stderr io.Writer
	program        string
	cli            *cli
}

// usageError is a mistake in the command line that only a command can see.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exited carries a --help that was answered out of the parser.
type exited int

func run(ctx context.Context, args []string, e *env) (code int) {
	defer func() {
		if x, ok := recover().(exited); ok {
			code = int(x)
		}
	}()
	e.ctx, e.cli = ctx, &cli{}
	parser, err := kong.New(e.cli,
		kong.Name("latchkey"), kong.Description("A passwordless SAML identity provider: sign in with your phone."),
		kong.Writers(e.stdout, e.stderr), kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(e.stderr, "latchkey:", err)
		return exitFailed
	}
	command, err := parser.Parse(args[1:])
	if err != nil {
		fmt.Fprintf(e.stderr, "latchkey: %v\nTry: latchkey --help\n", err)
		return exitUsage
	}
	err = command.Run(e)
	var wrong usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(e.stderr, "latchkey: interrupted")
		return exitFailed
	}
	fmt.Fprintln(e.stderr, "latchkey:", err)
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailed
}

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	hash, err := build.Hash()
	if err != nil {
		return err
	}
	return e.show(map[string]string{"version": build.Version(), "build": hash}, func(p *printer) {
		p.line("latchkey %s", build.Version())
		p.line("build %s", hash)
	})
}
