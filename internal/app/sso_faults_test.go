package app_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/table"
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
