// Package idptest is a whole identity provider for black-box tests: the real
// handlers at https://idp.test on an embedded table, with a clock that tests
// turn, browsers that treat cookies as browsers do, and software phones. No
// sockets are used.
package idptest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/web/admin"
)

// Base is the identity provider's public URL.
const Base = "https://idp.test"

// AdminToken is the bearer token of the admin API.
const AdminToken = "TEST-ONLY-admin-token"

// Start is when the clock begins.
var Start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// IdP is an identity provider under test.
type IdP struct {
	T       testing.TB
	App     *app.App
	Handler http.Handler
	Store   *store.Store
	Clock   *Clock
	Log     *Log
	Key     *Key // the signing key; counts and fails
	Config  config.Config
	Masters *login.MasterKeys

	Alice, Bob *idp.User
}

// Options change how an IdP is made.
type Options struct {
	Config func(*config.Config)
	Table  func(table.Table) table.Table // wraps the table: counting, faults
	Engine func(t testing.TB, clock idp.Clock) table.Table
	Keys   func(*keys.Options) // other signing keys than Key
	Bare   bool                // no service providers and users

	// LocalCalls lets the IdP call servers of a test on the loopback interface.
	LocalCalls bool
}

// New makes an IdP with the service providers A, B and C of samltest and the
// users alice and bob.
func New(t testing.TB, opts ...Options) *IdP {
	t.Helper()
	var o Options
	if len(opts) > 0 {
		o = opts[0]
	}
	i := &IdP{T: t, Clock: NewClock(Start), Log: &Log{}, Key: newKey()}
	var tab table.Table
	if o.Engine != nil {
		tab = o.Engine(t, i.Clock.Now)
	} else {
		db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), i.Clock.Now)
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		tab = db
	}
	if o.Table != nil {
		tab = o.Table(tab)
	}
	cfg := config.Config{PublicURL: Base, Probation: 24 * time.Hour}
	if o.Config != nil {
		o.Config(&cfg)
	}
	cfg, err := cfg.Complete()
	must(t, err)
	i.Config = cfg
	i.Store = store.New(tab, i.Clock.Now)
	options := keys.Options{
		Records: store.SigningKeys{Store: i.Store}, DefaultRef: "test", Issuer: cfg.EntityID, Clock: i.Clock.Now, Random: rand.Reader,
		Open: func(context.Context, string) (keys.Key, error) { return i.Key, nil },
		Log:  obs.NewLogger(i.Log, slog.LevelInfo, true),
	}
	if o.Keys != nil {
		o.Keys(&options)
	}
	ring, err := keys.NewRing(options)
	must(t, err)
	must(t, ring.Ensure(context.Background()))
	i.Key.signs.Store(0)
	i.Masters, err = login.NewMasterKeys(map[int][]byte{1: bytes.Repeat([]byte{7}, 32)})
	must(t, err)
	i.App, err = app.New(app.Deps{
		Config: cfg, Table: tab, Keys: ring, Secrets: app.Secrets{Masters: i.Masters, Pairwise: bytes.Repeat([]byte{9}, 32)},
		Outbound: outbound.Options{Local: o.LocalCalls},
		Admins:   admin.Bearer(sha256.Sum256([]byte(AdminToken))),
		Log:      obs.NewLogger(i.Log, slog.LevelInfo, true), Clock: i.Clock.Now, Random: rand.Reader,
	})
	must(t, err)
	i.Handler = i.App.All()
	if !o.Bare {
		i.seed()
	}
	i.Log.Reset()
	return i
}

func (i *IdP) seed() {
	for _, sp := range []*samltest.SP{samltest.A(), samltest.B(), samltest.C()} {
		copied := sp.ServiceProvider
		must(i.T, i.Store.SaveServiceProvider(context.Background(), &copied))
	}
	i.Alice = i.AddUser("alice@example.com", "Alice", "Adams")
	i.Bob = i.AddUser("bob@example.com", "Bob", "Brown")
}

// AddUser stores a user.
func (i *IdP) AddUser(email, given, family string) *idp.User {
	i.T.Helper()
	id, err := idp.NewID(rand.Reader)
	must(i.T, err)
	u := &idp.User{ID: id, Email: email, GivenName: given, FamilyName: family}
	must(i.T, i.Store.SaveUser(context.Background(), u))
	return u
}

// UpdateSP changes a stored service provider.
func (i *IdP) UpdateSP(entityID string, change func(*idp.ServiceProvider)) {
	i.T.Helper()
	sp, err := i.Store.ServiceProvider(context.Background(), entityID)
	must(i.T, err)
	change(sp)
	must(i.T, i.Store.SaveServiceProvider(context.Background(), sp))
}

// UpdateUser changes a stored user.
func (i *IdP) UpdateUser(id string, change func(*idp.User)) {
	i.T.Helper()
	u, err := i.Store.User(context.Background(), id)
	must(i.T, err)
	change(u)
	must(i.T, i.Store.SaveUser(context.Background(), u))
}

// Invite makes an invite and returns its link.
func (i *IdP) Invite(u *idp.User) string {
	i.T.Helper()
	token, err := idp.NewSecret(rand.Reader, 16)
	must(i.T, err)
	hash := token.Hash()
	id, err := idp.NewID(rand.Reader)
	must(i.T, err)
	now := i.Clock.Millis()
	must(i.T, i.Store.CreateInvite(context.Background(), &idp.Invite{
		ID: id, TokenHash: hash[:], UserID: u.ID, InvitedBy: "admin", CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}))
	return Base + "/e#" + token.Reveal()
}

// Phone enrolls a software phone for a user; it calls from address ip.
func (i *IdP) Phone(u *idp.User, ip string) *phone.Phone {
	i.T.Helper()
	p, err := phone.Enroll(context.Background(), i.PhoneDeps(ip), i.Invite(u), u.GivenName+"'s phone")
	must(i.T, err)
	return p
}

// PhoneDeps are those of a phone at an address.
func (i *IdP) PhoneDeps(ip string) phone.Deps {
	return phone.Deps{HTTP: &http.Client{Transport: i.Transport(ip)}, Random: rand.Reader, Clock: i.Clock.Now}
}

// Transport calls the handler as a client at an address.
func (i *IdP) Transport(ip string) http.RoundTripper { return transport{i, ip} }

type transport struct {
	idp *IdP
	ip  string
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.idp.Serve(r, t.ip), nil
}

// Serve lets the handler answer a request from an address.
func (i *IdP) Serve(r *http.Request, ip string) *http.Response {
	in := r.Clone(idp.WithClient(r.Context(), idp.Client{IP: ip}))
	in.RemoteAddr = net.JoinHostPort(ip, "443")
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	in.RequestURI = ""
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	i.Handler.ServeHTTP(rec, in)
	resp := rec.Result()
	resp.Request = r
	return resp
}

// Clock is a clock that tests turn.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	running bool // it shows the time, and nobody turns it
}

// NewClock makes a clock that shows a time.
func NewClock(t time.Time) *Clock { return &Clock{now: t} }

// Now is the time it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return time.Now()
	}
	return c.now
}

// Millis is Now in milliseconds.
func (c *Clock) Millis() idp.Millis { return idp.At(c.Now()) }

// Add turns the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Set turns the clock to a time.
func (c *Clock) Set(m idp.Millis) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = m.Time()
}

// Key is a local RSA key that counts its signatures and fails on demand.
type Key struct {
	key   *rsa.PrivateKey
	signs atomic.Int64

	mu   sync.Mutex
	fail func(n int64) error
}

var sharedKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newKey() *Key { return &Key{key: sharedKey()} }

// Signs is how many signatures were asked for since New.
func (k *Key) Signs() int { return int(k.signs.Load()) }

// Fail makes the n-th and later calls (from 1) return what f returns, if that
// is not nil.
func (k *Key) Fail(f func(n int64) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail = f
}

// ID implements keys.Key.
func (k *Key) ID() string { return "test" }

// Public implements keys.Key.
func (k *Key) Public() crypto.PublicKey { return k.key.Public() }

// Sign implements keys.Key.
func (k *Key) Sign(_ context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	n := k.signs.Add(1)
	k.mu.Lock()
	fail := k.fail
	k.mu.Unlock()
	if fail != nil {
		if err := fail(n); err != nil {
			return nil, err
		}
	}
	return k.key.Sign(rand.Reader, digest, opts)
}

// Log keeps what was logged.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Reset forgets it.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Reset()
}

// Reasons are the reasons of the request lines since the last Reset.
func (l *Log) Reasons() []string {
	var out []string
	for line := range strings.Lines(l.String()) {
		if !strings.Contains(line, `"event":"request"`) {
			continue
		}
		_, after, ok := strings.Cut(line, `"reason":"`)
		if !ok {
			out = append(out, "")
			continue
		}
		reason, _, _ := strings.Cut(after, `"`)
		out = append(out, reason)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Body reads and closes a response's body.
func Body(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	must(t, err)
	_ = r.Body.Close()
	return string(b)
}
