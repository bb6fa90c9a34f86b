package app_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
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
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/bolt"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// faulty is a table whose n-th call (of those that count) fails.
type faulty struct {
	tabletest.Faulty

	mu     sync.Mutex
	counts func(op string) bool
	n, at  int
	failed string // what did
}

func (f *faulty) hook(op string, at []table.Key) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil || !f.counts(op) {
		return nil
	}
	if f.n++; f.n != f.at {
		return nil
	}
	f.failed = op + " " + strings.SplitN(at[0].PK, "#", 2)[0]
	return fmt.Errorf("injected: %w", table.ErrUnavailable)
}

// arm starts to count calls; the one with the number at, from 1, fails.
func (f *faulty) arm(at int, counts func(op string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n, f.at, f.counts, f.failed = 0, at, counts, ""
}

// disarm returns how many calls there were and which one failed.
func (f *faulty) disarm() (n int, failed string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts = nil
	return f.n, f.failed
}

func isWrite(op string) bool { return op == "put" || op == "transact" || op == "delete" }

func anyCall(string) bool { return true }

// persistent is a phone's connection that repeats a call, byte for byte, that was
// answered with 503.
type persistent struct {
	http.RoundTripper
	i *idptest.IdP
}

func (a persistent) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return repeated(a.i, func() *http.Response {
		in := r.Clone(r.Context())
		in.Body = io.NopCloser(bytes.NewReader(body))
		resp, err := a.RoundTripper.RoundTrip(in)
		if err != nil {
			a.i.T.Error(err)
		}
		return resp
	}), nil
}

// repeated sends and, after an honest 503, sends again.
func repeated(i *idptest.IdP, send func() *http.Response) *http.Response {
	i.T.Helper()
	lines := len(i.Log.Reasons())
	resp := send()
	if resp.StatusCode != http.StatusServiceUnavailable {
		return resp
	}
	if resp.Header.Get("Retry-After") == "" {
		i.T.Error("503 without Retry-After")
	}
	if got := i.Log.Reasons()[lines:]; len(got) != 1 || got[0] != string(idp.StoreUnavailable) {
		i.T.Errorf("503 for the reasons %v", got)
	}
	return send()
}

// signInWithRepeats signs in as a client that repeats what failed once, and
// returns the assertion's ID.
func signInWithRepeats(t *testing.T, i *idptest.IdP, p *phone.Phone) string {
	t.Helper()
	b := i.Browser(address())
	q := query(i.Good(), "relay")
	start := repeated(i, func() *http.Response { return b.Get("/saml/sso?" + q) })
	location := start.Header.Get("Location")
	if start.StatusCode != http.StatusSeeOther {
		t.Fatalf("sso: %d", start.StatusCode)
	}
	if page := repeated(i, func() *http.Response { return b.Get(location) }); page.StatusCode != http.StatusOK {
		t.Fatalf("page: %d", page.StatusCode)
	}
	_, login, _ := strings.Cut(location, "l=")
	key := idptest.RandomKey()
	created := repeated(i, func() *http.Response { return b.Create(login, key) })
	if created.StatusCode != http.StatusCreated {
		t.Fatalf("create: %d %s", created.StatusCode, idptest.Body(t, created))
	}
	view := idptest.Decode[idptest.View](t, created)
	req, err := p.Claim(t.Context(), view.Frames[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Approve(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	key = idptest.RandomKey()
	return assertion(t, repeated(i, func() *http.Response { return b.Finish(view.SID, key) }))
}

// withFaults makes an IdP on a faulty table, and a phone that repeats.
func withFaults(t *testing.T, after bool) (*idptest.IdP, *faulty, *phone.Phone) {
	t.Helper()
	f := &faulty{}
	if after {
		f.After = f.hook
	} else {
		f.Before = f.hook
	}
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		f.Table = inner
		return &f.Faulty
	}})
	deps := i.PhoneDeps(address())
	deps.HTTP = &http.Client{Transport: persistent{deps.HTTP.Transport, i}}
	p, err := phone.Enroll(t.Context(), deps, i.Invite(i.Alice), "phone")
	if err != nil {
		t.Fatal(err)
	}
	return i, f, p
}

// TestFaultsOfTheTable lets each call of a sign-in fail once: before it
// reached the table, or after it was carried out (the answer was lost).
func TestFaultsOfTheTable(t *testing.T) {
	for name, tt := range map[string]struct {
		after  bool
		counts func(string) bool
	}{
		"L11 commit then timeout of write": {true, isWrite},
		"L13 throttled call":               {false, anyCall},
		"L13 answer lost of call":          {true, anyCall},
	} {
		i, f, p := withFaults(t, tt.after)
		f.arm(0, tt.counts)
		signInWithRepeats(t, i, p)
		calls, _ := f.disarm()
		if calls < 5 {
			t.Fatalf("%d calls in a sign-in", calls)
		}
		seen := map[string]bool{}
		for n := 1; n <= calls; n++ {
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				i.Clock.Add(time.Minute) // past the limits per address
				signs := i.Key.Signs()
				f.arm(n, tt.counts)
				id := signInWithRepeats(t, i, p)
				_, failed := f.disarm()
				if seen[id] || id == "" {
					t.Errorf("assertion %q was issued before", id)
				}
				seen[id] = true
				if made := i.Key.Signs() - signs; made > 2 || failed == "" {
					t.Errorf("%d signatures, failed %q", made, failed)
				}
			})
		}
	}
}

func TestClaimWriteFails(t *testing.T) {
	i, f, _ := withFaults(t, false)
	p := i.Phone(i.Alice, address())
	b := i.Browser(address())
	view := b.Login(b.Start(query(i.Good())))
	before, err := i.Store.Session(t.Context(), view.SID)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("A56 L13", func(t *testing.T) {
		f.arm(1, isWrite)
		_, err = p.Claim(t.Context(), view.Frames[0].URL)
		f.disarm()
		phoneRefused(t, err, http.StatusServiceUnavailable, idp.Busy)
		after, err := i.Store.Session(t.Context(), view.SID)
		if err != nil || after.State != idp.StateCreated || after.Version != before.Version {
			t.Errorf("session %+v, %v", after, err)
		}
		if _, err := p.Claim(t.Context(), view.Frames[0].URL); err != nil {
			t.Errorf("second try: %v", err)
		}
	})
}

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
	db, err := bolt.Open(filepath.Join(t.TempDir(), "keys.db"), i.Clock.Now)
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
		Log: obs.NewLogger(i.Log, 0, true), Clock: i.Clock.Now, Random: rand.Reader,
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
		r.Attributes = `IsPassive="true"`
		refusedPage(t, i, alice.Get("/saml/sso?"+query(r)), http.StatusServiceUnavailable, idp.Code(idp.KeyMismatch))
	})
	t.Run("S17 metadata", func(t *testing.T) {
		refusedPage(t, i, alice.Get("/saml/metadata"), http.StatusServiceUnavailable, idp.Code(idp.KeyMismatch))
	})
}

// TestInterleaved signs alice in at SP B and bob at SP A, at once and over and
// over, in one process: nobody gets what belongs to the other.
func TestInterleaved(t *testing.T) {
	i := idptest.New(t)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	type role struct {
		user *idp.User
		sp   *samltest.SP
	}
	people := []role{{i.Alice, samltest.B()}, {i.Bob, samltest.A()}, {i.Bob, samltest.B()}, {i.Alice, samltest.A()}}
	t.Run("L8", func(t *testing.T) {
		var all sync.WaitGroup
		for lane, r := range append(people, people...) {
			p := newPerson(i, r.user)
			all.Go(func() {
				for n := range rounds {
					interleave(t, p, r.user, r.sp, fmt.Sprintf("%d-%d", lane, n))
				}
			})
		}
		all.Wait()
	})
}

func interleave(t *testing.T, p *person, u *idp.User, sp *samltest.SP, mark string) {
	r := sp.Request(p.IdP.Clock.Now())
	r.ID = "_" + mark + idptest.RandomKey()
	b := p.IdP.Browser(address())
	resp := b.Get("/saml/sso?" + sp.SignQuery(query(r, mark), samltest.RSASHA256))
	_, login, _ := strings.Cut(resp.Header.Get("Location"), "l=")
	b.Get(resp.Header.Get("Location"))
	created := b.Create(login, idptest.RandomKey())
	if created.StatusCode != http.StatusCreated {
		t.Errorf("%s: create: %d", mark, created.StatusCode)
		return
	}
	view := idptest.Decode[idptest.View](t, created)
	req, err := p.phone.Claim(t.Context(), view.Frames[0].URL)
	if err == nil {
		_, err = p.phone.Approve(t.Context(), req)
	}
	if err != nil {
		t.Errorf("%s: %v", mark, err)
		return
	}
	finished := b.Finish(view.SID, idptest.RandomKey())
	if finished.StatusCode != http.StatusOK {
		t.Errorf("%s: finish: %d", mark, finished.StatusCode)
		return
	}
	posted := idptest.ReadPost(t, finished)
	m := read(t, posted)
	if posted.RelayState != mark || m.InResponseTo != r.ID || posted.ACS != sp.EntityID+"/acs" || len(m.Assertions) != 1 ||
		m.Assertions[0].NameID.Value != u.Email || len(m.Assertions[0].Audience) != 1 || m.Assertions[0].Audience[0] != sp.EntityID {
		t.Errorf("%s of %s at %s: RelayState %q, %+v", mark, u.Email, sp.EntityID, posted.RelayState, m)
	}
}

// TestOverButStillStored: time is judged by the clock, not by what the table
// still holds.
func TestOverButStillStored(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	t.Run("L9 login page", func(t *testing.T) {
		location := alice.Start(query(i.Good()))
		i.Clock.Add(15 * time.Minute)
		refusedPage(t, i, alice.Get(location), http.StatusGone, idp.LoginExpired)
	})
	t.Run("L9 Q8 approve", func(t *testing.T) {
		view, req := alice.scan(alice.Start(query(i.Good())))
		i.Clock.Add(2 * time.Minute)
		_, err := alice.phone.Approve(t.Context(), req)
		phoneRefused(t, err, http.StatusGone, idp.SessionExpired)
		if s := alice.Poll(view.SID).Status; s != idp.StateExpired {
			t.Errorf("session is %s", s)
		}
	})
	t.Run("L9 finish", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		i.Clock.Add(time.Minute)
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusGone, idp.SessionExpired)
		if i.Key.Signs() != 0 {
			t.Error("something was signed")
		}
	})
	t.Run("L9 ACCEPT finish a millisecond earlier", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		i.Clock.Add(time.Minute - time.Millisecond)
		assertion(t, alice.Finish(view.SID, idptest.RandomKey()))
	})
	t.Run("L10 cancel and finish at once", func(t *testing.T) {
		cancelRacesFinish(t, alice)
	})
}

// cancelRacesFinish: whoever wins, there is one outcome.
func cancelRacesFinish(t *testing.T, p *person) {
	t.Helper()
	for range 20 {
		p.IdP.Clock.Add(time.Minute)
		view := p.approve(p.Start(query(p.IdP.Good())))
		tab := *p.Browser
		tab.Cookies = map[string]string{"__Host-bs": p.Cookies["__Host-bs"]}
		var finished, cancelled *http.Response
		var both sync.WaitGroup
		both.Go(func() { finished = p.Finish(view.SID, idptest.RandomKey()) })
		both.Go(func() { cancelled = tab.API("/v1/login/sessions/"+view.SID+"/cancel", map[string]string{}) })
		both.Wait()
		issued := 0
		if finished.StatusCode == http.StatusOK {
			issued = len(read(t, idptest.ReadPost(t, finished)).Assertions)
		}
		s, err := p.IdP.Store.Session(t.Context(), view.SID)
		if err != nil {
			t.Fatal(err)
		}
		if (issued == 1) != (s.State == idp.StateConsumed) || (cancelled.StatusCode == http.StatusOK) != (s.State == idp.StateCancelled) {
			t.Fatalf("%d assertions, cancel %d, session %s", issued, cancelled.StatusCode, s.State)
		}
	}
}

// TestGarbageCostsNothing: before a valid request of a registered service
// provider nothing is written and the key is not used.
func TestGarbageCostsNothing(t *testing.T) {
	var counting *tabletest.Counting
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		counting = tabletest.NewCounting(inner)
		return counting
	}})
	i.Browser(address()).Get("/saml/metadata")
	signs := i.Key.Signs()
	total := 10_000
	if testing.Short() {
		total = 1_000
	}
	evil, unsigned := i.Good(), samltest.A().Request(i.Clock.Now())
	evil.Issuer = "https://evil.test"
	requests := []func(b *idptest.Browser) *http.Response{
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/sso?SAMLRequest=garbage") },
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/sso?" + query(evil)) },
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/sso?" + query(unsigned)) },
		func(b *idptest.Browser) *http.Response { return b.Get("/login?l=AAAAAAAAAAAAAAAAAAAAAAAAAA") },
		func(b *idptest.Browser) *http.Response {
			return b.API("/v1/login/sessions/AAAAAAAAAAAAAAAAAAAAAAAAAA", nil)
		},
		func(b *idptest.Browser) *http.Response {
			return b.Finish("AAAAAAAAAAAAAAAAAAAAAAAAAA", idptest.RandomKey())
		},
		func(b *idptest.Browser) *http.Response {
			return b.Create("AAAAAAAAAAAAAAAAAAAAAAAAAA", idptest.RandomKey())
		},
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/metadata/evil") },
		func(b *idptest.Browser) *http.Response { return b.Get("/saml/metadata") },
		func(b *idptest.Browser) *http.Response {
			return b.PostFrom("https://evil.test", "/saml/sso", []byte("SAMLRequest=%"))
		},
		func(b *idptest.Browser) *http.Response { return b.Get("/nothing/evil") },
	}
	counting.Take()
	t.Run("L14 10,000 garbage requests", func(t *testing.T) {
		for n := range total {
			b := i.Browser(address())
			b.Cookies["__Host-bs"] = idp.Base64.EncodeToString(bytes.Repeat([]byte{byte(n)}, 32))
			if resp := requests[n%len(requests)](b); resp.StatusCode >= 500 {
				t.Fatalf("request %d: %d", n, resp.StatusCode)
			}
			if n%500 == 0 {
				i.Log.Reset()
			}
		}
		if c := counting.Take(); c.WriteRequests != 0 {
			t.Errorf("%d writes", c.WriteRequests)
		}
		if n := i.Key.Signs() - signs; n != 0 {
			t.Errorf("%d signatures", n)
		}
	})
}

// TestItemsOfTheFuture: a newer program wrote what this one does not know.
func TestItemsOfTheFuture(t *testing.T) {
	var tab table.Table
	i := idptest.New(t, kept(&tab))
	alice := newPerson(i, i.Alice)
	future := func(t *testing.T, key table.Key) {
		t.Helper()
		item, err := tab.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(item.Data, []byte(`{"s":1,`)) {
			t.Fatalf("item %s", item.Data)
		}
		item.Data = append([]byte(`{"s":2,`), item.Data[len(`{"s":1,`):]...)
		if _, err := tab.Put(t.Context(), item); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("L17 session", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		future(t, table.Key{PK: "QRSESSION#" + view.SID, SK: "session"})
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
		if p := idptest.ReadProblem(t, alice.API("/v1/login/sessions/"+view.SID, nil)); p.Status != http.StatusServiceUnavailable {
			t.Errorf("poll: %+v", p)
		}
	})
	t.Run("L17 login", func(t *testing.T) {
		q := query(i.Good())
		location := alice.Start(q)
		_, login, _ := strings.Cut(location, "l=")
		future(t, table.Key{PK: "LOGIN#" + login, SK: "login"})
		refusedPage(t, i, alice.Get(location), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
		refusedPage(t, i, alice.Get("/saml/sso?"+q), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
	})
	t.Run("L17 user and service provider", func(t *testing.T) {
		view := alice.approve(alice.Start(query(i.Good())))
		future(t, table.Key{PK: "USER#" + i.Alice.ID, SK: "user"})
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
		future(t, table.Key{PK: "SP#https://sp-b.test", SK: "sp"})
		refusedPage(t, i, alice.Get("/saml/sso?"+query(i.Good())), http.StatusServiceUnavailable, idp.Code(idp.SchemaVersion))
	})
	if i.Key.Signs() != 0 {
		t.Error("L17 something was signed")
	}
}
