package app_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestKeyDownWhileFinishing: the approval is kept for 15 seconds.
func TestKeyDownWhileFinishing(t *testing.T) {
	down := func(int64) error { return fmt.Errorf("throttled: %w", keys.ErrUnavailable) }
	t.Run("L12 A55 back within 15 s", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		view := alice.approve(alice.Start(query(i.Good(), "relay")))
		i.Key.Fail(down)
		var fixed string
		body, form := "", map[string][]string{"sid": {view.SID}, "finish_key": {idptest.RandomKey()}}
		for range 3 {
			resp := alice.PostForm("/login/finish", form)
			if resp.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			body = refusedPage(t, i, resp, http.StatusServiceUnavailable, idp.Code(idp.KeyUnavailable))
			_, next := pageForm(t, body)
			form = next
			s, err := i.Store.Session(t.Context(), view.SID)
			if err != nil || s.State != idp.StateConsumed || fixed != "" && s.AssertionID != fixed {
				t.Fatalf("session %+v, %v; the assertion was %s", s, err, fixed)
			}
			fixed = s.AssertionID
			i.Clock.Add(4 * time.Second)
		}
		i.Key.Fail(nil)
		if id := assertion(t, alice.PostForm("/login/finish", form)); id != fixed {
			t.Errorf("assertion %s, fixed was %s", id, fixed)
		}
	})
	t.Run("L12 A55 back too late", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		view, key := alice.approve(alice.Start(query(i.Good()))), idptest.RandomKey()
		i.Key.Fail(down)
		refusedPage(t, i, alice.Finish(view.SID, key), http.StatusServiceUnavailable, idp.Code(idp.KeyUnavailable))
		i.Key.Fail(nil)
		i.Clock.Add(15 * time.Second)
		refusedPage(t, i, alice.Finish(view.SID, key), http.StatusConflict, idp.WrongState)
		if n := i.Key.Signs(); n != 1 {
			t.Errorf("%d calls of the key, want the failed one", n)
		}
	})
	t.Run("L12 with another key there is no second assertion", func(t *testing.T) {
		i := idptest.New(t)
		alice := newPerson(i, i.Alice)
		view := alice.approve(alice.Start(query(i.Good())))
		i.Key.Fail(down)
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusServiceUnavailable, idp.Code(idp.KeyUnavailable))
		i.Key.Fail(nil)
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusConflict, idp.WrongState)
	})
}

// rewired gives i a handler with another key ring, whose records are its own.
func rewired(t *testing.T, i *idptest.IdP, tab table.Table, open keys.Opener, ensure bool) {
	t.Helper()
	db, err := embedded.Open(filepath.Join(t.TempDir(), "keys.db"), i.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	records := store.SigningKeys{Store: store.New(db, i.Clock.Now)}
	if !ensure {
		records.Store = i.Store
	}
	ring, err := keys.NewRing(keys.Options{
		Records: records, DefaultRef: "test", Issuer: i.Config.EntityID, Clock: i.Clock.Now, Random: rand.Reader, Open: open,
	})
	if err == nil && ensure {
		err = ring.Ensure(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Deps{
		Config: i.Config, Table: tab, Keys: ring, Secrets: app.Secrets{Masters: i.Masters, Pairwise: make([]byte, 32)},
		Log: obs.NewLogger(i.Log, 0, true), Metrics: obs.EMF(i.Log, obs.Namespace, i.Clock.Now), Clock: i.Clock.Now, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	i.App, i.Handler = a, a.All()
}

// kept remembers the table of an IdP.
func kept(tab *table.Table) idptest.Options {
	return idptest.Options{Table: func(inner table.Table) table.Table {
		*tab = inner
		return inner
	}}
}

func TestThrottledKMS(t *testing.T) {
	var tab table.Table
	i := idptest.New(t, kept(&tab))
	fake := kmsfake.New()
	arn, err := fake.CreateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	client := kms.New(kms.Options{
		Region: "eu-central-1", HTTPClient: &http.Client{Transport: fake},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "TEST", SecretAccessKey: "TEST"}, nil
		}),
	})
	rewired(t, i, tab, func(ctx context.Context, _ string) (keys.Key, error) {
		return kmssigner.Open(ctx, client, arn, nil)
	}, true)
	alice := newPerson(i, i.Alice)
	t.Run("L12 A55 throttled 3 times", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		before := fake.Signatures()
		fake.Inject("Sign", 3, kmsfake.Throttled())
		assertion(t, alice.Finish(view.SID, idptest.RandomKey()))
		if n := fake.Signatures() - before; n != 1 {
			t.Errorf("%d signatures", n)
		}
	})
	t.Run("L12 A55 always throttled", func(t *testing.T) {
		view, key := alice.approve(alice.Start(query(i.Good()))), idptest.RandomKey()
		fake.Inject("Sign", kmsfake.Always, kmsfake.Throttled())
		start := time.Now()
		refusedPage(t, i, alice.Finish(view.SID, key), http.StatusServiceUnavailable, idp.Code(idp.KeyUnavailable))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
		fake.Heal()
		assertion(t, alice.Finish(view.SID, key))
	})
}

// wrongKey is a key that is not that of the certificate.
type wrongKey struct{ *rsa.PrivateKey }

func (wrongKey) ID() string { return "test" }

func (k wrongKey) Sign(_ context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(rand.Reader, digest, opts)
}

func TestKeyIsNotTheCertificates(t *testing.T) {
	var tab table.Table
	i := idptest.New(t, kept(&tab))
	wrong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rewired(t, i, tab, func(context.Context, string) (keys.Key, error) { return wrongKey{wrong}, nil }, false)
	alice := newPerson(i, i.Alice)
	view := alice.approve(alice.Start(query(i.Good())))
	t.Run("S17 finish", func(t *testing.T) {
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusServiceUnavailable, idp.Code(idp.KeyMismatch))
	})
	t.Run("S17 refusal that would be signed", func(t *testing.T) {
		r := i.Good()
		r.Children = `<samlp:NameIDPolicy Format="` + idp.NameIDPersistent + `"/>`
		refusedPage(t, i, alice.Get("/saml/sso?"+query(r)), http.StatusServiceUnavailable, idp.Code(idp.KeyMismatch))
	})
	t.Run("S17 metadata", func(t *testing.T) {
		refusedPage(t, i, alice.Get("/saml/metadata"), http.StatusServiceUnavailable, idp.Code(idp.KeyMismatch))
	})
	t.Run("each is counted, for the alarm WrongKey", func(t *testing.T) {
		var counted int
		for line := range strings.Lines(i.Log.String()) {
			if strings.Contains(line, `"RequestFailed":1`) && strings.Contains(line, `"Reason":"kms.key_mismatch"`) {
				counted++
			}
		}
		if counted != 3 {
			t.Errorf("counted %d of 3", counted)
		}
	})
}
