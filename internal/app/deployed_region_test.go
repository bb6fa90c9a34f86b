package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// inRegions is a deployment in two regions, and which one DNS leads to.
type inRegions struct {
	*deployment
	first, second *cloud.Cloud
	active        atomic.Pointer[cloud.Cloud]
}

func deployInRegions(t *testing.T) *inRegions {
	t.Helper()
	r := &inRegions{first: cloud.Start(t, cloud.Options{Key: idptest.PrivateKey()})}
	r.second = r.first.Second(cloud.Options{})
	r.active.Store(r.first)
	handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.active.Load().Handler().ServeHTTP(w, req) })
	r.deployment = administered(t, &deployment{IdP: idptest.Elsewhere(t, handler, r.first.Table), cloud: r.first})
	return r
}

func (r *inRegions) failOver(to *cloud.Cloud) {
	r.active.Store(to)
	r.cloud = to
}

// TestSecondRegion: what was made in one region is used in the other, by the
// replicas of the keys and with the second stack's rights, once it is replicated.
func TestSecondRegion(t *testing.T) {
	r := deployInRegions(t)
	alice := newPerson(r.IdP, r.Alice)
	signIn := func(t *testing.T) {
		t.Helper()
		assertion(t, alice.Finish(alice.approve(alice.StartLogin(nil)).SID, idptest.RandomKey()))
	}
	signIn(t)
	alice.DropSession()
	published, kept := publishedBy(t, r), stored(t, r)
	approved := newPerson(r.IdP, r.Alice)
	inFlight := approved.approve(approved.StartLogin(nil)).SID
	scanned := r.Browser(address())
	shown := scanned.ShowCode()
	finished, key := newPerson(r.IdP, r.Alice), idptest.RandomKey()
	done := finished.approve(finished.StartLogin(nil)).SID
	once := assertion(t, finished.Finish(done, key))

	r.failOver(r.second)
	t.Run("a sign-in that was begun in the first region is finished in the second", func(t *testing.T) {
		assertion(t, approved.Finish(inFlight, idptest.RandomKey()))
	})
	t.Run("a code of the first region is scanned in the second", func(t *testing.T) {
		h := r.EnrolledHandset(r.Bob, address())
		c := h.MustScan(shown.Frames[0].URL)
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		assertionID(t, scanned.Finish(shown.SID, idptest.RandomKey()))
	})
	t.Run("nothing is issued twice", func(t *testing.T) {
		if again := assertion(t, finished.Finish(done, key)); again != once {
			t.Errorf("the repeat has %s, the first had %s", again, once)
		}
		if resp := finished.Finish(done, idptest.RandomKey()); resp.StatusCode == http.StatusOK {
			t.Error("finished twice")
		}
	})
	t.Run("a sign-in", signIn)
	t.Run("its session is used", func(t *testing.T) { assertion(t, alice.Open(alice.StartLogin(nil))) })
	t.Run("logout", func(t *testing.T) { logoutByRedirect(t, r.at(t)) })
	t.Run("encrypted identifiers and logout by messages", func(t *testing.T) { logoutByMessages(t, r.at(t)) })
	t.Run("the metadata is the same, and no key or secret is made", func(t *testing.T) {
		if diff := cmp.Diff(published, publishedBy(t, r)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(kept, stored(t, r)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("and back", func(t *testing.T) {
		begun := newPerson(r.IdP, r.Alice)
		sid := begun.approve(begun.StartLogin(nil)).SID
		r.failOver(r.first)
		assertion(t, begun.Finish(sid, idptest.RandomKey()))
	})
	t.Run("L6 each region uses its own keys, and what it is granted", func(t *testing.T) {
		ownRights(t, r)
	})
}

// ownRights checks that the second region's functions signed, asked for what they
// are granted only, and for nothing in the first region.
func ownRights(t *testing.T, r *inRegions) {
	signed := false
	for _, c := range r.second.Calls() {
		signed = signed || c.Action == "kms:Sign" && c.Resource == r.second.Keys.Signing
		if !c.Allowed || !strings.Contains(c.Resource, ":"+cloud.SecondRegion+":") {
			t.Errorf("%s: %s (allowed: %v)", c.Function, c.Request, c.Allowed)
		}
	}
	if !signed {
		t.Error("nothing was signed by the replica")
	}
}

var described = regexp.MustCompile(`(?s)<KeyDescriptor.*?</KeyDescriptor>|entityID="[^"]*"|Location="[^"]*"`)

// publishedBy is what applications read in the metadata: keys, names, addresses.
func publishedBy(t *testing.T, r *inRegions) []string {
	t.Helper()
	body := idptest.Body(t, r.Browser(address()).Get("/saml/metadata"))
	found := described.FindAllString(strings.ReplaceAll(body, "md:", ""), -1)
	if len(found) < 4 {
		t.Fatalf("no metadata: %s", body)
	}
	return found
}

// stored are the records of signing keys and the wrapped secrets.
func stored(t *testing.T, r *inRegions) map[string]string {
	t.Helper()
	records, err := store.SigningKeys{Store: r.first.Store}.List(t.Context())
	must(t, err)
	found := map[string]string{}
	for _, rec := range records {
		found[rec.ID] = rec.Ref + " " + string(rec.State) + " " + string(rec.Certificate)
	}
	page, err := r.first.Table.Query(t.Context(), table.Query{PK: "SECRET", Prefix: "master#"})
	must(t, err)
	for _, item := range page.Items {
		found[item.SK] = string(item.Data)
	}
	if len(page.Items) != 1 || len(records) == 0 || !strings.HasPrefix(found["key-1"], r.first.Keys.Signing+" ") {
		t.Fatalf("stored: %v", found)
	}
	return found
}
