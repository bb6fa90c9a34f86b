package admin_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/web/admin"
)

const (
	base  = "https://id.example.com"
	token = "a token for tests"
)

// fixture is a deployment with an administrator.
type fixture struct {
	t       *testing.T
	handler http.Handler
	store   *store.Store
	table   *tabletest.Faulty
	now     time.Time
	log     *bytes.Buffer
}

func newFixture(t *testing.T, set ...func(*app.Deps)) *fixture {
	t.Helper()
	f := &fixture{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), log: &bytes.Buffer{}}
	clock := idp.Clock(func() time.Time { return f.now })
	cfg, err := config.Config{PublicURL: base, Issuers: []string{base + "/idp/two"}}.Complete()
	must(t, err)
	db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	f.table = &tabletest.Faulty{Table: db}
	f.store = store.New(f.table, clock)

	ring, err := keys.NewRing(keys.Options{
		Records: store.SigningKeys{Store: f.store}, Open: openKey, DefaultRef: "first",
		Issuer: cfg.EntityID, Clock: clock, Random: rand.Reader,
	})
	must(t, err)
	must(t, ring.Ensure(t.Context()))
	masters, err := login.NewMasterKeys(map[int][]byte{1: make([]byte, 32)})
	must(t, err)
	deps := app.Deps{
		Config: cfg, Table: f.table, Keys: ring, Secrets: app.Secrets{Masters: masters, Pairwise: make([]byte, 32)},
		Admins: admin.Bearer(sha256.Sum256([]byte(token))),
		Log:    slog.New(slog.NewJSONHandler(f.log, nil)), Clock: clock, Random: rand.Reader,
	}
	for _, s := range set {
		s(&deps)
	}
	a, err := app.New(deps)
	must(t, err)
	f.handler = a.All()
	return f
}

// key is a signing key in memory; its name is its ID.
type key struct {
	name string
	*rsa.PrivateKey
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, keys.MinBits)
	if err != nil {
		panic(err)
	}
	return k
})

func openKey(_ context.Context, ref string) (keys.Key, error) {
	if ref == "missing.pem" {
		return nil, io.ErrUnexpectedEOF
	}
	return key{ref, rsaKey()}, nil
}

func (k key) ID() string { return k.name }

func (k key) Sign(_ context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() == crypto.SHA1 {
		return nil, keys.ErrUnsupported
	}
	return k.PrivateKey.Sign(rand.Reader, digest, opts)
}

// request makes a call as the administrator does; body is sent as JSON.
func (f *fixture) request(method, path string, body any) *http.Request {
	f.t.Helper()
	var b []byte
	switch v := body.(type) {
	case nil:
	case string:
		b = []byte(v)
	default:
		var err error
		b, err = json.Marshal(v)
		must(f.t, err)
	}
	r := httptest.NewRequestWithContext(f.t.Context(), method, base+path, bytes.NewReader(b))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Requested-By", "latchkey")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (f *fixture) send(r *http.Request) *httptest.ResponseRecorder {
	f.t.Helper()
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	conforms(f.t, r, w)
	return w
}

// call makes a call and decodes its answer into out (nil: not of interest).
func (f *fixture) call(method, path string, body any, status int, out any) http.Header {
	f.t.Helper()
	w := f.send(f.request(method, path, body))
	if w.Code != status {
		f.t.Fatalf("%s %s = %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	if out != nil {
		must(f.t, json.Unmarshal(w.Body.Bytes(), out))
	}
	return w.Header()
}

type problem struct {
	Code   idp.Code `json:"code"`
	Detail string   `json:"detail"`
}

// refused makes a call that must fail with code, and with every one of words
// in the detail.
func (f *fixture) refused(method, path string, body any, code idp.Code, words ...string) {
	f.t.Helper()
	var p problem
	h := f.call(method, path, body, code.Info().Status, &p)
	if ct := h.Get("Content-Type"); p.Code != code || ct != "application/problem+json" {
		f.t.Errorf("%s %s: code %q as %q, want %q", method, path, p.Code, ct, code)
	}
	for _, word := range words {
		if !strings.Contains(p.Detail, word) {
			f.t.Errorf("%s %s: detail %q does not say %q", method, path, p.Detail, word)
		}
	}
}

// noAudit makes every write to the audit trail fail.
func (f *fixture) noAudit() {
	f.table.Before = func(op string, keys []table.Key) error {
		if op == "put" && strings.HasPrefix(keys[0].PK, "AUDIT#") {
			return table.ErrUnavailable
		}
		return nil
	}
}

// events are the kinds of today's audit events, the oldest first, with their
// action.
func (f *fixture) events() []string {
	f.t.Helper()
	events, _, err := f.store.Events(f.t.Context(), f.now, "", 100)
	must(f.t, err)
	var out []string
	for i := len(events) - 1; i >= 0; i-- {
		out = append(out, strings.TrimSpace(events[i].Event+" "+events[i].Detail["action"]))
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
