package idptest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/saml/preset"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/web/admin"
)

// Live is a whole identity provider that listens at http://localhost, for
// counterparts that are programs of their own: browsers and real service
// providers. Its clock runs, and can be turned forward.
type Live struct {
	T     testing.TB
	URL   string // http://localhost:port
	Store *store.Store
	Key   *Key
	Log   *Log
	Cert  *x509.Certificate // of Key

	// Transport reaches it from an address of this machine; nil: as anybody does.
	Transport func(ip string) *http.Transport

	ahead  atomic.Int64 // of the clock, in nanoseconds
	silent atomic.Bool
}

// LiveElsewhere is one that is not in this process: it listens at URL, and its
// table is here. Its key is PrivateKey, its clock that of the machine.
func LiveElsewhere(t testing.TB, address string, tab table.Table, transport func(ip string) *http.Transport) *Live {
	t.Helper()
	l := &Live{T: t, URL: address, Store: store.New(tab, time.Now), Key: newKey(), Log: &Log{}, Transport: transport}
	var m struct {
		Keys []struct {
			Use  string `xml:"use,attr"`
			Cert []byte `xml:"KeyInfo>X509Data>X509Certificate"`
		} `xml:"IDPSSODescriptor>KeyDescriptor"`
	}
	resp, err := l.Client("127.0.0.1").Get(l.URL + "/saml/metadata")
	must(t, err)
	must(t, xml.Unmarshal([]byte(Body(t, resp)), &m))
	for _, k := range m.Keys {
		if k.Use == "signing" {
			der, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(k.Cert), nil)))
			must(t, err)
			l.Cert, err = x509.ParseCertificate(der)
			must(t, err)
		}
	}
	return l
}

// Secure reports whether it has an https address: applications need one, too.
func (l *Live) Secure() bool { return strings.HasPrefix(l.URL, "https:") }

// Serve starts an application's server, with TLS if it needs that.
func (l *Live) Serve(h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	if l.Secure() {
		server.StartTLS()
	} else {
		server.Start()
	}
	l.T.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

// Client is an HTTP client that calls from an address of this machine.
func (l *Live) Client(ip string) *http.Client {
	client := ClientFrom(ip)
	if l.Transport != nil {
		client.Transport = l.Transport(ip)
	}
	return client
}

// NewLive starts an identity provider that knows nobody. It stops with the test.
func NewLive(t testing.TB) *Live {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &Live{T: t, URL: "http://localhost:" + strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), Key: newKey(), Log: &Log{}}
	db, err := embedded.Open(filepath.Join(t.TempDir(), "live.db"), l.Now)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	l.Store = store.New(db, l.Now)
	cfg, err := config.Config{PublicURL: l.URL, Probation: 24 * time.Hour}.Complete()
	must(t, err)
	deps := l.deps(cfg)
	deps.Table = db
	made, err := app.New(deps)
	must(t, err)

	server := &httptest.Server{Listener: ln, Config: &http.Server{Handler: l.reachable(withPeer(made.All())), ReadHeaderTimeout: 10 * time.Second}}
	server.Start()
	t.Cleanup(server.Close)
	return l
}

func (l *Live) deps(cfg config.Config) app.Deps {
	ring, err := keys.NewRing(keys.Options{
		Records: store.SigningKeys{Store: l.Store}, DefaultRef: "test", Issuer: cfg.EntityID, Clock: l.Now, Random: rand.Reader,
		Open: func(context.Context, string) (keys.Key, error) { return l.Key, nil },
	})
	must(l.T, err)
	must(l.T, ring.Ensure(context.Background()))
	certs, err := ring.Published(context.Background())
	must(l.T, err)
	l.Cert = certs[0]
	masters, err := login.NewMasterKeys(map[int][]byte{1: bytes.Repeat([]byte{7}, 32)})
	must(l.T, err)
	return app.Deps{
		Config: cfg, Keys: ring, Secrets: app.Secrets{Masters: masters, Pairwise: bytes.Repeat([]byte{9}, 32)},
		Admins: admin.Bearer(sha256.Sum256([]byte(AdminToken))),
		Log:    obs.NewLogger(l.Log, slog.LevelInfo, true), Clock: l.Now, Random: rand.Reader,
	}
}

// withPeer says who calls: the peer of the connection.
func withPeer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ip, _, _ := net.SplitHostPort(r.RemoteAddr)
		next.ServeHTTP(w, r.WithContext(idp.WithClient(r.Context(), idp.Client{IP: ip})))
	})
}

// Silence cuts every connection before an answer, or ends that: to a browser
// there is no network.
func (l *Live) Silence(yes bool) { l.silent.Store(yes) }

func (l *Live) reachable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.silent.Load() {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

// Now is the identity provider's time.
func (l *Live) Now() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }

// Forward turns its clock.
func (l *Live) Forward(d time.Duration) { l.ahead.Add(int64(d)) }

// Register adds a service provider from its own metadata, as an administrator
// does, or replaces it; change, which may be nil, sees it before it is saved.
func (l *Live) Register(file []byte, change func(*idp.ServiceProvider)) *idp.ServiceProvider {
	l.T.Helper()
	sp, _, err := metadata.ReadServiceProvider(file, metadata.ReadOptions{Now: l.Now(), Local: true})
	must(l.T, err)
	must(l.T, preset.Apply(preset.Generic, sp, preset.Options{Local: true}))
	sum := sha256.Sum256([]byte(sp.EntityID))
	sp.Slug = "sp-" + hex.EncodeToString(sum[:5])
	if change != nil {
		change(sp)
	}
	if known, err := l.Store.ServiceProvider(context.Background(), sp.EntityID); err == nil {
		sp.Version = known.Version
	}
	must(l.T, l.Store.SaveServiceProvider(context.Background(), sp))
	return sp
}

// Update changes a registered service provider.
func (l *Live) Update(entityID string, change func(*idp.ServiceProvider)) {
	l.T.Helper()
	sp, err := l.Store.ServiceProvider(context.Background(), entityID)
	must(l.T, err)
	change(sp)
	must(l.T, l.Store.SaveServiceProvider(context.Background(), sp))
}

// AddUser stores a user.
func (l *Live) AddUser(email, given, family string) *idp.User {
	l.T.Helper()
	id, err := idp.NewID(rand.Reader)
	must(l.T, err)
	u := &idp.User{ID: id, Email: email, GivenName: given, FamilyName: family}
	must(l.T, l.Store.SaveUser(context.Background(), u))
	return u
}

// Phone invites a user and sets up a software phone, which calls from an
// address of this machine: "127.0.0.2".
func (l *Live) Phone(u *idp.User, ip string) *phone.Phone {
	l.T.Helper()
	token, err := idp.NewSecret(rand.Reader, 16)
	must(l.T, err)
	id, err := idp.NewID(rand.Reader)
	must(l.T, err)
	hash, now := token.Hash(), idp.At(l.Now())
	must(l.T, l.Store.CreateInvite(context.Background(), &idp.Invite{
		ID: id, TokenHash: hash[:], UserID: u.ID, InvitedBy: "admin", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}))
	deps := phone.Deps{HTTP: l.Client(ip), Random: rand.Reader, Clock: l.Now}
	p, err := phone.Enroll(context.Background(), deps, l.URL+"/e#"+token.Reveal(), u.GivenName+"'s phone")
	must(l.T, err)
	return p
}

// ClientFrom is an HTTP client that calls from an address of this machine.
func ClientFrom(ip string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp4", addr)
			},
		},
	}
}
