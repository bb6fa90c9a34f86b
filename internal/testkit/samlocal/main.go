// Command samlocal is what scripts/sam-local.sh needs besides the SAM CLI:
//
//	samlocal cloud     the table and a KMS for functions in containers
//	samlocal events    one event of each function, by `sam local invoke`
//	samlocal sign-in   a whole sign-in, through `sam local start-api`
//
// It is for development: the KMS is a fake that checks no credentials.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "samlocal:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("say cloud, events or sign-in")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	switch args[0] {
	case "cloud":
		c := cloud{}
		flags.StringVar(&c.listen, "listen", "127.0.0.1", "address that the containers reach")
		flags.StringVar(&c.dynamo, "dynamodb", os.Getenv("DYNAMODB_ENDPOINT"), "DynamoDB Local, from here")
		flags.StringVar(&c.host, "host", "host.docker.internal", "this machine, from the containers")
		flags.StringVar(&c.dir, "dir", ".", "folder for the environments")
		flags.StringVar(&c.public, "public", "http://localhost:3000", "address of start-api")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return c.run(ctx)
	case "events":
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return invokeEvents(ctx, flags.Args())
	case "sign-in":
		url := flags.String("url", "http://localhost:3000", "address of start-api")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return signIn(ctx, *url, flags.Args())
	}
	return fmt.Errorf("%s is none of cloud, events, sign-in", args[0])
}
