package faults_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/awsdeps"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
)

// scheduleTime is what a scheduled function leaves its work (template.yaml,
// lambdahttp).
const scheduleTime = 295 * time.Second

// scheduled calls a function by its schedule until a run says that it went
// well: the next one comes an hour later, to another sandbox.
func (c *course) scheduled(name string, run func(context.Context) error) {
	c.t.Helper()
	rival := func() { _ = run(c.t.Context()) } // an hour that took too long
	c.rivals = map[string]func(){name: rival}
	defer func() { c.rivals = nil }()
	for try := 1; ; try++ {
		c.at(name, nil)
		err, died := c.w.invoke(c.t.Context(), run)
		if err == nil && !died {
			return
		}
		if !died && c.fault != nil && !c.fault.ends && err.Error() == "" {
			c.t.Errorf("%s: an error that says nothing", name)
		}
		if try == tries {
			c.t.Fatalf("%s: still %v after %d runs\n%s", name, err, tries, c.w.log)
		}
		c.w.wire.heal()
		time.Sleep(time.Hour)
	}
}

// invoke is one run of a scheduled function.
func (w *world) invoke(ctx context.Context, run func(context.Context) error) (err error, died bool) { //nolint:revive // died is the rarer news
	ctx, cancel := context.WithTimeout(ctx, scheduleTime)
	defer cancel()
	before := w.wire.attend(cancel)
	err = run(ctx)
	return err, w.wire.leave(before)
}

// publisher is a server of service providers' metadata.
type publisher struct {
	*httptest.Server
	later atomic.Bool // what it says has changed
}

// newPublisher is called outside of bubbles. The entity is the path: one whose
// name begins with "steady" moves its endpoint on its host, each other to
// another host.
func newPublisher(t testing.TB) *publisher {
	p := &publisher{}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		_, _ = fmt.Fprintf(out, `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://%s.test/">`+
			`<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`+
			`<md:AssertionConsumerService index="0" Binding="%s" Location="%s"/></md:SPSSODescriptor></md:EntityDescriptor>`,
			name, idp.BindingPOST, endpoint(name, p.later.Load()))
	}))
	t.Cleanup(p.Close)
	return p
}

// endpoint is where an entity wants its assertions.
func endpoint(name string, later bool) string {
	switch {
	case !later:
		return "https://" + name + ".test/acs"
	case strings.HasPrefix(name, "steady"):
		return "https://" + name + ".test/acs2"
	}
	return "https://other-" + name + ".test/acs"
}

// refresher is the function refresh (awsdeps.RefreshMetadata), which calls this
// world's publisher only.
func (w *world) refresher(quietly bool) *mdrefresh.Runner {
	st := w.store
	if !quietly {
		st = store.New(dynamo.New(dynamodb.NewFromConfig(w.wire.config(false), dynamo.Options), w.tableName, w.now), w.now)
	}
	roots := x509.NewCertPool()
	roots.AddCert(w.publisher.Certificate())
	return &mdrefresh.Runner{
		Store: st, Audit: audit.NewTrail(st, nil, w.now, rand.Reader), Clock: w.now, Log: slog.New(slog.NewJSONHandler(w.log, nil)),
		Fetcher: mdrefresh.NewFetcher(outbound.Options{Local: true, Roots: roots}, 0, w.now),
	}
}

func (c *course) names() (steady, moving string) {
	return fmt.Sprintf("steady%d", c.w.n), fmt.Sprintf("moving%d", c.w.n)
}

// published is two service providers whose metadata has changed since.
func (c *course) published() {
	c.t.Helper()
	c.w.publisher.later.Store(false)
	steady, moving := c.names()
	for _, name := range []string{steady, moving} {
		in, src, err := c.w.refresher(true).Fetcher.Import(c.t.Context(), mdrefresh.Request{URL: c.w.publisher.URL + "/" + name, TrustURL: true})
		must(c.t, err)
		in.SP.Slug = name
		must(c.t, c.w.store.AddImported(c.t.Context(), in.SP, src))
	}
	c.w.publisher.later.Store(true)
	time.Sleep(24 * time.Hour)
}

// refresh is the function refresh, and an administrator who approves what waits.
func (c *course) refresh() {
	c.t.Helper()
	c.scheduled("refresh", func(ctx context.Context) error {
		_, err := c.w.refresher(false).Run(ctx)
		return err
	})
	_, moving := c.names()
	if got := c.acs(moving); got != endpoint(moving, false) {
		c.t.Errorf("%s is in force, and nobody approved it", got)
	}
	src, err := c.w.store.MetadataSource(c.t.Context(), "https://"+moving+".test/")
	must(c.t, err)
	if src.Pending == nil {
		c.t.Fatalf("nothing waits for an administrator\n%s", c.w.log)
	}
	c.admin("approve metadata", "POST", "/service-providers/"+moving+"/metadata/approve", http.StatusOK,
		adminapi.Approval{Change: src.Pending.ID}, http.StatusNotFound)
}

func (c *course) acs(name string) string {
	c.t.Helper()
	sp, err := c.w.store.ServiceProvider(c.t.Context(), "https://"+name+".test/")
	must(c.t, err)
	return sp.ACS[0].Location
}

// refreshed: what was to be applied is in force, and in the trail.
func (c *course) refreshed() {
	c.t.Helper()
	steady, moving := c.names()
	for _, name := range []string{steady, moving} {
		if got, want := c.acs(name), endpoint(name, true); got != want {
			c.t.Errorf("%s is in force, not %s", got, want)
		}
	}
	c.soundTrail()
	told := map[string]int{}
	for day := c.start.Truncate(24 * time.Hour); !day.After(c.w.now()); day = day.AddDate(0, 0, 1) {
		events, _, err := c.w.store.Events(c.t.Context(), day, "", 200)
		must(c.t, err)
		for _, e := range events {
			told[e.Event+" "+e.SP]++
		}
	}
	for _, want := range []string{idp.AuditMetadataApplied + " https://" + steady + ".test/", idp.AuditMetadataPending + " https://" + moving + ".test/"} {
		if told[want] == 0 && !strings.Contains(c.w.log.String(), "audit write failed") {
			c.t.Errorf("the trail does not tell of %s", want)
		}
	}
	for _, name := range []string{steady, moving} {
		must(c.t, c.w.store.DeleteMetadataSource(c.t.Context(), "https://"+name+".test/"))
		must(c.t, c.w.store.DeleteServiceProvider(c.t.Context(), "https://"+name+".test/"))
	}
}

// anHour is a sign-in, and the hour in which it was is over. It is always the
// same hour of a day: so many are verified.
func (c *course) anHour() {
	c.t.Helper()
	time.Sleep(c.w.now().Truncate(24 * time.Hour).Add(34 * time.Hour).Sub(c.w.now()))
	must(c.t, c.w.verifier(c.t, true)(c.t.Context())) // what was before
	c.signIn()
	c.sid = "" // it is kept for minutes
	time.Sleep(2 * time.Hour)
}

func (w *world) verifier(t testing.TB, quietly bool) func(context.Context) error {
	return func(ctx context.Context) error {
		deps, err := awsdeps.With(w.wire.config(quietly), w.now, w.env, w.log, awsdeps.Reader)
		must(t, err)
		return deps.VerifyAudit(ctx)
	}
}

// verify is the function audit.
func (c *course) verify() {
	c.t.Helper()
	c.scheduled("audit", c.w.verifier(c.t, false))
}

// verified: each hour that is over was closed once, on the one before.
func (c *course) verified() {
	c.t.Helper()
	c.soundTrail()
	points, err := c.w.store.AuditCheckpoints(c.t.Context(), c.w.now(), 100)
	must(c.t, err)
	if due := c.w.now().Add(-6 * time.Minute).Truncate(time.Hour).Add(-time.Hour).Format(idp.AuditHour); len(points) == 0 || points[0].Hour != due {
		c.t.Errorf("%s has no checkpoint, the newest of %d are %v", due, len(points), points[:min(1, len(points))])
	}
	for n := 1; n < len(points); n++ {
		if points[n-1].N != points[n].N+1 {
			c.t.Errorf("checkpoint %d is followed by %d", points[n].N, points[n-1].N)
		}
	}
}

// soundTrail: nothing was sealed twice, nothing is missing. What was damaged on
// the way from the table is told, and rightly.
func (c *course) soundTrail() {
	c.t.Helper()
	if c.fault != nil && c.fault.reason == idp.StoreCorrupt {
		time.Sleep(48 * time.Hour) // until nobody looks at these hours again, so that the next course hears nothing of them
		must(c.t, c.w.verifier(c.t, true)(c.t.Context()))
		return
	}
	must(c.t, c.w.verifier(c.t, true)(c.t.Context()))
	if strings.Contains(c.w.log.String(), "audit.broken") {
		c.t.Errorf("the trail is broken\n%s", c.w.log)
	}
}
