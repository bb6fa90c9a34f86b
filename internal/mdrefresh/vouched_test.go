package mdrefresh_test

import (
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
)

// TestWhoVouches: entity attributes count as soon as a pinned key has verified
// them, and no longer than that; no matter that the file says the same.
func TestWhoVouches(t *testing.T) {
	w := newWorld(t)
	p := first()
	p.category = "research"
	w.files["/sp.xml"] = signed(p, 2)
	w.add(mdrefresh.Request{URL: w.server.URL + "/sp.xml"})
	trusted := func(want int) {
		t.Helper()
		sp := w.sp(one)
		if got := sp.TrustedEntityAttributes(); len(got) != want || len(sp.EntityAttributes) != 1 {
			t.Errorf("%v are trusted of %v, signature %q", got, sp.EntityAttributes, sp.MetadataSigned)
		}
	}
	pin := func(cert []byte) {
		src := w.source(one)
		src.PinnedCert, src.ETag, src.NextAt = cert, "", 0
		must(t, w.store.SaveMetadataSource(t.Context(), src))
		w.pass(time.Hour, map[string]int{"unchanged": 1})
	}
	trusted(0)
	pin(cert(2))
	trusted(1)
	w.wantEvents("metadata.applied ok")
	w.pass(6*time.Hour, map[string]int{"unchanged": 1})
	if v := w.sp(one).Version; v != 2 {
		t.Errorf("written again: version %d", v)
	}
	pin(nil)
	trusted(0)

	t.Run("a category that comes over a trusted address is nobody's word", func(t *testing.T) {
		src := w.source(one)
		src.TrustURL, src.NextAt = true, 0
		must(t, w.store.SaveMetadataSource(t.Context(), src))
		p.category = "everything"
		w.files["/sp.xml"] = p.xml()
		w.pass(time.Hour, map[string]int{"applied": 1})
		trusted(0)
		if got := w.sp(one).EntityAttributes; got[0] != (idp.EntityAttribute{Name: "category", Value: "everything"}) {
			t.Errorf("%v", got)
		}
	})
}
