package faults_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/awsdeps"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamofake"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const (
	// handlerTime is what a function leaves its handler (template.yaml,
	// lambdahttp).
	handlerTime = 14500 * time.Millisecond
	// apart is the time between two courses: what a program keeps in memory of
	// the one before is old.
	apart = 10 * time.Minute
)

// world is a deployment in AWS: its table, its keys, and the programs that serve
// it, wired by awsdeps as in Lambda. It outlives the courses that run in it, each
// in a bubble of its own with a clock that goes on by itself.
type world struct {
	wire  *wire
	table table.Table
	store *store.Store // for tests to look into the table, quietly
	log   *idptest.Log
	env   []string
	keys  []string // ARNs of signing keys

	tableName string
	publisher *publisher // of service providers' metadata

	firstKey table.Item // its record, as it was made
	serving  *programs
	spare    *programs // takes over after a crash, and serves whoever acts meanwhile

	mu     sync.Mutex
	base   time.Time // the clock's time at origin
	origin time.Time
	n      int // courses so far

	slowest time.Duration // that a handler took in this course
}

// programs are one running copy of the functions that may sign and of those that
// may not.
type programs struct{ signer, reader http.Handler }

// engine makes what stands for DynamoDB, with an empty table of this name.
type engine func(testing.TB) (backend, string)

// inMemory is quick enough for thousands of courses.
func inMemory(testing.TB) (backend, string) { return handled{dynamofake.New()}, "latchkey" }

// dynamoDBLocal is AWS's own.
func dynamoDBLocal(t testing.TB) (backend, string) {
	t.Helper()
	name := dynamotest.Create(t, dynamotest.Client(t))
	return newRemote(t), name
}

// newWorld is called outside of bubbles. Each program makes its channels then,
// so that every bubble may use them.
func newWorld(t testing.TB, on engine) *world {
	t.Helper()
	dynamoDB, name := on(t)
	w := &world{
		wire: &wire{dynamo: dynamoDB, kms: kmsfake.New()},
		log:  &idptest.Log{}, tableName: name, publisher: newPublisher(t),
		// The table's own sweep goes by the clock on the wall: ours is ahead of it.
		base: time.Now().UTC().AddDate(1, 0, 0).Truncate(24 * time.Hour), origin: time.Now(),
	}
	for range 2 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		must(t, err)
		w.keys = append(w.keys, w.wire.kms.AddRSA(key))
	}
	w.env = []string{
		"LATCHKEY_PUBLIC_URL=" + idptest.Base, "LATCHKEY_TABLE=" + name, "LATCHKEY_PROBATION=0",
		"LATCHKEY_SIGNING_KEY=" + strings.Join(w.keys, ","), "LATCHKEY_MASTER_KEY=" + w.wire.kms.CreateSymmetric(),
	}
	quiet := w.wire.config(true)
	w.table = dynamo.New(dynamodb.NewFromConfig(quiet, dynamo.Options), name, w.now)
	w.store = store.New(w.table, w.now)
	for _, sp := range []*samltest.SP{samltest.A(), samltest.B(), samltest.C()} {
		copied := sp.ServiceProvider
		copied.SLO = []idp.Endpoint{{Binding: idp.BindingPOST, Location: sp.EntityID + "/slo"}}
		samltest.Programs(&copied)
		copied.IdPInitiated = true
		must(t, w.store.SaveServiceProvider(t.Context(), &copied))
	}
	must(t, w.store.SaveServiceProvider(t.Context(), &idp.ServiceProvider{
		EntityID: portal, Slug: "portal", Name: "Portal", Protocol: idp.ProtocolWSFed, NameID: "emailAddress = email",
		ACS: []idp.Endpoint{{Binding: idp.BindingPOST, Location: "https://portal.test/"}},
	}))
	w.serving, w.spare = w.start(t), w.start(t)
	must(t, w.verifier(t, true)(t.Context())) // the first hour of the audit trail
	page, err := w.table.Query(t.Context(), table.Query{PK: "KEYS"})
	must(t, err)
	w.firstKey = page.Items[0]
	return w
}

// start runs a copy of the functions and lets each serve its first request.
func (w *world) start(t testing.TB) *programs {
	t.Helper()
	p := w.cold(t)
	for _, h := range []http.Handler{p.signer, p.reader} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, idptest.Base+"/v1/healthz", nil))
		if rec.Code != http.StatusOK {
			t.Fatalf("program does not start: %d %s\n%s", rec.Code, rec.Body, w.log)
		}
	}
	return p
}

// cold is a copy of the functions that has served nothing yet.
func (w *world) cold(t testing.TB) *programs {
	t.Helper()
	return &programs{w.program(t, w.wire.config(false), awsdeps.Signer), w.program(t, w.wire.config(false), awsdeps.Reader)}
}

func (w *world) program(t testing.TB, cfg aws.Config, role awsdeps.Role) http.Handler {
	t.Helper()
	deps, err := awsdeps.With(cfg, w.now, w.env, w.log, role)
	must(t, err)
	return deps.Handler((*app.App).All)
}

// resetKeys forgets every signing key but the first, which signs again.
func (w *world) resetKeys(t testing.TB) {
	t.Helper()
	page, err := w.table.Query(t.Context(), table.Query{PK: "KEYS"})
	must(t, err)
	for _, item := range page.Items {
		if item.SK != w.firstKey.SK {
			must(t, w.table.Delete(t.Context(), item))
			continue
		}
		first := w.firstKey
		first.Version = item.Version
		_, err := w.table.Put(t.Context(), first)
		must(t, err)
	}
}

// now is the deployment's time: it passes as the bubble's does.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.base.Add(time.Since(w.origin))
}

// begin starts the time of a course. It is called inside of its bubble.
func (w *world) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.base = w.base.Add(apart)
	w.origin = time.Now()
	w.n++
	w.slowest = 0
	w.wire.take() // what a course before has left
}

// turn sets the clock.
func (w *world) turn(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.base = w.base.Add(by)
}

// late is when the last answer that AWS was slow with has come.
const late = 10 * time.Second

// end waits for what AWS was slow with, and leaves the clock where the course
// has brought it.
func (w *world) end() {
	time.Sleep(late)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.base = w.base.Add(time.Since(w.origin)).Truncate(time.Second)
	w.origin = time.Now()
}

// ServeHTTP is the gateway: it hands a request to the program that has its
// route, for as long as a function may take, and says 502 where that died, 504
// where nobody waited.
func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if w.serve(w.serving, out, r) {
		w.serving, w.spare = w.spare, w.serving // another sandbox takes over
	}
}

const (
	statusDied = http.StatusBadGateway
	statusLeft = http.StatusGatewayTimeout
)

// serve lets programs answer. It returns whether they died of it.
func (w *world) serve(p *programs, out http.ResponseWriter, r *http.Request) (died bool) {
	ctx, cancel := context.WithTimeout(r.Context(), handlerTime)
	defer cancel()
	if strings.HasPrefix(r.URL.Path, "/v1/admin/") {
		ctx = idp.WithCaller(ctx, "arn:aws:iam::111122223333:user/ops")
	}
	ctx, left := context.WithCancel(ctx)
	defer left()
	before := w.wire.attend(left)
	rec, start := httptest.NewRecorder(), time.Now()
	p.of(r.URL.Path).ServeHTTP(rec, r.WithContext(ctx))
	w.slowest = max(w.slowest, time.Since(start))
	died = w.wire.leave(before)
	switch {
	case died:
		out.WriteHeader(statusDied)
	case ctx.Err() == context.Canceled:
		out.WriteHeader(statusLeft)
	default:
		for name, values := range rec.Header() {
			out.Header()[name] = values
		}
		out.WriteHeader(rec.Code)
		_, _ = out.Write(rec.Body.Bytes())
	}
	return died
}

// attend is the begin of a request that left ends; leave is its end, and goes
// back to the request that was served before it.
func (w *wire) attend(left context.CancelFunc) (before context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, w.stop = w.stop, left
	return before
}

func (w *wire) leave(before context.CancelFunc) (dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dead, w.dead, w.stop = w.dead, false, before
	return dead
}

// meanwhile acts as somebody else whom other programs serve.
func (w *world) meanwhile(act func()) {
	w.serving, w.spare = w.spare, w.serving
	act()
	w.serving, w.spare = w.spare, w.serving
}

// of is the program whose function has the route (template.yaml).
func (p *programs) of(path string) http.Handler {
	for _, prefix := range []string{"/saml/", "/login", "/logout", "/v1/logout", "/apps"} {
		if strings.HasPrefix(path, prefix) {
			return p.signer
		}
	}
	return p.reader
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
