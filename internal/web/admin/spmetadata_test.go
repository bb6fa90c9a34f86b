package admin_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// publisher serves metadata; its fixture may call it.
type publisher struct {
	*httptest.Server
	body string
	hits int
}

func newPublisher(t *testing.T) (*publisher, *fixture) {
	p := &publisher{}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.hits++
		if p.body == "" || strings.HasPrefix(r.URL.Path, "/nothing") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(p.body))
	}))
	t.Cleanup(p.Close)
	return p, newFixture(t, func(d *app.Deps) {
		d.Outbound.Local = true
		d.Outbound.Roots = x509.NewCertPool()
		d.Outbound.Roots.AddCert(p.Certificate())
	})
}

func TestMetadataFromAddress(t *testing.T) {
	p, f := newPublisher(t)
	id := samltest.A().Identity
	sign := func(s string) string {
		return id.SignXML(strings.Replace(s, "entityID", `ID="_m" entityID`, 1), samltest.Signing{})
	}
	pinned := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Cert.Raw}))
	p.body = sign(md("https://sp-b.test"))
	req := adminapi.NewServiceProvider{MetadataURL: p.URL + "/sp.xml", PinnedCertificate: pinned}
	req.Slug = ptr("payroll")

	t.Run("mistakes", func(*testing.T) {
		f.refused("POST", spPath, adminapi.NewServiceProvider{MetadataURL: p.URL + "/nothing"}, idp.Invalid, "metadata: ", "404")
		f.refused("POST", spPath, adminapi.NewServiceProvider{MetadataURL: p.URL + "/sp.xml", EntityID: "https://other.test"}, idp.Invalid, "does not hold")
		f.refused("POST", spPath, adminapi.NewServiceProvider{MDQURL: p.URL}, idp.Invalid, "entityID")
		f.refused("POST", spPath, adminapi.NewServiceProvider{MetadataURL: "https://" + strings.Repeat("a", 2050)}, idp.Invalid, "longer")
		f.refused("POST", spPath, adminapi.NewServiceProvider{TrustMetadataURL: true, EntityID: "urn:x", ACSURL: "https://x.test/"}, idp.Invalid, "trust_metadata_url")
		other := samltest.B().Identity
		f.refused("POST", spPath, adminapi.NewServiceProvider{MetadataURL: p.URL, PinnedCertificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Cert.Raw}))}, idp.Invalid, "does not verify")
	})
	t.Run("AD1 A52 addresses that must not be called", func(t *testing.T) {
		strict := newFixture(t)
		hits := p.hits
		for _, url := range []string{"http://169.254.169.254/latest/meta-data/", "https://localhost/", p.URL, "https://[::ffff:a9fe:a9fe]/", "file:///etc/passwd"} {
			strict.refused("POST", spPath, adminapi.NewServiceProvider{MetadataURL: url}, idp.Invalid, "metadata: ")
			strict.refused("POST", spPath, adminapi.NewServiceProvider{MDQURL: url, EntityID: "urn:x"}, idp.Invalid, "metadata: ")
			if !strings.Contains(strict.log.String(), `"reason":"ssrf.blocked"`) {
				t.Errorf("A52 %s: no reason in the log: %s", url, strict.log)
			}
			strict.log.Reset()
		}
		if p.hits != hits {
			t.Error("A52 called")
		}
	})

	a := f.add(req)
	if a.ServiceProvider.MetadataSigned != "verified" || a.Metadata == nil || a.Metadata.Kind != "file" || !strings.HasPrefix(a.Metadata.PinnedKey, "sha256:") ||
		a.Metadata.FetchedAt != f.now.Unix() || a.Metadata.NextAt != f.now.Add(6*time.Hour).Unix() {
		t.Fatalf("%+v %+v", a.ServiceProvider, a.Metadata)
	}
	var r adminapi.RefreshAnswer
	f.call("POST", spPath+"/payroll/metadata/refresh", "{}", 200, &r)
	if r.Result != "unchanged" {
		t.Errorf("%+v", r)
	}
	p.body = sign(strings.ReplaceAll(md("https://sp-b.test"), "https://sp-b.test/acs", "https://evil.test/acs"))
	f.call("POST", spPath+"/payroll/metadata/refresh", "{}", 200, &r)
	if r.Result != "pending" || len(r.Reasons) != 1 || len(r.Changes) != 2 {
		t.Fatalf("%+v", r)
	}
	var m adminapi.MetadataStatus
	f.call("GET", spPath+"/payroll/metadata", nil, 200, &m)
	if m.Pending == nil || m.Pending.Changes[0].After == "" {
		t.Fatalf("%+v", m)
	}
	if got := f.warnings(); !cmp.Equal(got, []string{"sp.metadata_pending"}) {
		t.Errorf("warnings %q", got)
	}
	f.refused("POST", spPath+"/payroll/metadata/approve", adminapi.Approval{Change: "another"}, idp.VersionMismatch)
	f.call("POST", spPath+"/payroll/metadata/approve", adminapi.Approval{Change: m.Pending.Change}, 200, &r)
	f.call("GET", spPath+"/payroll", nil, 200, &a)
	if a.ServiceProvider.ACS[0].Location != "https://evil.test/acs" || a.Metadata.Pending != nil {
		t.Errorf("%+v", a)
	}
	f.refused("POST", spPath+"/payroll/metadata/approve", adminapi.Approval{Change: m.Pending.Change}, idp.NotFound)

	p.body = ""
	f.call("POST", spPath+"/payroll/metadata/refresh", "{}", 200, &r)
	if r.Result != "failed" || r.Metadata.Failure == "" {
		t.Errorf("%+v", r)
	}
	if got := f.warnings(); !cmp.Equal(got, []string{"sp.metadata_failing"}) {
		t.Errorf("warnings %q", got)
	}
	want := []string{"policy.changed service_provider.created", "metadata.pending", "metadata.approved", "metadata.refresh_failed"}
	if diff := cmp.Diff(want, f.events()); diff != "" {
		t.Error(diff)
	}
	f.call("DELETE", spPath+"/payroll", nil, 204, nil)
	if all, err := f.store.MetadataSources(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("its source stays: %v, %v", all, err)
	}
}

func TestUnverifiedImportSaysSo(t *testing.T) {
	p, f := newPublisher(t)
	p.body = md("https://sp-b.test")
	a := f.add(adminapi.NewServiceProvider{MetadataURL: p.URL})
	if len(a.Notes) == 0 || !strings.Contains(strings.Join(a.Notes, " "), "not verified") {
		t.Errorf("notes %q", a.Notes)
	}
	t.Run("a file has no source", func(*testing.T) {
		b := f.add(adminapi.NewServiceProvider{Metadata: adminapi.Document(md("https://sp-c.test")), MetadataURL: "https://sp-c.test/for-the-record"})
		f.refused("GET", spPath+"/"+b.ServiceProvider.Slug+"/metadata", nil, idp.NotFound)
		f.refused("POST", spPath+"/"+b.ServiceProvider.Slug+"/metadata/refresh", "{}", idp.NotFound)
	})
}

// TestSourceOfKnownServiceProvider: one that came as a file gets an address; who
// vouches for it can be changed.
func TestSourceOfKnownServiceProvider(t *testing.T) {
	p, f := newPublisher(t)
	id := samltest.A().Identity
	pinned := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Cert.Raw}))
	req := adminapi.NewServiceProvider{Metadata: adminapi.Document(md("https://sp-b.test"))}
	req.Slug = ptr("payroll")
	f.add(req)
	const path = spPath + "/payroll/metadata"

	f.refused("PATCH", path, adminapi.MetadataPatch{TrustMetadataURL: ptr(true)}, idp.NotFound)
	f.refused("PATCH", path, adminapi.MetadataPatch{URL: ptr("https://x.test"), MDQURL: ptr("https://x.test")}, idp.Invalid, "either")
	f.refused("PATCH", path, adminapi.MetadataPatch{URL: ptr("http://169.254.169.254/")}, idp.Invalid, "https://")
	f.refused("PATCH", path, adminapi.MetadataPatch{URL: ptr(p.URL), PinnedCertificate: ptr("x")}, idp.Invalid, "PEM")

	p.body = id.SignXML(strings.Replace(md("https://sp-b.test"), "entityID", `ID="_m" entityID`, 1), samltest.Signing{})
	var m adminapi.MetadataStatus
	f.call("PATCH", path, adminapi.MetadataPatch{URL: ptr(p.URL + "/sp.xml"), PinnedCertificate: &pinned}, 200, &m)
	if m.PinnedKey == "" || m.FetchedAt != 0 || p.hits != 0 {
		t.Errorf("%+v, %d hits", m, p.hits)
	}
	var r adminapi.RefreshAnswer
	f.call("POST", path+"/refresh", "{}", 200, &r)
	if r.Result != "applied" || len(r.Changes) != 1 || r.Changes[0].What != "want_assertions_signed" { // which was not known
		t.Errorf("%+v", r)
	}
	f.call("POST", path+"/refresh", "{}", 200, &r)
	if r.Result != "unchanged" || r.Metadata.Signature != "verified" {
		t.Errorf("%+v", r)
	}
	f.call("PATCH", path, adminapi.MetadataPatch{PinnedCertificate: ptr(""), TrustMetadataURL: ptr(true)}, 200, &m)
	if m.PinnedKey != "" || !m.TrustURL {
		t.Errorf("%+v", m)
	}
	var a adminapi.ServiceProviderAnswer
	f.call("GET", spPath+"/payroll", nil, 200, &a)
	if a.ServiceProvider.MetadataURL != p.URL+"/sp.xml" {
		t.Errorf("%+v", a.ServiceProvider)
	}
	want := []string{"policy.changed service_provider.created", "policy.changed metadata_source.changed", "metadata.applied", "policy.weakened metadata_source.changed"}
	if diff := cmp.Diff(want, f.events()); diff != "" {
		t.Error(diff)
	}
}

// warnings are the codes of the status.
func (f *fixture) warnings() (codes []string) {
	f.t.Helper()
	var s adminapi.Status
	f.call("GET", "/v1/admin/status", nil, 200, &s)
	for _, w := range s.Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}
