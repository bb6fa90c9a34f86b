package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

// fixture is a store on an embedded table, with a clock and faults.
type fixture struct {
	*store.Store
	table  table.Table
	faulty *tabletest.Faulty
	now    atomic.Int64 // ms
}

func newStore(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{}
	f.now.Store(1_795_000_000_000)
	clock := func() time.Time { return time.UnixMilli(f.now.Load()) }
	db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f.table = db
	f.faulty = &tabletest.Faulty{Table: db}
	f.Store = store.New(f.faulty, clock)
	return f
}

func (f *fixture) add(d time.Duration) { f.now.Add(d.Milliseconds()) }
func (f *fixture) at() idp.Millis      { return idp.Millis(f.now.Load()) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestLoginIsItsOwnReplayGuard(t *testing.T) {
	f := newStore(t)
	l := &idp.Login{ID: "L1", SP: "sp", RequestID: "_1", ExpiresAt: f.at().Add(time.Minute)}
	first, err := f.CreateLogin(t.Context(), l)
	ok(t, err)
	again, err := f.CreateLogin(t.Context(), &idp.Login{ID: "L1", SP: "other", ExpiresAt: f.at().Add(time.Minute)})
	is(t, err, store.ErrExists)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	f.add(time.Minute) // over, but still told apart from unknown
	_, err = f.CreateLogin(t.Context(), &idp.Login{ID: "L1", ExpiresAt: f.at().Add(time.Minute)})
	is(t, err, store.ErrExists)
	f.add(time.Hour)
	_, err = f.Login(t.Context(), "L1")
	is(t, err, store.ErrNotFound)
}

func TestUpdateSession(t *testing.T) {
	same := func(a, b idp.QRSession) bool { return cmp.Equal(a, b) }
	setup := func(t *testing.T) *fixture {
		f := newStore(t)
		ok(t, f.CreateSession(t.Context(), &idp.QRSession{SID: "S", State: idp.StateCreated, LoginExpiresAt: f.at().Add(time.Minute)}))
		return f
	}
	count := func(s idp.QRSession) (idp.QRSession, error) {
		s.Fails++
		return s, nil
	}
	t.Run("no change, no write", func(t *testing.T) {
		f := setup(t)
		f.faulty.Before = func(op string, _ []table.Key) error {
			if op == "put" {
				t.Error("written")
			}
			return nil
		}
		_, _, err := f.UpdateSession(t.Context(), "S", same, func(s idp.QRSession) (idp.QRSession, error) { return s, idp.E(idp.WrongState, "no") })
		if idp.CodeOf(err) != idp.WrongState {
			t.Error(err)
		}
	})
	t.Run("a refusal may come with a change", func(t *testing.T) {
		f := setup(t)
		_, _, err := f.UpdateSession(t.Context(), "S", same, func(s idp.QRSession) (idp.QRSession, error) {
			s.State = idp.StateExpired
			return s, idp.E(idp.SessionExpired, "over")
		})
		if idp.CodeOf(err) != idp.SessionExpired {
			t.Error(err)
		}
		if s, _ := f.Session(t.Context(), "S"); s.State != idp.StateExpired || s.Version != 2 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("overtaken", func(t *testing.T) {
		for conflicts, code := range map[int32]idp.Code{1: "", 3: "", 4: idp.Busy} {
			f := setup(t)
			var n atomic.Int32
			f.faulty.Before = func(op string, _ []table.Key) error {
				if op == "put" && n.Add(1) <= conflicts {
					return table.ErrConflict
				}
				return nil
			}
			_, _, err := f.UpdateSession(t.Context(), "S", same, count)
			if idp.CodeOf(err) != code {
				t.Errorf("%d conflicts: %v", conflicts, err)
			}
		}
	})
	t.Run("the decision is overtaken", func(t *testing.T) {
		f := setup(t)
		tries := 0
		_, after, err := f.UpdateSession(t.Context(), "S", same, func(s idp.QRSession) (idp.QRSession, error) {
			if tries++; tries == 1 {
				return s, fmt.Errorf("write credential: %w", store.ErrConflict)
			}
			return count(s)
		})
		if err != nil || tries != 2 || after.Fails != 1 {
			t.Errorf("%d tries: %+v, %v", tries, after, err)
		}
	})
	t.Run("parallel changes all count or say so", func(t *testing.T) {
		f := setup(t)
		var done atomic.Int64
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				if _, _, err := f.UpdateSession(context.Background(), "S", same, count); err == nil {
					done.Add(1)
				} else if idp.CodeOf(err) != idp.Busy {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if s, _ := f.Session(t.Context(), "S"); int64(s.Fails) != done.Load() {
			t.Errorf("%d succeeded, %d counted", done.Load(), s.Fails)
		}
	})
}

func TestTries(t *testing.T) {
	f := newStore(t)
	take := func(left int, wait time.Duration) {
		t.Helper()
		n, w, err := f.TakeTry(t.Context(), "tries", "192.0.2.1", 2, time.Minute)
		if err != nil || n != left || max(w, 0) != wait {
			t.Errorf("%d left, wait %v, %v; want %d, %v", n, w, err, left, wait)
		}
	}
	take(1, 0)
	take(0, 0)
	take(0, 30*time.Second)
	f.add(29 * time.Second)
	take(0, time.Second)
	f.add(time.Second)
	take(0, 0)
	ok(t, f.ReturnTry(t.Context(), "tries", "192.0.2.1", 2, time.Minute))
	take(0, 0)
	f.add(time.Hour)
	ok(t, f.ReturnTry(t.Context(), "tries", "192.0.2.1", 2, time.Minute)) // nothing to give back
	take(1, 0)
}

func TestEnrollIsAllOrNothing(t *testing.T) {
	f := newStore(t)
	ctx := t.Context()
	inv := &idp.Invite{ID: "I", TokenHash: []byte("hash"), UserID: "U", ExpiresAt: f.at().Add(time.Hour)}
	ok(t, f.CreateInvite(ctx, inv))
	device := func(id, pop string) *idp.Device {
		return &idp.Device{ID: id, UserID: "U", PopKeyID: pop, State: idp.DeviceActive}
	}
	f.faulty.Before = func(op string, _ []table.Key) error {
		if op == "transact" {
			return table.ErrUnavailable
		}
		return nil
	}
	used := *inv
	used.UsedAt, used.DeviceID = f.at(), "D"
	if err := f.Enroll(ctx, store.Enrolling{Device: device("D", "P"), Invite: &used}); idp.CodeOf(err) != idp.Busy {
		t.Error(err)
	}
	_, err := f.Device(ctx, "D")
	is(t, err, store.ErrNotFound)
	f.faulty.Before = nil
	stale := used
	stale.Version = 7
	is(t, f.Enroll(ctx, store.Enrolling{Device: device("D", "P"), Invite: &stale}), store.ErrExists)
	_, err = f.Device(ctx, "D")
	is(t, err, store.ErrNotFound)

	ok(t, f.Enroll(ctx, store.Enrolling{Device: device("D", "P"), Invite: &used}))
	byPop, err := f.DeviceOfPopKey(ctx, "P")
	ok(t, err)
	list, err := f.Devices(ctx, "U")
	ok(t, err)
	if byPop.ID != "D" || len(list) != 1 || list[0].ID != "D" {
		t.Errorf("%+v, %+v", byPop, list)
	}
	kept, err := f.InviteByID(ctx, "I")
	ok(t, err)
	if kept.Open(f.at()) || kept.DeviceID != "D" {
		t.Errorf("%+v", kept)
	}
}

func TestUsers(t *testing.T) {
	f := newStore(t)
	ctx := t.Context()
	ana := &idp.User{ID: "U1", Email: "Ana@Example.com"}
	ok(t, f.SaveUser(ctx, ana))
	is(t, f.SaveUser(ctx, &idp.User{ID: "U2", Email: "ana@example.COM"}), store.ErrExists)
	found, err := f.UserByEmail(ctx, " ANA@example.com ")
	ok(t, err)
	lost := *found
	found.Email = "ana.k@example.com"
	ok(t, f.SaveUser(ctx, found))
	is(t, f.SaveUser(ctx, &lost), store.ErrConflict)
	_, err = f.UserByEmail(ctx, "ana@example.com")
	is(t, err, store.ErrNotFound)
	ok(t, f.SaveUser(ctx, &idp.User{ID: "U2", Email: "ana@example.com"})) // free again
	for n := range 130 {
		ok(t, f.SaveUser(ctx, &idp.User{ID: fmt.Sprint("M", n), Email: fmt.Sprintf("m%03d@example.com", n)}))
	}
	seen := 0
	for after := ""; ; {
		page, next, err := f.Users(ctx, after, 50)
		ok(t, err)
		seen += len(page)
		if after = next; after == "" {
			break
		}
	}
	if seen != 132 {
		t.Errorf("%d users listed, want 132", seen)
	}
	inv := &idp.Invite{ID: "I", TokenHash: []byte("h"), UserID: "U2", ExpiresAt: f.at().Add(time.Hour)}
	ok(t, f.CreateInvite(ctx, inv))
	ok(t, f.Enroll(ctx, store.Enrolling{Device: &idp.Device{ID: "D", UserID: "U2", PopKeyID: "P"}, Invite: inv}))
	ok(t, f.SaveSSOSession(ctx, &idp.SSOSession{SID: "S", UserID: "U2", ExpiresAt: f.at().Add(time.Hour)}))
	ok(t, f.DeleteUser(ctx, "U2"))
	for what, err := range map[string]error{
		"user": second(f.User(ctx, "U2")), "e-mail": second(f.UserByEmail(ctx, "ana@example.com")),
		"device": second(f.Device(ctx, "D")), "pop key": second(f.DeviceOfPopKey(ctx, "P")),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s is still there: %v", what, err)
		}
	}
}

func second[A any](_ A, err error) error { return err }

func TestServiceProviders(t *testing.T) {
	f := newStore(t)
	ctx := t.Context()
	long := "https://sp.example/" + strings.Repeat("x", 1000)
	for n, id := range []string{"https://a.example", long, "urn:with space", "https://\u010d.example"} {
		ok(t, f.SaveServiceProvider(ctx, &idp.ServiceProvider{EntityID: id, Slug: fmt.Sprint("s", n)}))
		sp, err := f.ServiceProvider(ctx, id)
		ok(t, err)
		if sp.EntityID != id {
			t.Errorf("%q is found as %q", id, sp.EntityID)
		}
	}
	_, err := f.ServiceProvider(ctx, long+"y")
	is(t, err, store.ErrNotFound)
	is(t, f.SaveServiceProvider(ctx, &idp.ServiceProvider{EntityID: "https://a.example", Slug: "new"}), store.ErrExists)
	is(t, f.SaveServiceProvider(ctx, &idp.ServiceProvider{EntityID: "https://b.example", Slug: "s0"}), store.ErrExists)
	sp, err := f.ServiceProviderBySlug(ctx, "s0")
	ok(t, err)
	sp.Slug = "renamed"
	ok(t, f.SaveServiceProvider(ctx, sp))
	_, err = f.ServiceProviderBySlug(ctx, "s0")
	is(t, err, store.ErrNotFound)
	t.Run("nothing recent survives a change", func(t *testing.T) {
		recent, err := f.RecentServiceProvider(ctx, "https://a.example")
		ok(t, err)
		recent.Disabled = true
		ok(t, f.SaveServiceProvider(ctx, recent))
		if again, err := f.RecentServiceProvider(ctx, "https://a.example"); err != nil || !again.Disabled {
			t.Errorf("%+v, %v", again, err)
		}
	})
	ok(t, f.DeleteServiceProvider(ctx, "https://a.example"))
	is(t, second(f.RecentServiceProvider(ctx, "https://a.example")), store.ErrNotFound)
}

// TestFutureSchema: an item of a later program is refused, not misread (L17).
func TestFutureSchema(t *testing.T) {
	t.Run("L17", func(t *testing.T) {
		f := newStore(t)
		_, err := f.table.Put(t.Context(), table.Item{
			Key: table.Key{PK: "USER#U", SK: "user"}, Data: []byte(`{"s":2,"v":{"id":"U"}}`),
		})
		ok(t, err)
		is(t, second(f.User(t.Context(), "U")), &idp.Error{Code: idp.Busy, Reason: idp.SchemaVersion})
	})
}

// TestReasons: why the table did not serve us is told to the log, and to whoever
// asked only that it may be tried again.
func TestReasons(t *testing.T) {
	for err, reason := range map[error]idp.Reason{
		table.ErrUnavailable: idp.StoreUnavailable, context.DeadlineExceeded: idp.StoreUnavailable,
		table.ErrDenied: idp.StoreDenied, table.ErrCorrupt: idp.StoreCorrupt, context.Canceled: idp.ClientGone,
	} {
		t.Run("L13 "+string(reason), func(t *testing.T) {
			s := store.New(&tabletest.Faulty{Before: func(string, []table.Key) error { return err }}, time.Now)
			is(t, second(s.User(t.Context(), "U")), &idp.Error{Code: idp.Busy, Reason: reason})
		})
	}
	t.Run("L13 an item that is no JSON", func(t *testing.T) {
		f := newStore(t)
		_, err := f.table.Put(t.Context(), table.Item{Key: table.Key{PK: "USER#U", SK: "user"}, Data: []byte("not JSON")})
		ok(t, err)
		is(t, second(f.User(t.Context(), "U")), &idp.Error{Code: idp.Busy, Reason: idp.StoreCorrupt})
	})
}

func TestOutageIsBusy(t *testing.T) {
	f := newStore(t)
	f.faulty.Before = func(string, []table.Key) error { return fmt.Errorf("throttled: %w", table.ErrUnavailable) }
	ctx := t.Context()
	for name, err := range map[string]error{
		"user":    second(f.User(ctx, "U")),
		"session": second(f.Session(ctx, "S")),
		"facts":   second(f.Facts(ctx, store.Wanted{SP: "sp", Credential: "cred", Login: "login"})),
		"users":   func() error { _, _, err := f.Users(ctx, "", 10); return err }(),
		"save":    f.SaveUser(ctx, &idp.User{ID: "U", Email: "a@b"}),
		"count":   func() error { _, _, err := f.TakeTry(ctx, "n", "s", 1, time.Minute); return err }(),
		"code":    f.PutCode(ctx, []byte("mac"), "S", f.at().Add(time.Minute)),
	} {
		if !errors.Is(err, &idp.Error{Code: idp.Busy, Reason: idp.StoreUnavailable}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
