package metadata_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

func asError(t *testing.T, err error) *metadata.Error {
	t.Helper()
	var e *metadata.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is not a *metadata.Error: %v", err, err)
	}
	return e
}

// minimal is what most of the files of testdata amount to.
var minimal = sample{
	entityID: "https://sp.example.test/", name: "sp.example.test", acs: "https://sp.example.test/acs",
}

func forms() map[string]sample {
	named := minimal
	named.name = "Bibliothèque"
	expired := minimal
	expired.opts = forced
	signed := minimal
	signed.signed = true
	one := sample{
		opts:     metadata.ReadOptions{EntityID: "https://one.example.test/"},
		entityID: "https://one.example.test/", name: "one.example.test", acs: "https://one.example.test/acs",
	}
	return map[string]sample{
		"minimal.xml": minimal,
		"full.xml": {
			entityID: "https://full.example.test/sp?x=1&y=2", name: "The Library", signed: true,
			acs: "https://full.example.test/acs2", signing: 2, encrypt: 2,
		},
		"vendor-order.xml": {
			entityID: "urn:federation:example", name: "sp.example.test", acs: "https://sp.example.test/acs",
		},
		"latin1.xml":             named,
		"utf8-bom.xml":           minimal,
		"utf16.xml":              minimal,
		"bad-index.xml":          minimal,
		"role-year-one.xml":      minimal,
		"signed-without-key.xml": signed,
		"aggregate.xml":          one,
		"acs-localhost.xml": {
			opts: local, entityID: "https://sp.example.test/", name: "localhost", acs: "http://localhost:8080/acs",
		},
		"expired.xml":           expired,
		"role-expired.xml":      expired,
		"bad-date.xml":          expired,
		"aggregate-expired.xml": {refuse: "expired on 2026-01-01T00:00:00Z"},

		"empty.xml":           {refuse: "the file is empty"},
		"blank.xml":           {refuse: "the file is empty"},
		"malformed.xml":       {refuse: "(line 3)"},
		"doctype.xml":         {refuse: "document type declaration"},
		"two-roots.xml":       {refuse: "second root element"},
		"other-root.xml":      {refuse: "the root element is <Metadata>"},
		"no-namespace.xml":    {refuse: "the root element EntityDescriptor is in no namespace"},
		"other-namespace.xml": {refuse: "is in namespace urn:oasis:names:tc:SAML:1.0:metadata"},
		"aggregate-empty.xml": {refuse: "holds no EntityDescriptor"},
		"idp-only.xml":        {refuse: "it is an identity provider (IDPSSODescriptor only), not a service provider"},
		"affiliation.xml":     {refuse: "it is an affiliation"},
		"no-role.xml":         {refuse: "it has no role descriptor"},
		"wsfed-only.xml":      {refuse: "it has no SPSSODescriptor (only RoleDescriptor)"},
		"saml11-only.xml":     {refuse: "does not support SAML 2.0"},
		"no-post.xml":         {refuse: "has no AssertionConsumerService for HTTP-POST"},
		"no-acs.xml":          {refuse: "has no AssertionConsumerService for HTTP-POST"},
		"no-entityid.xml":     {refuse: "the entityID is missing"},
		"acs-http.xml":        {refuse: "does not start with https://"},
		"acs-javascript.xml":  {refuse: "does not start with https://"},
		"acs-data.xml":        {refuse: "does not start with https://"},
		"acs-relative.xml":    {refuse: "does not start with https://"},
		"acs-userinfo.xml":    {refuse: "must have a host and no user name"},
		"acs-nohost.xml":      {refuse: "must have a host and no user name"},
		"acs-space.xml":       {refuse: "holds spaces or control characters"},
	}
}

// TestForms reads every file of testdata as the same table says.
func TestForms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil {
		t.Fatal(err)
	}
	expected := forms()
	if len(files) != len(expected) {
		t.Errorf("%d files, %d expectations", len(files), len(expected))
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			want, ok := expected[name]
			if !ok {
				t.Fatal("no expectation for this file")
			}
			want.check(t, fixture(t, name))
		})
	}
}

func TestEverythingThatMetadataSays(t *testing.T) {
	sp, notes := read(t, fixture(t, "full.xml"), metadata.ReadOptions{})
	yes, no := true, false
	ids := identities()
	want := &idp.ServiceProvider{
		EntityID: "https://full.example.test/sp?x=1&y=2",
		Name:     "The Library",
		ACS: []idp.Endpoint{
			{Index: 0, Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact", Location: "https://full.example.test/artifact", IsDefault: &no},
			{Index: 7, Binding: idp.BindingPOST, Location: "https://full.example.test/acs?so=1&x=y"},
			{Index: 9, Binding: idp.BindingPOST, Location: "https://full.example.test/acs2", IsDefault: &yes},
		},
		SLO: []idp.Endpoint{
			{Binding: idp.BindingRedirect, Location: "https://full.example.test/slo", Response: "https://full.example.test/slo/done"},
		},
		SigningCerts:          [][]byte{ids[0].cert.Raw, ids[2].cert.Raw},
		EncryptCerts:          [][]byte{ids[1].cert.Raw, ids[2].cert.Raw},
		NameIDFormats:         []string{idp.NameIDPersistent, idp.NameIDEmail},
		RequireSignedRequests: true,
		AttributeServices: []idp.AttributeService{{Index: 1, Requested: []idp.RequestedAttribute{
			{Name: "urn:oid:0.9.2342.19200300.100.1.3", Required: true}, {Name: "role"},
		}}},
	}
	if diff := cmp.Diff(want, sp); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{
		`A SingleLogoutService was left out: "javascript:alert(1)" does not start with https://.`,
		"A KeyDescriptor for signing was ignored: it holds no certificate",
		"A certificate for signing was left out",
		`A key for "sealing" was left out.`,
		"It wants signed assertions",
		"It asks for these attributes: urn:oid:0.9.2342.19200300.100.1.3 (mail) required, role.",
	} {
		if !strings.Contains(fmt.Sprint(notes), part) {
			t.Errorf("no note %q among %q", part, notes)
		}
	}
}

func TestAggregate(t *testing.T) {
	data := fixture(t, "aggregate.xml")
	choose := func(id string) metadata.ReadOptions { return metadata.ReadOptions{EntityID: id} }

	t.Run("several: the choice is listed", func(t *testing.T) {
		err := refusal(t, data, metadata.ReadOptions{})
		const want = "the file holds 4 service providers; choose one with --entity-id: https://one.example.test/, https://two.example.test/, https://twice.example.test/, https://twice.example.test/"
		if err.Msg != want {
			t.Errorf("got %q", err.Msg)
		}
	})
	t.Run("all entities are listed", func(t *testing.T) {
		doc, err := metadata.Read(data, metadata.ReadOptions{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if len(doc.Entities) != 5 || len(doc.ServiceProviders()) != 4 || doc.Entities[0].Roles[0] != "IDPSSODescriptor" {
			t.Errorf("got %+v", doc.Entities)
		}
	})
	for id, want := range map[string]string{
		"https://idp.example.test/":   "it is an identity provider",
		"https://nowhere.test/":       "the file does not hold the entity",
		"https://twice.example.test/": "2 times",
		"https://two.example.test/":   "expired on 2020-01-01",
	} {
		t.Run(id, func(t *testing.T) {
			if err := refusal(t, data, choose(id)); !strings.Contains(err.Msg, want) {
				t.Errorf("got %q", err.Msg)
			}
		})
	}
}

func TestHostileMetadata(t *testing.T) {
	t.Run("X1 metadata", func(t *testing.T) {
		var hits int
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
		defer server.Close()
		for _, target := range []string{server.URL, "file:///etc/passwd"} {
			err := refusal(t, fmt.Appendf(nil, `<!DOCTYPE r [<!ENTITY e SYSTEM "%s">]><r>&e;</r>`, target), metadata.ReadOptions{})
			if e := idp.AsError(err); e.Reason != idp.XMLDoctype || e.Code.Info().Status != http.StatusBadRequest {
				t.Errorf("got %v", e)
			}
		}
		if hits > 0 {
			t.Errorf("%d connections", hits)
		}
	})
	t.Run("F9", func(t *testing.T) {
		err := refusal(t, bytes.Replace(fixture(t, "minimal.xml"), []byte("https://sp.example.test/\""), []byte("&custom;\""), 1), metadata.ReadOptions{})
		if err.Reason != idp.XMLSchema {
			t.Errorf("a custom entity: %v", err)
		}
	})
	t.Run("X8 comments in metadata change nothing", func(t *testing.T) {
		data := bytes.ReplaceAll(fixture(t, "full.xml"), []byte("nameid-format:persistent"), []byte("nameid-<!-- x -->format:persistent"))
		if sp, _ := read(t, data, metadata.ReadOptions{}); sp.NameIDFormats[0] != idp.NameIDPersistent {
			t.Errorf("got %q", sp.NameIDFormats)
		}
	})
	t.Run("size", func(t *testing.T) {
		for name, data := range map[string][]byte{
			"1 MiB":     bytes.Repeat([]byte("<!-- filler -->"), 80_000),
			"depth":     bytes.Repeat([]byte("<a>"), 65),
			"elements":  append([]byte("<a>"), bytes.Repeat([]byte("<a/>"), 20_001)...),
			"attribute": []byte(`<a b="` + strings.Repeat("x", 65<<10) + `"/>`),
		} {
			if r := refusal(t, data, metadata.ReadOptions{}).Reason; r != idp.XMLSize && r != idp.XMLDepth {
				t.Errorf("%s: %s", name, r)
			}
		}
	})
	t.Run("entityID", func(t *testing.T) {
		for name, id := range map[string]string{
			"control":    "https://sp.example.test/&#10;x",
			"zero width": "https://sp.exa\u200bmple.test/",
			"bidi":       "https://sp.example.test/\u202e",
			"too long":   "https://sp.example.test/" + strings.Repeat("x", 1024),
		} {
			data := bytes.Replace(fixture(t, "minimal.xml"), []byte(`entityID="https://sp.example.test/"`), []byte(`entityID="`+id+`"`), 1)
			if err := refusal(t, data, metadata.ReadOptions{}); !strings.Contains(err.Msg, "entityID") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestACSScheme(t *testing.T) {
	t.Run("P4", func(t *testing.T) {
		for _, file := range []string{"acs-javascript.xml", "acs-data.xml", "acs-http.xml", "acs-relative.xml"} {
			for _, opts := range []metadata.ReadOptions{{}, {Local: true}} { // twice
				if err := refusal(t, fixture(t, file), opts); err.Reason != idp.ACSScheme || !strings.HasSuffix(err.Path, "/AssertionConsumerService") {
					t.Errorf("%s: %v, reason %s", file, err, err.Reason)
				}
			}
		}
		if err := refusal(t, fixture(t, "acs-localhost.xml"), metadata.ReadOptions{}); err.Reason != idp.ACSScheme {
			t.Errorf("http://localhost outside local mode: %v", err)
		}
	})
	t.Run("P4 at use", func(t *testing.T) {
		for location, localOnly := range map[string]bool{
			"http://localhost:8080/acs": true, "http://127.0.0.1/acs": true, "http://[::1]:3000/acs": true, "https://sp.test/acs?x=1": false,
		} {
			if err := metadata.CheckACS(location, true); err != nil {
				t.Errorf("%s refused in local mode: %v", location, err)
			}
			if err := metadata.CheckACS(location, false); (err != nil) != localOnly {
				t.Errorf("%s: %v", location, err)
			}
		}
		for _, location := range []string{
			"", "javascript:alert(1)", "JavaScript://https://sp.test/%0aalert(1)", "data:text/html,x", "vbscript:x", "blob:https://sp.test/x",
			"http://sp.test/acs", "http://localhost.evil.test/", "http://127.0.0.1.evil.test/", "//sp.test/acs", "https:sp.test",
			"https://", "https://user@sp.test/", "https://sp.test\\@evil.test/", "https://sp.test/\n", "https://sp.test/\u202e", "ftp://sp.test/",
		} {
			if err := metadata.CheckACS(location, true); idp.AsError(err).Reason != idp.ACSScheme {
				t.Errorf("%q: %v", location, err)
			}
		}
	})
}

func TestPoisonedMetadata(t *testing.T) {
	t.Run("AD2", func(t *testing.T) {
		t.Run("validUntil past", func(t *testing.T) {
			err := refusal(t, fixture(t, "expired.xml"), metadata.ReadOptions{})
			if status := idp.AsError(err).Code.Info().Status; status != http.StatusUnprocessableEntity || !strings.Contains(err.Msg, "--force") {
				t.Errorf("HTTP %d: %v", status, err)
			}
			_, notes := read(t, fixture(t, "expired.xml"), forced)
			if len(notes) != 1 || !strings.Contains(string(notes[0]), "expired on 2026-11-22T11:59:59Z") {
				t.Errorf("forced: %q", notes)
			}
		})
		t.Run("validUntil is the first moment out", func(t *testing.T) {
			data := bytes.Replace(fixture(t, "expired.xml"), []byte("2026-11-22T11:59:59Z"), []byte(now.Format(time.RFC3339)), 1)
			if err := refusal(t, data, metadata.ReadOptions{}); err.Reason != idp.TimeWindow {
				t.Error(err)
			}
		})
		t.Run("signature required where a key is pinned", testPinned)
	})
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(fixture(f, filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := metadata.Read(data, metadata.ReadOptions{Now: now, Force: true})
		if err != nil {
			asError(t, err)
			return
		}
		for _, c := range doc.ServiceProviders() {
			sp, _, err := c.ServiceProvider()
			if err != nil {
				asError(t, err)
				continue
			}
			if sp.Name != metadata.CleanName(sp.Name) || sp.DefaultACS() == nil || metadata.CheckEntityID(sp.EntityID) != nil {
				t.Errorf("not usable: %+v", sp)
			}
			for _, e := range sp.ACS {
				if !strings.HasPrefix(strings.ToLower(e.Location), "https://") {
					t.Errorf("endpoint %q", e.Location)
				}
			}
		}
	})
}
