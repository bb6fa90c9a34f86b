package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// ownFlow is something that a person does on the own pages. It is prepared
// for a fresh person, and done with one write of it failing.
type ownFlow struct {
	name   string
	status int // in the end

	// prepare returns what does it, which is repeated once if the answer says
	// that this helps, and what must hold after each of the two.
	prepare func(t *testing.T, i *idptest.IdP, u *idp.User) (do func() (int, string), holds func(t *testing.T, done bool))
}

// TestFaultsOfOwnPages: whichever write of these flows fails, is overtaken or
// loses its answer, nothing is half done, and a repetition ends it.
func TestFaultsOfOwnPages(t *testing.T) {
	faults := map[string]struct {
		wrap  func(*overtaken) *tabletest.Faulty
		fault error
	}{
		"overtaken":      {func(o *overtaken) *tabletest.Faulty { return &tabletest.Faulty{Before: o.hook} }, table.ErrConflict},
		"storage fails":  {func(o *overtaken) *tabletest.Faulty { return &tabletest.Faulty{Before: o.hook} }, table.ErrUnavailable},
		"answer is lost": {func(o *overtaken) *tabletest.Faulty { return &tabletest.Faulty{After: o.hook} }, table.ErrUnavailable},
	}
	for _, flow := range ownFlows {
		for name, f := range faults {
			t.Run(flow.name+", "+name, func(t *testing.T) {
				o, hit := &overtaken{}, 0
				i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
					faulty := f.wrap(o)
					faulty.Table = inner
					return faulty
				}})
				for at := 1; ; at++ {
					i.Clock.Add(time.Hour) // no limit is met
					do, holds := flow.prepare(t, i, i.AddUser(fmt.Sprintf("user%d@example.com", at), "User", "Number"))
					o.arm(at, f.fault)
					status, text := do()
					kind := o.kind
					o.arm(0, nil) // no more of it
					if status == http.StatusServiceUnavailable {
						holds(t, false)
						status, text = do()
					}
					if lost := name == "answer is lost"; status != flow.status && !lost {
						t.Errorf("write %d (%s): %d %s", at, kind, status, text)
					}
					holds(t, status == flow.status)
					if kind == "" {
						break // there are no more writes
					}
					hit++
				}
				if hit == 0 {
					t.Error("no write was hit")
				}
			})
		}
	}
}

var ownFlows = []ownFlow{
	{"Q18 recovery", http.StatusOK, func(t *testing.T, i *idptest.IdP, u *idp.User) (func() (int, string), func(*testing.T, bool)) {
		p := atHome(t, i, u, phoneIP)
		codes := want[struct{ Codes []string }](p, "POST", "/v1/me/recovery-codes", map[string]any{}, http.StatusCreated).Codes
		lost := newWebPhone(t, i, "198.51.100.1", u)
		do := func() (int, string) {
			return lost.send("POST", "/v1/enroll/recovery", map[string]string{"login": u.Email, "code": codes[0]})
		}
		return do, func(t *testing.T, done bool) {
			stored, err := i.Store.RecoveryCodes(t.Context(), u.ID)
			if err != nil {
				t.Fatal(err)
			}
			if left := stored.Left(); left < 7 || done && left != 7 {
				t.Errorf("%d codes left", left)
			}
			if done { // what it opened is there
				if _, state, _ := lost.register("New", http.StatusCreated); state != idp.DeviceProbation {
					t.Errorf("starts as %s", state)
				}
			}
		}
	}},
	{"Q17 remove", http.StatusNoContent, func(t *testing.T, i *idptest.IdP, u *idp.User) (func() (int, string), func(*testing.T, bool)) {
		first := atHome(t, i, u, phoneIP)
		second := newWebPhone(t, i, phoneIP, u)
		second.enroll(i.Invite(u))
		second.stepUp()
		do := func() (int, string) {
			return first.send("DELETE", "/v1/me/devices/"+second.device, map[string]string{})
		}
		return do, func(t *testing.T, done bool) {
			d, err := i.Store.Device(t.Context(), second.device)
			if err != nil || done && d.State != idp.DeviceRevoked {
				t.Fatalf("%+v, %v", d, err)
			}
			if d.State == idp.DeviceRevoked { // at once, whatever became of the sessions
				second.refused("GET", "/v1/me", nil, idp.StepupRequired)
			}
		}
	}},
	{"Q15 vouch", http.StatusOK, func(t *testing.T, i *idptest.IdP, u *idp.User) (func() (int, string), func(*testing.T, bool)) {
		old := atHome(t, i, u, phoneIP)
		a := want[adding](old, "POST", "/v1/me/devices/add", map[string]any{}, http.StatusCreated)
		fresh := newWebPhone(t, i, "198.51.100.77", u)
		want[any](fresh, "POST", "/v1/enroll/redeem", tokenOf(t, a.URL), http.StatusOK)
		fresh.register("New", http.StatusCreated)
		s := want[addProgress](old, "GET", "/v1/me/devices/add/"+a.ID, nil, http.StatusOK)
		body := map[string]any{"type": "webauthn", "assertion": old.vouch(a.ID, s)}
		do := func() (int, string) { return old.send("POST", "/v1/me/devices/add/"+a.ID+"/approve", body) }
		return do, func(t *testing.T, done bool) {
			d, err := i.Store.Device(t.Context(), fresh.device)
			if err != nil || d.State != idp.DevicePending && d.State != idp.DeviceActive || done && d.State != idp.DeviceActive {
				t.Errorf("%+v, %v", d, err)
			}
			add, err := i.Store.DeviceAdd(t.Context(), a.ID)
			if err != nil || (add.DoneAt != 0) != (d.State == idp.DeviceActive) {
				t.Errorf("done at %v with a device that is %s, %v", add.DoneAt, d.State, err)
			}
		}
	}},
	{"Q15 enroll what an old phone vouches for", http.StatusCreated, func(t *testing.T, i *idptest.IdP, u *idp.User) (func() (int, string), func(*testing.T, bool)) {
		old := atHome(t, i, u, phoneIP)
		a := want[adding](old, "POST", "/v1/me/devices/add", map[string]any{}, http.StatusCreated)
		h := i.Handset("198.51.100.77")
		accepted(t, h.Redeem(a.URL), http.StatusOK)
		body := h.EnrollBody(h.Challenge())
		do := func() (int, string) {
			r := h.Call(finishPath, body)
			return r.StatusCode, idptest.Body(t, r)
		}
		return do, func(t *testing.T, done bool) {
			s := want[addProgress](old, "GET", "/v1/me/devices/add/"+a.ID, nil, http.StatusOK)
			devices, err := i.Store.Devices(t.Context(), u.ID)
			if err != nil || len(devices) > 2 || (len(devices) == 2) != (s.Status == "key_ready") || done && s.Status != "key_ready" {
				t.Errorf("%d devices, adding is %s, %v", len(devices), s.Status, err)
			}
		}
	}},
	{"Q18 new codes", http.StatusCreated, func(t *testing.T, i *idptest.IdP, u *idp.User) (func() (int, string), func(*testing.T, bool)) {
		p := atHome(t, i, u, phoneIP)
		do := func() (int, string) { return p.send("POST", "/v1/me/recovery-codes", map[string]any{}) }
		return do, func(t *testing.T, done bool) {
			stored, err := i.Store.RecoveryCodes(t.Context(), u.ID)
			if n := stored.Left(); err != nil || n != 0 && n != 8 || done && n != 8 {
				t.Errorf("%d codes, %v", n, err)
			}
		}
	}},
	{"W4 step-up", http.StatusOK, func(t *testing.T, i *idptest.IdP, u *idp.User) (func() (int, string), func(*testing.T, bool)) {
		p := newWebPhone(t, i, phoneIP, u)
		p.enroll(i.Invite(u))
		do := func() (int, string) { // with a new challenge each time: an answer counts once
			status, options := p.send("POST", "/v1/me/stepup/options", map[string]any{})
			if status != http.StatusOK {
				return status, options
			}
			return p.send("POST", "/v1/me/stepup", map[string]any{"assertion": p.answer(options)})
		}
		return do, func(t *testing.T, done bool) {
			if done {
				want[any](p, "GET", "/v1/me", nil, http.StatusOK)
			} else {
				p.refused("GET", "/v1/me", nil, idp.StepupRequired)
			}
		}
	}},
}

// together starts calls at the same moment and returns their statuses.
func together(calls ...func() int) []int {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	statuses := make([]int, len(calls))
	for n, call := range calls {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			statuses[n] = call()
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return statuses
}

// untilServed repeats a call while it meets other writes.
func untilServed(call func() (int, string)) func() int {
	return func() int {
		for range 50 {
			if status, _ := call(); status != http.StatusServiceUnavailable {
				return status
			}
		}
		return http.StatusServiceUnavailable
	}
}

func TestRacesOfOwnPages(t *testing.T) {
	t.Run("Q17 the last two phones remove each other", func(t *testing.T) {
		for range 8 {
			i := idptest.New(t, idptest.Options{})
			one := atHome(t, i, i.Alice, phoneIP)
			two := newWebPhone(t, i, phoneIP, i.Alice)
			two.enroll(i.Invite(i.Alice))
			i.Clock.Add(24 * time.Hour) // its probation is over
			one.stepUp()
			two.stepUp()
			remove := func(by, which *webPhone) func() int {
				return untilServed(func() (int, string) { return by.send("DELETE", "/v1/me/devices/"+which.device, map[string]string{}) })
			}
			statuses := together(remove(one, two), remove(two, one))
			devices, err := i.Store.Devices(t.Context(), i.Alice.ID)
			if err != nil {
				t.Fatal(err)
			}
			usable := 0
			for n := range devices {
				if devices[n].Usable() {
					usable++
				}
			}
			slices.Sort(statuses)
			// The second hears that its session ended, or that it removes the last one.
			if usable != 1 || statuses[0] != http.StatusNoContent || statuses[1] != http.StatusForbidden && statuses[1] != http.StatusConflict {
				t.Fatalf("%d phones left, answers %v", usable, statuses)
			}
		}
	})
	t.Run("Q17 removed while it vouches", func(t *testing.T) {
		for range 8 {
			i := idptest.New(t)
			first := atHome(t, i, i.Alice, phoneIP)
			voucher := newWebPhone(t, i, phoneIP, i.Alice)
			voucher.enroll(i.Invite(i.Alice))
			i.Clock.Add(24 * time.Hour)
			first.stepUp()
			voucher.stepUp()
			a := want[adding](voucher, "POST", "/v1/me/devices/add", map[string]any{}, http.StatusCreated)
			fresh := newWebPhone(t, i, "198.51.100.77", i.Alice)
			want[any](fresh, "POST", "/v1/enroll/redeem", tokenOf(t, a.URL), http.StatusOK)
			fresh.register("New", http.StatusCreated)
			s := want[addProgress](voucher, "GET", "/v1/me/devices/add/"+a.ID, nil, http.StatusOK)
			body := map[string]any{"type": "webauthn", "assertion": voucher.vouch(a.ID, s)}
			statuses := together(
				untilServed(func() (int, string) { return voucher.send("POST", "/v1/me/devices/add/"+a.ID+"/approve", body) }),
				untilServed(func() (int, string) {
					return first.send("DELETE", "/v1/me/devices/"+voucher.device, map[string]string{})
				}),
			)
			d, err := i.Store.Device(t.Context(), fresh.device)
			if err != nil || statuses[1] != http.StatusNoContent || (statuses[0] == http.StatusOK) != (d.State == idp.DeviceActive) {
				t.Fatalf("answers %v, new device %+v, %v", statuses, d, err)
			}
			old, err := i.Store.Device(t.Context(), voucher.device)
			if err != nil || old.State != idp.DeviceRevoked {
				t.Fatalf("%+v, %v", old, err)
			}
		}
	})
	t.Run("Q15 one invite, opened and finished by many at once", func(t *testing.T) {
		i := idptest.New(t)
		link := i.Invite(i.Alice)
		calls := make([]func() int, 6)
		for n := range calls {
			h := i.Handset(phoneIP)
			accepted(t, h.Redeem(link), http.StatusOK)
			body, err := json.Marshal(h.EnrollBody(h.Challenge()))
			if err != nil {
				t.Fatal(err)
			}
			calls[n] = untilServed(func() (int, string) { return h.Call(finishPath, body).StatusCode, "" })
		}
		statuses := together(calls...)
		slices.Sort(statuses)
		devices, err := i.Store.Devices(t.Context(), i.Alice.ID)
		if err != nil || len(devices) != 1 || statuses[0] != http.StatusCreated || statuses[1] != http.StatusGone {
			t.Errorf("%d devices, answers %v, %v", len(devices), statuses, err)
		}
	})
	t.Run("Q15 a key that arrives while it is called off", func(t *testing.T) {
		var late func()
		i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
			return &tabletest.Faulty{Table: inner, Before: func(op string, keys []table.Key) error {
				if act := late; act != nil && op == "get" && strings.HasPrefix(keys[0].PK, "INDEX#INVITE") {
					late = nil
					act() // after the adding was read, before the invite is
				}
				return nil
			}}
		}})
		old := atHome(t, i, i.Alice, phoneIP)
		a := want[adding](old, "POST", "/v1/me/devices/add", map[string]any{}, http.StatusCreated)
		fresh := newWebPhone(t, i, "198.51.100.77", i.Alice)
		want[any](fresh, "POST", "/v1/enroll/redeem", tokenOf(t, a.URL), http.StatusOK)
		late = func() { fresh.register("Evil", http.StatusCreated) }
		want[any](old, "DELETE", "/v1/me/devices/add/"+a.ID, map[string]any{}, http.StatusNoContent)
		if d, err := i.Store.Device(t.Context(), fresh.device); err != nil || d.State != idp.DeviceRevoked {
			t.Errorf("%+v, %v", d, err)
		}
	})
	t.Run("Q16 a hundred guesses at once", func(t *testing.T) {
		var judged sync.Map
		i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
			return &tabletest.Faulty{Table: inner, Before: func(op string, keys []table.Key) error {
				if op == "get" && strings.HasPrefix(keys[0].PK, "INVITE#") {
					judged.Store(keys[0].PK, true)
				}
				return nil
			}}
		}})
		calls := make([]func() int, 100)
		for n := range calls {
			h := i.Handset(phoneIP)
			calls[n] = func() int { return h.Redeem("#" + idptest.RandomKey()).StatusCode }
		}
		together(calls...)
		n := 0
		judged.Range(func(any, any) bool { n++; return true })
		if n == 0 || n > 10 {
			t.Errorf("%d of 100 guesses were judged, the limit is 10", n)
		}
	})
}
