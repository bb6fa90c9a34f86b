package docs_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/docs"
	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
)

var update = flag.Bool("update", false, "write openapi.json from openapi.yaml")

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatalf("load openapi.yaml: %v", err)
	}
	return doc
}

// The document is valid OpenAPI, and the JSON that the server answers with is
// made of it.
func TestDocument(t *testing.T) {
	doc := load(t)
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	raw, err := doc.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Indent(&want, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	want.WriteByte('\n')
	if *update {
		if err := os.WriteFile("openapi.json", want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(docs.OpenAPI(), want.Bytes()) {
		t.Error("openapi.json is not what openapi.yaml says; run: go test ./docs -update")
	}
}

// Every route that is mounted is described, and nothing else.
func TestRoutes(t *testing.T) {
	var described []string
	for path, item := range load(t).Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(described)
	if diff := cmp.Diff(mounted(t), described); diff != "" {
		t.Errorf("routes: -mounted +described\n%s", diff)
	}
}

// Every error code of the program is in the closed list, and nothing else.
func TestCodes(t *testing.T) {
	var described []string
	for _, code := range load(t).Components.Schemas["Code"].Value.Enum {
		described = append(described, code.(string))
	}
	var known []string
	for _, code := range idp.Codes() {
		known = append(known, string(code))
	}
	slices.Sort(described)
	slices.Sort(known)
	if diff := cmp.Diff(known, described); diff != "" {
		t.Errorf("codes: -program +described\n%s", diff)
	}
}

// mounted lists the app's routes as "METHOD /path". A pattern without a method
// is the refusal of other methods if there is one with a method, else it is
// for GET only.
func mounted(t *testing.T) []string {
	patterns := newApp(t).Routes()
	var routes []string
	for _, p := range patterns {
		if strings.Contains(p, " ") {
			routes = append(routes, p)
			continue
		}
		if !slices.ContainsFunc(patterns, func(o string) bool { return strings.HasSuffix(o, " "+p) }) {
			routes = append(routes, "GET "+p)
		}
	}
	slices.Sort(routes)
	return routes
}

func newApp(t *testing.T) *app.App {
	t.Helper()
	clock := idp.Clock(time.Now)
	cfg, err := config.Config{PublicURL: "https://id.example.com"}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ring, err := keys.NewRing(keys.Options{
		Records: store.SigningKeys{Store: store.New(db, clock)}, DefaultRef: "none", Issuer: cfg.EntityID,
		Open:  func(context.Context, string) (keys.Key, error) { return nil, keys.ErrUnavailable },
		Clock: clock, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	masters, err := login.NewMasterKeys(map[int][]byte{1: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Deps{
		Config: cfg, Table: db, Keys: ring, Secrets: app.Secrets{Masters: masters, Pairwise: make([]byte, 32)},
		Log: slog.New(slog.DiscardHandler), Clock: clock, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
