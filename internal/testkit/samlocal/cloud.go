package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
)

// eventsURL is the deployment that the files in events/ are for.
const eventsURL = "https://id.example.com"

// cloud is what the functions call: DynamoDB Local, which runs already, and a
// fake of KMS.
type cloud struct{ listen, dynamo, host, dir, public string }

// environment is the form of `sam local --env-vars`.
type environment struct{ Parameters map[string]string }

// run serves until ctx ends. Once everything is there it writes events.json and
// api.json, the environments for `sam local invoke` and `sam local start-api`.
func (c cloud) run(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(c.listen, "0"))
	if err != nil {
		return fmt.Errorf("listen for KMS: %w", err)
	}
	fake := kmsfake.New()
	signing, err := fake.CreateRSA(2048)
	if err != nil {
		return fmt.Errorf("make the signing key: %w", err)
	}
	database, err := url.Parse(c.dynamo)
	if err != nil || database.Port() == "" {
		return fmt.Errorf("DynamoDB Local at %q: give its address, such as http://127.0.0.1:8000", c.dynamo)
	}
	at := func(port string) string { return "http://" + net.JoinHostPort(c.host, port) }
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return fmt.Errorf("read own address: %w", err)
	}
	for name, public := range map[string]string{"events": eventsURL, "api": c.public} {
		table := fmt.Sprintf("sam-local-%s-%d", name, time.Now().UnixNano())
		if err := dynamo.CreateTable(ctx, dynamotest.ClientAt(c.dynamo), table); err != nil {
			return fmt.Errorf("make the table for %s: %w", name, err)
		}
		raw, err := json.MarshalIndent(environment{map[string]string{
			"LATCHKEY_PUBLIC_URL": public, "LATCHKEY_TABLE": table,
			"LATCHKEY_SIGNING_KEY": signing, "LATCHKEY_MASTER_KEY": fake.CreateSymmetric(), "LATCHKEY_ENCRYPTION_KEY": "",
			"AWS_ENDPOINT_URL_DYNAMODB": at(database.Port()), "AWS_ENDPOINT_URL_KMS": at(port),
		}}, "", "  ")
		if err != nil {
			return fmt.Errorf("write the environment: %w", err)
		}
		if err := os.WriteFile(filepath.Join(c.dir, name+".json"), raw, 0o600); err != nil {
			return fmt.Errorf("write the environment: %w", err)
		}
	}
	server := &http.Server{Handler: fake, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve KMS: %w", err)
	}
	return nil
}
