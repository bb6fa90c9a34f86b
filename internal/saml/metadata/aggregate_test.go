package metadata_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

// federation is an aggregate of n entities, made while it is read: about 5 KB
// each, as those of real federations.
type federation struct {
	n, at int
	head  string
	buf   bytes.Buffer
	size  int64
	entry func(i int) string
}

const federationHead = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a federation --><EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Name="all" validUntil="2026-12-06T00:00:00Z" cacheDuration="PT6H">
`

func newFederation(n int) *federation { return &federation{n: n, head: federationHead, entry: entry} }

func (f *federation) Read(p []byte) (int, error) {
	for f.buf.Len() < len(p) && f.at <= f.n+1 {
		switch f.at {
		case 0:
			f.buf.WriteString(f.head)
		case f.n + 1:
			f.buf.WriteString("</EntitiesDescriptor>\n")
		default:
			f.buf.WriteString(f.entry(f.at))
		}
		f.at++
	}
	n, err := f.buf.Read(p)
	f.size += int64(n)
	return n, err
}

func entry(i int) string {
	cert := certOf(0)
	role := "IDPSSODescriptor"
	if i%2 == 1 {
		role = "SPSSODescriptor"
	}
	return fmt.Sprintf(`<EntityDescriptor entityID="%s">
  <Extensions><mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui"><mdui:Description xml:lang="en">%s</mdui:Description></mdui:UIInfo></Extensions>
  <%[3]s protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%[4]s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>
    <KeyDescriptor use="encryption"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%[4]s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>
    <AssertionConsumerService index="1" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp%[5]d.example.test/acs"/>
  </%[3]s>
</EntityDescriptor>
`, entityOf(i), strings.Repeat("A description of what this is for. ", 60), role, cert, i)
}

func entityOf(i int) string { return fmt.Sprintf("https://sp%d.example.test/", i) }

func opts() metadata.ReadOptions { return metadata.ReadOptions{Now: now} }

func TestReadEntities(t *testing.T) {
	last := entityOf(399)
	t.Run("from a large aggregate", func(t *testing.T) {
		f := newFederation(400)
		got, err := metadata.ReadEntities(f, opts(), entityOf(1), last, entityOf(2), "https://nobody.test/")
		if err != nil {
			t.Fatal(err)
		}
		if f.size < 1<<20 {
			t.Fatalf("only %d bytes, the stream was not tried", f.size)
		}
		in := got[last]
		if in.Err != nil || in.SP.DefaultACS().Location != "https://sp399.example.test/acs" || len(in.SP.SigningCerts) != 1 || in.SP.MetadataSigned != "" {
			t.Fatalf("%+v", in)
		}
		if in.CacheDuration != 6*time.Hour || !in.ValidUntil.Equal(time.Date(2026, 12, 6, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("life %v, %v: what is said around the entity counts", in.CacheDuration, in.ValidUntil)
		}
		if got[entityOf(1)].Err != nil {
			t.Error(got[entityOf(1)].Err)
		}
		for id, words := range map[string]string{entityOf(2): "identity provider", "https://nobody.test/": "does not hold the entity"} {
			if err := got[id].Err; err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, want %q", id, err, words)
			}
		}
	})
	t.Run("the same from a small one", func(t *testing.T) {
		got, err := metadata.ReadEntities(newFederation(9), opts(), entityOf(3), entityOf(4))
		if err != nil {
			t.Fatal(err)
		}
		if in := got[entityOf(3)]; in.Err != nil || in.CacheDuration != 6*time.Hour {
			t.Errorf("%+v", in)
		}
		if got[entityOf(4)].Err == nil {
			t.Error("an identity provider was read")
		}
	})
	t.Run("the only one of a file", func(t *testing.T) {
		got, err := metadata.ReadEntities(bytes.NewReader(fixture(t, "minimal.xml")), opts())
		if err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("which one of a large file", func(t *testing.T) {
		_, err := metadata.ReadEntities(newFederation(400), opts())
		if err == nil || !strings.Contains(err.Error(), "--entity-id") {
			t.Error(err)
		}
	})
	t.Run("twice", func(t *testing.T) {
		f := newFederation(400)
		f.entry = func(i int) string { return entry(1 + (i-1)%399) }
		got, err := metadata.ReadEntities(f, opts(), entityOf(1))
		if err != nil || got[entityOf(1)].Err == nil {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("nested, with prefixes and a mark", func(t *testing.T) {
		f := newFederation(400)
		f.head = "\xef\xbb\xbf" + `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" validUntil="2026-11-30T00:00:00Z"><md:EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">`
		n := f.n
		f.entry = func(i int) string {
			if i == n {
				return entry(i) + "</md:EntitiesDescriptor></md:EntitiesDescriptor><!--"
			}
			return entry(i)
		}
		_, err := metadata.ReadEntities(io.MultiReader(f, strings.NewReader("-->")), opts(), last)
		if err != nil {
			t.Error(err)
		}
	})
}

// TestHostileAggregates: what passes by is judged as well.
func TestHostileAggregates(t *testing.T) {
	for name, c := range map[string]struct {
		head  string
		entry func(i int) string
		want  idp.Reason
	}{
		"X2 doctype":           {head: `<!DOCTYPE x [<!ENTITY e "x">]>` + federationHead[len(`<?xml version="1.0" encoding="UTF-8"?>`):], want: idp.XMLDoctype},
		"X4 depth":             {head: federationHead + strings.Repeat("<a>", 100), want: idp.XMLDepth},
		"X6 text":              {head: federationHead + strings.Repeat("x", 300<<10), want: idp.XMLSize},
		"X6 attribute":         {head: federationHead + `<a b="` + strings.Repeat("x", 300<<10) + `"/>`, want: idp.XMLSize},
		"X9 PI":                {head: federationHead + `<?php x?>`, want: idp.XMLSchema},
		"X13 tags":             {head: federationHead + `<a></b>`, want: idp.XMLSchema},
		"X13 two roots":        {head: `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>` + federationHead[len(`<?xml version="1.0" encoding="UTF-8"?>`):], want: idp.XMLSchema},
		"X14 another encoding": {head: strings.Replace(federationHead, "UTF-8", "ISO-8859-1", 1), want: idp.XMLSchema},
		"another root":         {head: "<html>", want: ""},
		"too large an entity": {entry: func(i int) string {
			return strings.Replace(entry(i), "<Extensions>", "<Extensions>"+strings.Repeat("<a>"+strings.Repeat("x", 100<<10)+"</a>", 11), 1)
		}, want: idp.XMLSize},
		"X9 CDATA in the entity": {entry: func(i int) string {
			return strings.Replace(entry(i), "<Extensions>", "<Extensions><![CDATA[</EntityDescriptor>]]>", 1)
		}, want: idp.XMLSchema},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFederation(400)
			if c.head != "" {
				f.head = c.head
			}
			if c.entry != nil {
				f.entry = c.entry
			}
			got, err := metadata.ReadEntities(f, opts(), entityOf(1))
			if err == nil {
				err = got[entityOf(1)].Err
			}
			var e *metadata.Error
			if !errors.As(err, &e) || e.Reason != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	t.Run("cut short", func(t *testing.T) {
		_, err := metadata.ReadEntities(io.LimitReader(newFederation(400), 1<<20+500), opts(), entityOf(1))
		if err == nil {
			t.Error("read")
		}
	})
	t.Run("a connection that breaks", func(t *testing.T) {
		broken := errors.New("broken")
		_, err := metadata.ReadEntities(io.MultiReader(io.LimitReader(newFederation(400), 1<<20+500), failing{broken}), opts(), entityOf(1))
		if !errors.Is(err, broken) {
			t.Error(err)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestSignedAggregates: with a pinned key, a whole signature counts up to 8
// MiB; beyond, only that of the entity.
func TestSignedAggregates(t *testing.T) {
	ours, attacker := identities()[0], identities()[1]
	all := func(n int) []byte {
		data, err := io.ReadAll(newFederation(n))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	pinned := opts()
	pinned.PinnedCert = ours.cert
	id := entityOf(1)
	one := func(t *testing.T, data []byte, o metadata.ReadOptions) metadata.Result {
		t.Helper()
		got, err := metadata.ReadEntities(bytes.NewReader(data), o, id)
		if err != nil {
			return metadata.Result{Err: err}
		}
		return got[id]
	}
	t.Run("as a whole, 3 MiB", func(t *testing.T) {
		data := sign(t, all(500), ours, "", false)
		if len(data) < 2<<20 {
			t.Fatalf("%d bytes", len(data))
		}
		if r := one(t, data, pinned); r.Err != nil || r.SP.MetadataSigned != metadata.Verified {
			t.Errorf("%+v", r)
		}
		if r := one(t, bytes.Replace(data, []byte("sp1.example.test/acs"), []byte("evil.example.test/a"), 1), pinned); r.Err == nil {
			t.Error("a changed file was read")
		}
		if r := one(t, data, opts()); r.Err != nil || r.SP.MetadataSigned != metadata.NotVerified {
			t.Errorf("%+v", r)
		}
	})
	t.Run("as a whole, more than 8 MiB", func(t *testing.T) {
		data := sign(t, all(1900), ours, "", false)
		r := one(t, data, pinned)
		var e *metadata.Error
		if !errors.As(r.Err, &e) || e.Reason != idp.SigRequired || !strings.Contains(e.Msg, "too large") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("the entity, in more than 8 MiB", func(t *testing.T) {
		own := bytes.ReplaceAll(all(1900), []byte("<EntityDescriptor "), []byte(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" `))
		data := sign(t, own, ours, id, false)
		if r := one(t, data, pinned); r.Err != nil || r.SP.MetadataSigned != metadata.Verified {
			t.Errorf("%+v", r)
		}
		if r := one(t, sign(t, own, attacker, id, false), pinned); r.Err == nil {
			t.Error("another key was taken")
		}
	})
	t.Run("none, in more than 8 MiB", func(t *testing.T) {
		if r := one(t, all(1900), pinned); r.Err == nil {
			t.Error("read")
		}
	})
}

// TestMemoryOfAggregate: 10,000 entities pass by in less than 256 MB.
func TestMemoryOfAggregate(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	f := newFederation(10_000)
	runtime.GC()
	before, peak := heap(), uint64(0)
	in := watched{f, func() { peak = max(peak, heap()) }}
	got, err := metadata.ReadEntities(in, opts(), entityOf(1), entityOf(9_999))
	if err != nil || got[entityOf(9_999)].Err != nil {
		t.Fatal(err, got[entityOf(9_999)].Err)
	}
	grown := int64(peak) - int64(before)
	t.Logf("%.1f MB of metadata, heap +%.1f MB", float64(f.size)/1e6, float64(grown)/1e6)
	if grown > 64<<20 {
		t.Errorf("heap grew by %d bytes", grown)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

type watched struct {
	in   io.Reader
	look func()
}

func (w watched) Read(p []byte) (int, error) {
	w.look()
	return w.in.Read(p)
}

// BenchmarkAggregate reads one entity of 10,000; resident-MB is the peak of
// the whole process.
func BenchmarkAggregate(b *testing.B) {
	for b.Loop() {
		f := newFederation(10_000)
		got, err := metadata.ReadEntities(f, opts(), entityOf(9_999))
		if err != nil || got[entityOf(9_999)].Err != nil {
			b.Fatal(err)
		}
		b.SetBytes(f.size)
	}
	b.ReportAllocs()
	b.ReportMetric(resident(b), "resident-MB")
}

func resident(tb testing.TB) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Skip(err)
	}
	var kb float64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kb); err == nil {
			return kb / 1e3
		}
	}
	return 0
}

// BenchmarkSignedAggregate verifies the largest file whose signature counts as
// a whole.
func BenchmarkSignedAggregate(b *testing.B) {
	data, err := io.ReadAll(newFederation(1740))
	if err != nil {
		b.Fatal(err)
	}
	data = sign(b, data, identities()[0], "", false)
	o := opts()
	o.PinnedCert = identities()[0].cert
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		got, err := metadata.ReadEntities(bytes.NewReader(data), o, entityOf(1))
		if err != nil || got[entityOf(1)].Err != nil {
			b.Fatal(err, got[entityOf(1)].Err)
		}
	}
	b.ReportMetric(float64(len(data))/1e6, "file-MB")
	b.ReportMetric(resident(b), "resident-MB")
}
