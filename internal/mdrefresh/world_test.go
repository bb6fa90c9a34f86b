package mdrefresh_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
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
	roots  *x509.CertPool // of server

	status int
	files  map[string]string // by path
	hits   []string          // path, and what was asked for
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), files: map[string]string{}}
	clock := idp.Clock(func() time.Time { return w.now })
	db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w.count = tabletest.NewCounting(db)
	w.table = &tabletest.Faulty{Table: w.count}
	w.store = store.New(w.table, clock)
	w.server = httptest.NewTLSServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	w.roots = x509.NewCertPool()
	w.roots.AddCert(w.server.Certificate())
	w.runner = &mdrefresh.Runner{
		Store: w.store, Audit: audit.NewTrail(w.store, nil, clock, rand.Reader), Clock: clock, Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
		Fetcher: mdrefresh.NewFetcher(outbound.Options{Local: true, Roots: w.roots}, 0, clock),
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
	category       string // an entity category
	keys           []int
	unsigned       bool
}

func (p page) xml() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ID="_m" entityID="%s" %s>`, p.id, p.attrs)
	if p.category != "" {
		fmt.Fprintf(&b, `<md:Extensions><EntityAttributes xmlns="urn:oasis:names:tc:SAML:metadata:attribute"><Attribute xmlns="urn:oasis:names:tc:SAML:2.0:assertion" Name="category">`+
			`<AttributeValue>%s</AttributeValue></Attribute></EntityAttributes></md:Extensions>`, p.category)
	}
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
