package mdrefresh_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/bolt"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

// world is a deployment, and a server of metadata.
type world struct {
	t      *testing.T
	now    time.Time
	log    bytes.Buffer
	table  *tabletest.Faulty
	count  *tabletest.Counting
	store  *store.Store
	runner *mdrefresh.Runner
	server *httptest.Server

	status int
	files  map[string]string // by path
	hits   []string          // path, and what was asked for
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), files: map[string]string{}}
	clock := idp.Clock(func() time.Time { return w.now })
	db, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"), clock)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w.count = tabletest.NewCounting(db)
	w.table = &tabletest.Faulty{Table: w.count}
	w.store = store.New(w.table, clock)
	w.server = httptest.NewTLSServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(w.server.Certificate())
	w.runner = &mdrefresh.Runner{
		Store: w.store, Audit: store.NewAudit(w.store, rand.Reader), Clock: clock, Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
		Fetcher: mdrefresh.NewFetcher(outbound.Options{Local: true, Roots: roots}, clock),
	}
	return w
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	w.hits = append(w.hits, strings.TrimSpace(path+" "+r.Header.Get("If-None-Match")))
	file, ok := w.files[path]
	switch tag := fmt.Sprintf(`"%x"`, sha1.Sum([]byte(file))); {
	case w.status != 0:
		rw.WriteHeader(w.status)
	case !ok:
		rw.WriteHeader(http.StatusNotFound)
	case r.Header.Get("If-None-Match") == tag:
		rw.WriteHeader(http.StatusNotModified)
	default:
		rw.Header().Set("ETag", tag)
		_, _ = rw.Write([]byte(file))
	}
}

// add imports and registers a service provider.
func (w *world) add(req mdrefresh.Request) *idp.MetadataSource {
	w.t.Helper()
	in, src, err := w.runner.Fetcher.Import(w.t.Context(), req)
	must(w.t, err)
	in.SP.Slug = fmt.Sprintf("sp%x", sha1.Sum([]byte(in.SP.EntityID)))[:10]
	must(w.t, w.store.AddImported(w.t.Context(), in.SP, src))
	return src
}

func (w *world) sp(id string) *idp.ServiceProvider {
	w.t.Helper()
	sp, err := w.store.ServiceProvider(w.t.Context(), id)
	must(w.t, err)
	return sp
}

func (w *world) source(id string) *idp.MetadataSource {
	w.t.Helper()
	src, err := w.store.MetadataSource(w.t.Context(), id)
	must(w.t, err)
	return src
}

// pass lets time go by and runs what is due; want are the outcomes.
func (w *world) pass(d time.Duration, want map[string]int) {
	w.t.Helper()
	w.now = w.now.Add(d)
	w.hits = nil
	got, err := w.runner.Run(w.t.Context())
	must(w.t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatalf("outcomes: %s\n%s", diff, w.log.String())
	}
}

// events are the audit events of today, the oldest first.
func (w *world) events() (out []idp.AuditEvent) {
	w.t.Helper()
	events, _, err := w.store.Events(w.t.Context(), w.now, "", 100)
	must(w.t, err)
	for i := len(events) - 1; i >= 0; i-- {
		out = append(out, events[i])
	}
	return out
}

func (w *world) wantEvents(want ...string) {
	w.t.Helper()
	var got []string
	for _, e := range w.events() {
		got = append(got, e.Event+" "+e.Outcome)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("events: %s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// page is the metadata of a service provider.
type page struct {
	id, acs, attrs string
	keys           []int
	unsigned       bool
}

func (p page) xml() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ID="_m" entityID="%s" %s>`, p.id, p.attrs)
	fmt.Fprintf(&b, `<md:SPSSODescriptor AuthnRequestsSigned="%t" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`, !p.unsigned)
	for _, k := range p.keys {
		fmt.Fprintf(&b, `<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
			base64.StdEncoding.EncodeToString(cert(k)))
	}
	fmt.Fprintf(&b, `<md:AssertionConsumerService index="0" Binding="%s" Location="%s"/></md:SPSSODescriptor></md:EntityDescriptor>`, idp.BindingPOST, p.acs)
	return b.String()
}

const one = "https://one.test/"

func first() page { return page{id: one, acs: "https://one.test/acs", keys: []int{0}} }

func signed(p page, by int) string { return keyPairs()[by].SignXML(p.xml(), samltest.Signing{}) }

func TestRefreshOfSignedMetadata(t *testing.T) {
	w := newWorld(t)
	w.files["/sp.xml"] = signed(first(), 2)
	src := w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml", Pinned: cert(2)})
	if sp := w.sp(one); sp.MetadataSigned != "verified" || sp.MetadataURL != src.URL || src.NextAt.Sub(idp.At(w.now)) != 6*time.Hour {
		t.Fatalf("%+v %+v", sp, src)
	}

	t.Run("not before its time", func(*testing.T) {
		w.pass(5*time.Hour, map[string]int{})
		if len(w.hits) > 0 {
			t.Error(w.hits)
		}
	})
	t.Run("unchanged costs one conditional request and one write", func(t *testing.T) {
		w.count.Take()
		w.pass(time.Hour, map[string]int{"unchanged": 1})
		if c := w.count.Take(); c.WriteRequests != 1 || len(w.hits) != 1 || !strings.Contains(w.hits[0], `"`) {
			t.Errorf("%d writes, asked %q", c.WriteRequests, w.hits)
		}
		if w.sp(one).Version != 1 {
			t.Error("the service provider was written")
		}
	})
	t.Run("another layout is unchanged", func(t *testing.T) {
		p := first()
		p.attrs = `cacheDuration="PT2H"`
		w.files["/sp.xml"] = signed(p, 2)
		w.pass(6*time.Hour, map[string]int{"unchanged": 1})
		if w.sp(one).Version != 1 || w.source(one).NextAt.Sub(idp.At(w.now)) != 2*time.Hour {
			t.Errorf("%+v", w.source(one))
		}
		w.wantEvents()
	})
	t.Run("new keys are applied", func(t *testing.T) {
		p := first()
		p.keys = []int{1}
		w.files["/sp.xml"] = signed(p, 2)
		w.pass(6*time.Hour, map[string]int{"applied": 1})
		if sp := w.sp(one); !bytes.Equal(sp.SigningCerts[0], cert(1)) || len(sp.SigningCerts) != 1 || sp.Version != 2 {
			t.Errorf("%+v", sp)
		}
		w.wantEvents("metadata.applied ok")
		e := w.events()[0]
		before, after := mdrefresh.Fingerprint(cert(0)), mdrefresh.Fingerprint(cert(1))
		if e.Actor != "system" || e.SP != one || !strings.Contains(e.Detail["changes"], before) || !strings.Contains(e.Detail["changes"], after) {
			t.Errorf("%+v", e)
		}
	})
	t.Run("AD2 another key, no signature, a changed file: nothing changes", func(t *testing.T) {
		evil := first()
		evil.acs = "https://one.test/evil"
		for _, file := range []string{signed(evil, 1), evil.xml(), strings.Replace(signed(first(), 2), "/acs", "/evil", 1)} {
			w.files["/sp.xml"] = file
			w.pass(6*time.Hour, map[string]int{"failed": 1})
			if sp := w.sp(one); sp.ACS[0].Location != "https://one.test/acs" || sp.Version != 2 {
				t.Errorf("%+v", sp)
			}
			if src := w.source(one); src.Failure == "" || src.FailingSince == 0 {
				t.Errorf("%+v", src)
			}
		}
	})
}

// TestPending: AD2, an ACS on another host, never without an administrator,
// whoever has signed it.
func TestPending(t *testing.T) {
	w := newWorld(t)
	w.files["/sp.xml"] = signed(first(), 2)
	w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml", Pinned: cert(2)})
	moved := first()
	moved.acs, moved.keys = "https://other.test/acs", []int{0, 1}
	w.files["/sp.xml"] = signed(moved, 2)
	w.pass(6*time.Hour, map[string]int{"pending": 1})
	if sp := w.sp(one); sp.Version != 1 {
		t.Errorf("it was applied: %+v", sp)
	}
	p := w.source(one).Pending
	if p == nil || len(p.Changes) != 3 || len(p.Reasons) != 1 || !strings.Contains(p.Reasons[0], "host") {
		t.Fatalf("%+v", p)
	}
	w.wantEvents("metadata.pending ok")
	if !strings.Contains(w.log.String(), `"event":"alert","reason":"metadata.pending"`) {
		t.Error("no alert")
	}
	t.Run("told once", func(t *testing.T) {
		w.pass(6*time.Hour-time.Minute, map[string]int{})
		w.pass(time.Minute, map[string]int{"pending": 1})
		if got := w.source(one).Pending; got.ID != p.ID || got.FoundAt != p.FoundAt {
			t.Errorf("%+v", got)
		}
	})
	t.Run("another change cannot be approved by the old name", func(t *testing.T) {
		worse := moved
		worse.acs = "https://evil.test/acs"
		w.files["/sp.xml"] = signed(worse, 2)
		_, err := w.runner.One(t.Context(), "admin:ana", one)
		must(t, err)
		if _, err := w.runner.Approve(t.Context(), "admin:ana", one, p.ID); !errors.Is(err, store.ErrConflict) {
			t.Error(err)
		}
		w.files["/sp.xml"] = signed(moved, 2)
		_, err = w.runner.One(t.Context(), "admin:ana", one)
		must(t, err)
	})
	t.Run("AD10 an approval that is not recorded is not made", func(t *testing.T) {
		w.table.Before = func(op string, keys []table.Key) error {
			if op == "put" && strings.HasPrefix(keys[0].PK, "AUDIT#") {
				return table.ErrUnavailable
			}
			return nil
		}
		if _, err := w.runner.Approve(t.Context(), "admin:ana", one, p.ID); idp.CodeOf(err) != idp.Busy || w.sp(one).Version != 1 {
			t.Error(err)
		}
		w.table.Before = nil
	})
	t.Run("approved", func(t *testing.T) {
		_, err := w.runner.Approve(t.Context(), "admin:ana", one, p.ID)
		must(t, err)
		if sp := w.sp(one); sp.ACS[0].Location != "https://other.test/acs" || len(sp.SigningCerts) != 2 {
			t.Errorf("%+v", sp)
		}
		events := w.events()
		e := events[len(events)-1]
		if e.Event != idp.AuditMetadataApproved || e.Actor != "admin:ana" || e.Detail["change"] != p.ID ||
			!strings.Contains(e.Detail["changes"], "https://one.test/acs") || !strings.Contains(e.Detail["changes"], "https://other.test/acs") {
			t.Errorf("%+v", e)
		}
		if _, err := w.runner.Approve(t.Context(), "admin:ana", one, p.ID); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		w.pass(6*time.Hour, map[string]int{"unchanged": 1})
	})
	t.Run("taken back before it was approved", func(t *testing.T) {
		w.files["/sp.xml"] = signed(first(), 2)
		w.pass(6*time.Hour, map[string]int{"pending": 1})
		w.files["/sp.xml"] = signed(moved, 2)
		w.pass(6*time.Hour, map[string]int{"unchanged": 1})
		if w.source(one).Pending != nil {
			t.Error("still pending")
		}
	})
}

func TestUnverifiedMetadata(t *testing.T) {
	w := newWorld(t)
	w.files["/sp.xml"] = first().xml()
	w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml"})
	next := first()
	next.keys = []int{0, 1}
	w.files["/sp.xml"] = next.xml()
	w.pass(6*time.Hour, map[string]int{"pending": 1})

	w = newWorld(t)
	w.files["/sp.xml"] = first().xml()
	w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml", TrustURL: true})
	w.files["/sp.xml"] = next.xml()
	w.pass(6*time.Hour, map[string]int{"applied": 1})
	next.keys = []int{2}
	w.files["/sp.xml"] = next.xml()
	w.pass(6*time.Hour, map[string]int{"pending": 1})

	_, _, err := w.runner.Fetcher.Import(t.Context(), mdrefresh.Request{URL: "http://localhost/", TrustURL: true})
	if idp.CodeOf(err) != idp.Invalid {
		t.Errorf("http was trusted: %v", err)
	}
}

// TestFailures: what is in force stays, and expires loudly.
func TestFailures(t *testing.T) {
	w := newWorld(t)
	p := first()
	p.attrs = `validUntil="2026-11-24T12:00:00Z" cacheDuration="P30D"`
	w.files["/sp.xml"] = signed(p, 2)
	src := w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml", Pinned: cert(2)})
	if src.NextAt.Sub(idp.At(w.now)) != 24*time.Hour {
		t.Errorf("next %v", src.NextAt.Time())
	}
	w.status = http.StatusServiceUnavailable
	w.pass(24*time.Hour, map[string]int{"failed": 1})
	w.wantEvents("metadata.refresh_failed ok")
	w.pass(time.Hour, map[string]int{"failed": 1})
	w.wantEvents("metadata.refresh_failed ok") // told once
	if src := w.source(one); !strings.Contains(src.Failure, "503") || src.Expired {
		t.Errorf("%+v", src)
	}
	w.pass(23*time.Hour, map[string]int{"failed": 1})
	w.wantEvents("metadata.expired ok")
	if src := w.source(one); !src.Expired {
		t.Errorf("%+v", src)
	}
	if sp := w.sp(one); sp.Disabled || sp.Version != 1 {
		t.Errorf("it was changed: %+v", sp)
	}
	if !strings.Contains(w.log.String(), `"event":"alert","reason":"metadata.expired"`) {
		t.Error("no alert")
	}
	t.Run("the same file, expired", func(t *testing.T) {
		w.status = 0
		w.pass(time.Hour, map[string]int{"unchanged": 1})
		if src := w.source(one); !src.Expired || src.Failure != "" {
			t.Errorf("%+v", src)
		}
	})
	t.Run("changed and expired waits", func(t *testing.T) {
		p.keys = []int{0, 1}
		w.files["/sp.xml"] = signed(p, 2)
		w.pass(24*time.Hour, map[string]int{"pending": 1})
	})
	t.Run("a new one ends it", func(t *testing.T) {
		p.attrs = ""
		w.files["/sp.xml"] = signed(p, 2)
		w.pass(24*time.Hour, map[string]int{"applied": 1})
		if src := w.source(one); src.Expired || src.ValidUntil != 0 || src.Pending != nil {
			t.Errorf("%+v", src)
		}
	})
	t.Run("another entity in its place", func(t *testing.T) {
		other := first()
		other.id = "https://two.test/"
		w.files["/sp.xml"] = signed(other, 2)
		w.pass(6*time.Hour, map[string]int{"failed": 1})
		if src := w.source(one); !strings.Contains(src.Failure, "does not hold") {
			t.Errorf("%+v", src)
		}
	})
	t.Run("the service provider is removed", func(t *testing.T) {
		must(t, w.store.DeleteServiceProvider(t.Context(), one))
		w.pass(6*time.Hour, map[string]int{})
	})
}

// TestAggregate: several of one file are fetched once.
func TestAggregate(t *testing.T) {
	w := newWorld(t)
	const two = "https://two.test/"
	aggregate := func(pages ...page) string {
		s := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" validUntil="2026-12-20T00:00:00Z">`
		for _, p := range pages {
			s += strings.Replace(p.xml(), `ID="_m"`, "", 1)
		}
		return s + strings.Repeat(" ", 2<<20) + `</md:EntitiesDescriptor>`
	}
	a, b := first(), page{id: two, acs: "https://two.test/acs", keys: []int{1}}
	w.files["/all.xml"] = strings.ReplaceAll(aggregate(a, b), strings.Repeat(" ", 1000), strings.Repeat(" ", 990)+"<!-- -->")
	for _, id := range []string{one, two} {
		w.add(mdrefresh.Request{URL: w.server.URL + "/all.xml", EntityID: id, TrustURL: true})
	}
	b.keys = []int{1, 2}
	w.files["/all.xml"] = strings.ReplaceAll(aggregate(a, b), strings.Repeat(" ", 1000), strings.Repeat(" ", 990)+"<!-- -->")
	w.pass(6*time.Hour, map[string]int{"unchanged": 1, "applied": 1})
	if len(w.hits) != 1 {
		t.Errorf("asked %q", w.hits)
	}
	w.pass(6*time.Hour, map[string]int{"unchanged": 2})
	if len(w.hits) != 1 || !strings.Contains(w.hits[0], `"`) {
		t.Errorf("asked %q", w.hits)
	}
}

// TestMDQ: IIP-MD04, both forms of a metadata query.
func TestMDQ(t *testing.T) {
	w := newWorld(t)
	w.files["/mdq/entities/https%3A%2F%2Fone.test%2F"] = first().xml()
	src := w.add(mdrefresh.Request{MDQ: w.server.URL + "/mdq/", EntityID: one})
	if src.MDQ != idp.MDQPlain || !strings.HasSuffix(w.sp(one).MetadataURL, "/mdq/entities/https%3A%2F%2Fone.test%2F") {
		t.Errorf("%+v %q", src, w.sp(one).MetadataURL)
	}
	w.pass(6*time.Hour, map[string]int{"unchanged": 1})

	const two = "https://two.test/"
	sum := sha1.Sum([]byte(two))
	w.files["/mdq/entities/%7Bsha1%7D"+hex.EncodeToString(sum[:])] = page{id: two, acs: "https://two.test/acs", keys: []int{0}}.xml()
	if src := w.add(mdrefresh.Request{MDQ: w.server.URL + "/mdq", EntityID: two}); src.MDQ != idp.MDQHash {
		t.Errorf("%+v", src)
	}
	for _, req := range []mdrefresh.Request{
		{MDQ: w.server.URL + "/mdq"}, {MDQ: w.server.URL + "/mdq?a=b", EntityID: one}, {MDQ: w.server.URL, URL: w.server.URL, EntityID: one},
		{MDQ: w.server.URL + "/mdq", EntityID: "https://nobody.test/"},
	} {
		if _, _, err := w.runner.Fetcher.Import(t.Context(), req); idp.CodeOf(err) != idp.Invalid {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

// TestRaces: an administrator's change and a refresh at the same time: both
// stay.
func TestRaces(t *testing.T) {
	w := newWorld(t)
	w.files["/sp.xml"] = signed(first(), 2)
	w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml", Pinned: cert(2)})
	p := first()
	p.keys = []int{0, 1}
	w.files["/sp.xml"] = signed(p, 2)
	done := false
	w.table.Before = func(op string, keys []table.Key) error {
		if op == "put" && strings.HasPrefix(keys[0].PK, "AUDIT#") && !done { // after the read, before the write
			done = true
			sp := w.sp(one)
			sp.Name = "Renamed"
			must(t, w.store.SaveServiceProvider(context.Background(), sp))
		}
		return nil
	}
	w.pass(6*time.Hour, map[string]int{"applied": 1})
	if sp := w.sp(one); sp.Name != "Renamed" || len(sp.SigningCerts) != 2 {
		t.Errorf("%+v", sp)
	}
	w.wantEvents("metadata.applied ok", "metadata.applied failed", "metadata.applied ok")
}

// TestBlocked: A52, a source that names what must not be called.
func TestBlocked(t *testing.T) {
	w := newWorld(t)
	w.runner.Fetcher = mdrefresh.NewFetcher(outbound.Options{}, w.runner.Clock)
	for _, url := range []string{"http://169.254.169.254/", "https://localhost/", w.server.URL} {
		_, _, err := w.runner.Fetcher.Import(t.Context(), mdrefresh.Request{URL: url})
		if e := idp.AsError(err); e.Reason != idp.SSRFBlocked || e.Code.Info().Status != http.StatusUnprocessableEntity {
			t.Errorf("A52 %s: %v", url, err)
		}
	}
	if len(w.hits) > 0 {
		t.Errorf("A52 called %q", w.hits)
	}
}

// TestGivenUp: an end of ours is not a failure of theirs.
func TestGivenUp(t *testing.T) {
	w := newWorld(t)
	w.files["/sp.xml"] = first().xml()
	w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml"})
	w.now = w.now.Add(6 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	w.files["/sp.xml"] = ""
	w.server.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	if _, err := w.runner.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if w.source(one).Failure != "" {
		t.Errorf("%+v", w.source(one))
	}
	short, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	w.hits = nil
	if count, err := w.runner.Run(short); err != nil || len(count) > 0 {
		t.Errorf("%v, %v: begun without enough time", count, err)
	}
}

// TestOneOfMany: what goes wrong for one holds nobody else up.
func TestOneOfMany(t *testing.T) {
	w := newWorld(t)
	const two = "https://two.test/"
	w.files["/one.xml"] = signed(first(), 2)
	w.files["/two.xml"] = signed(page{id: two, acs: "https://two.test/acs", keys: []int{0}}, 2)
	w.add(mdrefresh.Request{URL: w.server.URL + "/one.xml", Pinned: cert(2)})
	w.now = w.now.Add(time.Second)
	w.add(mdrefresh.Request{URL: w.server.URL + "/two.xml", Pinned: cert(2)})
	change := func() {
		w.files["/one.xml"] = signed(page{id: one, acs: "https://one.test/acs", keys: []int{0, 1}}, 2)
		w.files["/two.xml"] = signed(page{id: two, acs: "https://two.test/acs", keys: []int{0, 1}}, 2)
	}
	change()
	broken := table.ErrUnavailable
	w.table.Before = func(op string, keys []table.Key) error {
		if op == "transact" && keys[0].SK == "sp" && strings.HasSuffix(keys[0].PK, one) {
			return broken
		}
		return nil
	}
	w.now = w.now.Add(6 * time.Hour)
	count, err := w.runner.Run(t.Context())
	if idp.CodeOf(err) != idp.Busy || count["applied"] != 1 || len(w.sp(two).SigningCerts) != 2 {
		t.Errorf("%v, %v", count, err)
	}
	broken = table.ErrTooLarge
	w.pass(time.Second, map[string]int{"failed": 1})
	if src := w.source(one); !strings.Contains(src.Failure, "too large") {
		t.Errorf("%+v", src)
	}
}
