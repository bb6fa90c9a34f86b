package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// byClock lets crewjam/saml judge by the clock of the test.
func byClock(r *rolling) {
	now := saml.TimeNow
	r.T.Cleanup(func() { saml.TimeNow = now })
	saml.TimeNow = r.Clock.Now
}

// TestRolloverSignInAtEachStep rolls a key over, with one service provider
// that reads our metadata and one that knows only the old certificate.
func TestRolloverSignInAtEachStep(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *rolling{"key files": rollingFiles, "KMS": rollingKMS} {
		t.Run(name, func(t *testing.T) {
			r := make(t)
			byClock(r)
			ctx := t.Context()
			follows, pinned := newConsumer(r, samltest.B()), newConsumer(r, samltest.B())
			step := func(name, states string, pinnedToo bool) {
				t.Helper()
				r.Clock.Add(time.Minute) // every instance follows within a minute
				answer := r.signIn(samltest.B())
				if err := follows.accepts(answer); err != nil {
					t.Errorf("%s: who reads our metadata says %v", name, err)
				}
				if err := pinned.accepts(answer); (err == nil) != pinnedToo {
					t.Errorf("%s: who has only the old certificate says %v", name, err)
				}
				if got := r.states(); got != states {
					t.Errorf("%s: keys %s, want %s", name, got, states)
				}
			}
			step("before", "key-1 active", true)

			made := r.key(r.admin.AnnounceKey(ctx, adminapi.NewKey{}))
			if r.kms != nil {
				if made.Key.State != "requested" || made.Key.Ref != r.arn[1] {
					t.Errorf("requested %+v", made.Key)
				}
				step("requested", "key-1 active, key-2 requested", true)
			}
			r.Clock.Add(time.Minute)
			if got := certificates(t, follows.refresh(r)); got["signing"] != 2 {
				t.Errorf("announced: keys in metadata %v", got)
			}
			step("announced", "key-1 active, key-2 next", true)
			events, _, err := r.Store.Events(ctx, r.Clock.Now(), "", 0)
			certified := slices.ContainsFunc(events, func(e idp.AuditEvent) bool {
				return e.Event == idp.AuditKeyChanged && e.Detail["action"] == "key.certified" && e.Actor == "system"
			})
			if err != nil || certified != (r.kms != nil) {
				t.Errorf("audit trail: certified %v, %v", certified, err)
			}

			if _, err := r.admin.ActivateKey(ctx, "key-2", false); err == nil || !strings.Contains(err.Error(), "announced since") {
				t.Errorf("activated a moment after it was announced: %v", err)
			}
			r.Clock.Add(24*time.Hour + 10*time.Minute)
			answer := r.key(r.admin.ActivateKey(ctx, "key-2", false))
			if p := answer.Key.Progress; p == nil || p.ServiceProviders != 2 || p.Confirmed != 0 || p.Fetched != 1 {
				t.Errorf("activate tells of %+v", p)
			}
			step("activated", "key-2 active, key-1 previous", false)

			r.key(r.admin.ActivateKey(ctx, "key-1", false))
			step("taken back", "key-1 active, key-2 previous", true)
			r.key(r.admin.ActivateKey(ctx, "key-2", false))
			step("activated again", "key-2 active, key-1 previous", false)

			r.key(r.admin.RetireKey(ctx, "key-1"))
			step("retired, metadata not read again", "key-2 active, key-1 retired", false)
			if got := certificates(t, follows.refresh(r)); got["signing"] != 1 {
				t.Errorf("retired: keys in metadata %v", got)
			}
			step("retired", "key-2 active, key-1 retired", false)
			if _, err := r.admin.RetireKey(ctx, "key-2"); err == nil {
				t.Error("the active key was retired")
			}

			r.key(r.admin.RestoreKey(ctx, "key-1"))
			r.key(r.admin.ActivateKey(ctx, "key-1", true))
			follows.refresh(r)
			r.Clock.Add(time.Minute)
			follows.refresh(r)
			step("restored and taken back by force", "key-1 active, key-2 previous", true)
		})
	}
}

// TestRolloverWithFaultsOfKMS: a sign-in goes on with the key before where the
// new one cannot be reached, and the administrator can go back.
func TestRolloverWithFaultsOfKMS(t *testing.T) {
	r := rollingKMS(t)
	byClock(r)
	ctx := t.Context()
	sp := newConsumer(r, samltest.B())
	r.key(r.admin.AnnounceKey(ctx, adminapi.NewKey{}))

	r.kms.Inject(kmsfake.Sign, 1, kmsfake.AccessDenied()) // of the certificate
	r.Clock.Add(time.Minute)
	if got := certificates(t, sp.refresh(r)); got["signing"] != 1 || r.states() != "key-1 active, key-2 requested" {
		t.Fatalf("L12 without a certificate: %v, %s", got, r.states())
	}
	if !strings.Contains(r.Log.String(), `"event":"key.certificate"`) {
		t.Error("the failure is not in the log")
	}
	if err := sp.accepts(r.signIn(samltest.B())); err != nil {
		t.Errorf("L12 a sign-in meanwhile: %v", err)
	}
	r.kms.Heal()
	r.Clock.Add(time.Minute)
	sp.refresh(r)

	r.kms.Inject(kmsfake.GetPublicKey, 1, kmsfake.AccessDenied())
	if _, err := r.admin.ActivateKey(ctx, "key-2", true); err == nil || r.states() != "key-1 active, key-2 next" {
		t.Errorf("a key that cannot be opened was activated: %v, %s", err, r.states())
	}
	r.key(r.admin.ActivateKey(ctx, "key-2", true))
	r.kms.Inject(kmsfake.GetPublicKey, kmsfake.Always, kmsfake.AccessDenied())
	r.Clock.Add(time.Minute)
	if err := sp.accepts(r.signIn(samltest.B())); err != nil {
		t.Errorf("L12 the new key cannot be opened: %v", err)
	}
	r.kms.Heal()
	if err := sp.accepts(r.signIn(samltest.B())); err != nil {
		t.Errorf("L12 healed: %v", err)
	}
	calls := r.kms.Calls(kmsfake.Sign)
	if last := calls[len(calls)-1]; last.KeyID != r.arn[1] {
		t.Errorf("signed with %s", last.KeyID)
	}
}

// TestKeyProgressIsCheap: fetching metadata writes once for each service
// provider and announcement, and signing in neither reads nor writes for it.
func TestKeyProgressIsCheap(t *testing.T) {
	r := rollingFiles(t)
	ctx := t.Context()
	b := newConsumer(r, samltest.B())
	if seen, err := r.Store.KeyProgress(ctx, "key-1"); err != nil || len(seen) > 0 {
		t.Errorf("recorded without an announcement: %v %v", seen, err)
	}
	r.key(r.admin.AnnounceKey(ctx, adminapi.NewKey{}))
	r.signIn(samltest.B())
	if seen, err := r.Store.KeyProgress(ctx, "key-2"); err != nil || len(seen) > 0 {
		t.Errorf("recorded without a fetch: %v %v", seen, err)
	}
	at := r.Clock.Millis()
	for range 5 {
		b.refresh(r)
		r.Clock.Add(time.Minute)
	}
	if resp := r.Browser(address()).Get("/saml/metadata/nobody"); resp.StatusCode != 404 {
		t.Errorf("unknown: %d", resp.StatusCode)
	}
	r.Browser(address()).Get("/saml/metadata")
	seen, err := r.Store.KeyProgress(ctx, "key-2")
	if err != nil || len(seen) != 1 || seen[b.EntityID].FetchedAt != at || seen[b.EntityID].ConfirmedAt != 0 {
		t.Errorf("recorded %+v, %v; want one fetch at %d", seen, err, at)
	}
}

// TestDedicatedKeyKeepsOthersOut: with a key for each service provider, an
// assertion for one is refused by another by the key alone.
func TestDedicatedKeyKeepsOthersOut(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *rolling{"key files": rollingFiles, "KMS": rollingKMS} {
		t.Run("P12 "+name, func(t *testing.T) {
			r := make(t)
			byClock(r)
			ctx := t.Context()
			own := r.key(r.admin.AnnounceKey(ctx, adminapi.NewKey{Dedicated: true}))
			r.Clock.Add(time.Minute)
			other := newConsumer(r, samltest.B()) // reads metadata, which makes the certificate
			own = r.key(r.admin.Key(ctx, own.Key.ID))
			if own.Key.State != "dedicated" {
				t.Fatalf("made %+v", own.Key)
			}
			r.UpdateSP(samltest.A().EntityID, func(sp *idp.ServiceProvider) { sp.SigningKey, sp.RequireSignedRequests = own.Key.ID, false })

			a := newConsumer(r, samltest.A())
			if diff := cmp.Diff(1, certificates(t, a.refresh(r))["signing"]); diff != "" {
				t.Error(diff)
			}
			answer := r.signIn(samltest.A())
			if err := a.accepts(answer); err != nil {
				t.Errorf("its own service provider: %v", err)
			}
			// Another service provider that believes to be A, but for its key.
			a.IDPMetadata, other.IDPMetadata = other.IDPMetadata, a.IDPMetadata
			if err := a.accepts(answer); err == nil || !strings.Contains(err.Error(), "ignature") {
				t.Errorf("P12 accepted with the keys of another service provider: %v", err)
			}
			if err := other.accepts(r.signIn(samltest.B())); err == nil {
				t.Error("P12 the key of A stands for B, too")
			}
		})
	}
}
