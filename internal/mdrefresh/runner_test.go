package mdrefresh_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
)

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
		if e.Actor != idp.ActorRefresh || e.SP != one || !strings.Contains(e.Detail["changes"], before) || !strings.Contains(e.Detail["changes"], after) {
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
