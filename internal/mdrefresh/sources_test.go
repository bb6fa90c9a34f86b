package mdrefresh_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/table"
)

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

// TestMDQ: IIP-MD01, both forms of a metadata query.
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
// TestMaxValidity: IIP-MD04; what is in force stays.
func TestMaxValidity(t *testing.T) {
	w := newWorld(t)
	w.runner.Fetcher = mdrefresh.NewFetcher(outbound.Options{Local: true, Roots: w.roots}, 48*time.Hour, w.runner.Clock)
	p := first()
	p.attrs = `validUntil="2026-11-23T12:00:00Z"`
	w.files["/sp.xml"] = signed(p, 2)
	w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml", Pinned: cert(2)})
	w.files["/endless.xml"] = signed(page{id: "https://endless.test/", acs: "https://endless.test/acs", keys: []int{1}}, 2)
	endless := mdrefresh.Request{URL: w.server.URL + "/endless.xml", Pinned: cert(2)}
	if _, _, err := w.runner.Fetcher.Import(t.Context(), endless); err == nil || !strings.Contains(err.Error(), "no validUntil") {
		t.Errorf("imported: %v", err)
	}
	endless.Force = true
	if _, _, err := w.runner.Fetcher.Import(t.Context(), endless); err != nil {
		t.Errorf("forced: %v", err)
	}
	for attributes, failure := range map[string]string{"": "no validUntil", `validUntil="2026-11-26T12:00:00Z"`: "further ahead"} {
		p.attrs = attributes
		w.files["/sp.xml"] = signed(p, 2)
		w.pass(12*time.Hour, map[string]int{"failed": 1})
		if src := w.source(one); !strings.Contains(src.Failure, failure) || w.sp(one).Version != 1 {
			t.Errorf("%+v", src)
		}
	}
}

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
	w.runner.Fetcher = mdrefresh.NewFetcher(outbound.Options{}, 0, w.runner.Clock)
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
