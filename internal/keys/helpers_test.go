package keys_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
)

var rsaKeys = sync.OnceValue(func() [3]*rsa.PrivateKey {
	var out [3]*rsa.PrivateKey
	for i := range out {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		out[i] = key
	}
	return out
})

var (
	errConflict = errors.New("changed meanwhile")
	errStore    = errors.New("store is down")
)

// records is a compare-and-swap store in memory.
type records struct {
	mu     sync.Mutex
	items  map[string]keys.Record
	err    error                   // every call fails with it
	lists  int                     // calls of List
	onSave func(keys.Record) error // may refuse
	onList func([]keys.Record)     // may change what is returned
}

func (r *records) List(context.Context) ([]keys.Record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists++
	list := slices.Collect(maps.Values(r.items))
	if r.onList != nil {
		r.onList(list)
	}
	return list, r.err
}

func (r *records) Save(_ context.Context, recs ...keys.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	for _, rec := range recs {
		if r.items[rec.ID].Version != rec.Version {
			return errConflict
		}
		if r.onSave != nil {
			if err := r.onSave(rec); err != nil {
				return err
			}
		}
	}
	for _, rec := range recs {
		rec.Version++
		r.items[rec.ID] = rec
	}
	return nil
}

func (r *records) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// world is a store, a fake KMS with three keys and a clock, shared by rings.
type world struct {
	t       *testing.T
	records *records
	kms     *kmsfake.Fake
	arn     [3]string
	now     time.Time
	openErr error
}

func newWorld(t *testing.T) *world {
	w := &world{
		t:       t,
		records: &records{items: map[string]keys.Record{}},
		kms:     kmsfake.New(),
		now:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
	for i, key := range rsaKeys() {
		w.arn[i] = w.kms.AddRSA(key)
	}
	return w
}

func (w *world) open(ctx context.Context, ref string) (keys.Key, error) {
	if w.openErr != nil {
		return nil, w.openErr
	}
	return kmssigner.Open(ctx, w.client(), ref, nil)
}

func (w *world) client() *kms.Client {
	return kms.New(kms.Options{
		Region:     "eu-central-1",
		HTTPClient: &http.Client{Transport: w.kms},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "TEST", SecretAccessKey: "ONLY"}, nil
		}),
	})
}

// noSign makes an instance that may not sign, like the admin function in AWS.
func noSign(o *keys.Options) { o.NoSign = true }

// ring is one instance of the program.
func (w *world) ring(change ...func(*keys.Options)) *keys.Ring {
	w.t.Helper()
	o := keys.Options{
		Records:    w.records,
		Open:       w.open,
		DefaultRef: w.arn[0],
		Issuer:     "https://idp.example.org/saml/metadata",
		Clock:      func() time.Time { return w.now },
		Random:     rand.Reader,
	}
	for _, c := range change {
		c(&o)
	}
	ring, err := keys.NewRing(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return ring
}

func (w *world) ensured() *keys.Ring {
	w.t.Helper()
	ring := w.ring()
	if err := ring.Ensure(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return ring
}

// signs checks that the ring's active pair has this ID.
func (w *world) signs(ring *keys.Ring, id string) *keys.Pair {
	w.t.Helper()
	pair, err := ring.Active(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if pair.RecordID != id {
		w.t.Errorf("%s signs, want %s", pair.RecordID, id)
	}
	return pair
}
