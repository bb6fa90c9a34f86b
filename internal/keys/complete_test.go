package keys_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
)

// TestRolloverBySomebodyWhoMayNotSign is the rollover in AWS: the admin
// function requests and decides, a signing function makes the certificate.
func TestRolloverBySomebodyWhoMayNotSign(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	signing := w.ensured()
	admin := w.ring(noSign)
	signatures := w.kms.Signatures()

	rec, err := admin.Announce(ctx, w.arn[1], keys.Next)
	if err != nil {
		t.Fatal(err)
	}
	if rec.State != keys.Requested || len(rec.Certificate) > 0 || w.kms.Signatures() != signatures {
		t.Errorf("record %+v after %d signatures", rec, w.kms.Signatures()-signatures)
	}
	if _, err := admin.Activate(ctx, "key-2", 0); idp.CodeOf(err) != idp.Invalid {
		t.Errorf("a key without a certificate was activated: %v", err)
	}
	if made := admin.Complete(ctx); len(made) > 0 {
		t.Errorf("who may not sign made %v", made)
	}
	if diff := cmp.Diff([]string{"key-1"}, published(t, signing)); diff != "" {
		t.Error(diff)
	}

	w.now = w.now.Add(time.Minute) // until the other instance sees it
	made := signing.Complete(ctx)
	if len(made) != 1 || made[0].ID != "key-2" || made[0].State != keys.Next || made[0].AnnouncedAt != idp.At(w.now) {
		t.Fatalf("made %+v", made)
	}
	if n := w.kms.Signatures() - signatures; n != 1 {
		t.Errorf("%d signatures for a certificate", n)
	}
	if diff := cmp.Diff([]string{"key-1", "key-2"}, published(t, signing)); diff != "" {
		t.Error(diff)
	}
	if made := signing.Complete(ctx); len(made) > 0 {
		t.Errorf("made again: %v", made)
	}

	signatures = w.kms.Signatures()
	must(t)(admin.Activate(ctx, "key-2", 0))
	if err := admin.Check(ctx); err != nil {
		t.Error(err)
	}
	must(t)(admin.Retire(ctx, "key-1"))
	if n := w.kms.Signatures() - signatures; n != 0 {
		t.Errorf("who may not sign made %d signatures", n)
	}
	w.now = w.now.Add(time.Minute)
	if err := w.signs(signing, "key-2").Check(ctx); err != nil {
		t.Error(err)
	}
}

// TestRequestOfAKeyThatCannotSign: faults of KMS leave the request, and are
// not tried at every call.
func TestRequestOfAKeyThatCannotSign(t *testing.T) {
	for name, fault := range map[string]kmsfake.Fault{
		"throttled": kmsfake.Throttled(), "denied": kmsfake.AccessDenied(), "disabled": kmsfake.Disabled(), "dropped": kmsfake.Dropped(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			signing := w.ensured()
			must(t)(w.ring(noSign).Announce(t.Context(), w.arn[1], keys.Next))
			w.now = w.now.Add(time.Minute)
			w.kms.Inject(kmsfake.Sign, kmsfake.Always, fault)
			if made := signing.Complete(t.Context()); len(made) > 0 {
				t.Errorf("made %v", made)
			}
			calls := len(w.kms.Calls(kmsfake.Any))
			for range 5 {
				signing.Complete(t.Context())
			}
			if n := len(w.kms.Calls(kmsfake.Any)) - calls; n > 0 {
				t.Errorf("%d calls of KMS within a minute after a failure", n)
			}
			w.kms.Heal()
			w.now = w.now.Add(time.Minute)
			if made := signing.Complete(t.Context()); len(made) != 1 {
				t.Errorf("made %v after the fault", made)
			}
		})
	}
}

// TestAnnounceLooksAtTheKey: also where nothing can be signed, what is no
// signing key is refused at once.
func TestAnnounceLooksAtTheKey(t *testing.T) {
	w := newWorld(t)
	w.ensured()
	admin := w.ring(noSign)
	for name, ref := range map[string]string{"symmetric": w.kms.CreateSymmetric(), "to decrypt with": w.kms.AddDecrypter(rsaKeys()[2])} {
		if _, err := admin.Announce(t.Context(), ref, keys.Next); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if diff := cmp.Diff([]string{"key-1 active"}, states(t, admin)); diff != "" {
		t.Error(diff)
	}
}

// TestInstancesCompleteAtOnce: one of them wins, all publish its certificate.
func TestInstancesCompleteAtOnce(t *testing.T) {
	w := newWorld(t)
	w.ensured()
	must(t)(w.ring(noSign).Announce(t.Context(), w.arn[1], keys.Next))
	rings := make([]*keys.Ring, 8)
	made := make([]int, len(rings))
	var wg sync.WaitGroup
	for i := range rings {
		rings[i] = w.ring()
		wg.Go(func() { made[i] = len(rings[i].Complete(t.Context())) })
	}
	wg.Wait()
	total := 0
	for i, ring := range rings {
		total += made[i]
		w.now = w.now.Add(time.Minute)
		if diff := cmp.Diff([]string{"key-1", "key-2"}, published(t, ring)); diff != "" {
			t.Error(diff)
		}
	}
	if total != 1 {
		t.Errorf("%d certificates", total)
	}
}

func TestDedicatedKeys(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ring := w.ensured()
	must(t)(ring.Announce(ctx, w.arn[1], keys.Dedicated))

	t.Run("P12 the key signs for whom names it, and is shown to nobody else", func(t *testing.T) {
		w.signs(ring, "key-1")
		pair, err := ring.For(ctx, "key-2")
		if err != nil || pair.RecordID != "key-2" {
			t.Fatalf("%v %v", pair, err)
		}
		if diff := cmp.Diff([]string{"key-1"}, published(t, ring)); diff != "" {
			t.Error(diff)
		}
		certs, err := ring.PublishedFor(ctx, "key-2")
		if err != nil || len(certs) != 1 || !certs[0].Equal(pair.Certificate) {
			t.Errorf("%d certificates, %v", len(certs), err)
		}
	})
	t.Run("it is never the active one", func(t *testing.T) {
		if _, err := ring.Activate(ctx, "key-2", 0); idp.CodeOf(err) != idp.Invalid {
			t.Error(err)
		}
	})
	t.Run("an instance that does not know it yet looks again", func(t *testing.T) {
		other := w.ring()
		w.signs(other, "key-1")
		must(t)(ring.Announce(ctx, w.arn[2], keys.Dedicated))
		w.now = w.now.Add(5 * time.Second)
		if _, err := other.For(ctx, "key-3"); err != nil {
			t.Error(err)
		}
		lists := w.records.lists
		for range 10 {
			if _, err := other.For(ctx, "key-9"); !isUnavailable(err) {
				t.Errorf("unknown key: %v", err)
			}
		}
		if n := w.records.lists - lists; n > 0 {
			t.Errorf("%d looks within a moment", n)
		}
	})
	t.Run("no other key stands in for a retired one", func(t *testing.T) {
		must(t)(ring.Retire(ctx, "key-2"))
		if _, err := ring.For(ctx, "key-2"); !isUnavailable(err) {
			t.Error(err)
		}
		if _, err := ring.For(ctx, "key-1"); !isUnavailable(err) {
			t.Errorf("the active key by its name: %v", err)
		}
		rec, err := ring.Restore(ctx, "key-2")
		if err != nil || rec.State != keys.Dedicated {
			t.Errorf("restored: %+v %v", rec, err)
		}
	})
}

func isUnavailable(err error) bool {
	e := idp.AsError(err)
	return e != nil && e.Code == idp.Busy && e.Reason == idp.KeyUnavailable
}
