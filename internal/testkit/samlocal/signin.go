package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/demo"
	"github.com/latchkey-idp/latchkey/internal/testkit/apigw"
)

// signIn registers the demo's application, a person and her phone, signs her in
// and out again. Browser, phone and application call start-api. It has no IAM
// authorizer, so administration goes to the admin function itself.
func signIn(ctx context.Context, url string, sam []string) (err error) {
	dir, err := os.MkdirTemp("", "sam-local")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	api, err := adminclient.New(url, &http.Client{Transport: apigw.Transport{
		Gateway: apigw.Gateway{Domain: "localhost", Caller: "arn:aws:iam::111122223333:user/developer"},
		Invoke: func(ctx context.Context, event json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
			return administer(ctx, sam, dir, event)
		},
	}}, func(*http.Request, []byte) error { return nil })
	if err != nil {
		return err
	}
	d, err := demo.Start(ctx, demo.Options{
		Addr: "localhost:0", Dir: filepath.Join(dir, "demo"), Program: "latchkey", Clock: time.Now, Random: rand.Reader,
		IDP: url, Admin: api,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Headless(ctx, os.Stdout)
}

func administer(ctx context.Context, sam []string, dir string, event json.RawMessage) (r events.APIGatewayV2HTTPResponse, err error) {
	file := filepath.Join(dir, "event.json")
	if err := os.WriteFile(file, event, 0o600); err != nil {
		return r, err
	}
	a, err := invoke(ctx, sam, logical["admin"], file)
	if err != nil {
		return r, err
	}
	if a.StatusCode == 0 {
		return r, fmt.Errorf("the admin function gives %s", a.raw)
	}
	return r, json.Unmarshal(a.raw, &r)
}
