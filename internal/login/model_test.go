package login_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

// move is one thing that can happen in the model: an event of an actor, or
// time that passes.
type move struct {
	name  string
	event func(s idp.QRSession, now idp.Millis) login.Event
	wait  time.Duration
}

func fixed(ev login.Event) func(idp.QRSession, idp.Millis) login.Event {
	return func(idp.QRSession, idp.Millis) login.Event { return ev }
}

// moves of three actors: the browser of the session, and two phones, of which
// the second may be in the same network or elsewhere. Strangers are there too.
func moves() []move {
	ms := []move{
		{name: "wait", wait: 55 * time.Second},
		{name: "create", event: fixed(createEvent())},
		{name: "create with a number", event: fixed(numberedCreate())},
		{name: "browser shows code", event: fixed(login.ShowCode{Browser: theBrowser, CodeHash: codeHash})},
		{name: "browser extends", event: fixed(login.ExtendQR{Browser: theBrowser})},
		{name: "browser cancels", event: fixed(login.Cancel{Browser: theBrowser})},
		{name: "browser reads", event: fixed(login.AskConsent{Browser: theBrowser})},
		{name: "stranger reads", event: fixed(login.AskConsent{Browser: otherBrowser})},
		{name: "browser supersedes", event: fixed(login.Supersede{Browser: theBrowser})},
		{name: "browser finishes", event: fixed(finishEvent())},
		{name: "browser finishes with another key", event: fixed(login.Finish{Browser: theBrowser, FinishHash: []byte("two"), AssertionID: "_two"})},
		{name: "browser finishes, refused", event: fixed(login.Finish{Browser: theBrowser, FinishHash: finishHash, AssertionID: "_x", Refused: idp.E(idp.AppDisabled, "test")})},
		{name: "browser's passkey", event: fixed(passkeyEvent("passkey"))},
		{name: "browser's other passkey", event: fixed(passkeyEvent("other passkey"))},
		{name: "browser's passkey, refused", event: fixed(login.Passkey{Browser: theBrowser, ApprovalHash: []byte("refused"), Refused: idp.E(idp.UserInactive, "test")})},
		{name: "stranger's passkey", event: fixed(login.Passkey{Browser: otherBrowser, UserID: "evil", CredentialID: "evil", ApprovalHash: []byte("evil"), ACR: "phr"})},
		{name: "stranger cancels", event: fixed(login.Cancel{Browser: otherBrowser})},
		{name: "stranger finishes", event: fixed(login.Finish{Browser: otherBrowser, FinishHash: finishHash, AssertionID: "_evil"})},
	}
	ms = append(ms, phoneMoves("phone 1", thePhone, home)...)
	ms = append(ms, phoneMoves("phone 2", otherPhone, home)...)
	return append(ms, phoneMoves("phone 2 elsewhere", otherPhone, away)[:2]...)
}

func passkeyEvent(name string) login.Passkey {
	return login.Passkey{Browser: theBrowser, UserID: name, CredentialID: name, ApprovalHash: []byte(name), ACR: "phr"}
}

func phoneMoves(name string, hash []byte, net string) []move {
	claim := func(stale, takeover bool, code []byte) func(idp.QRSession, idp.Millis) login.Event {
		return func(s idp.QRSession, now idp.Millis) login.Event {
			c := login.Claim{ClaimHash: hash, Net: net, Frame: login.Step(s.CreatedAt, now), Takeover: takeover, CodeHash: code, Nonce: hash, App: payroll}
			if stale {
				c.Frame += 100
			}
			return c
		}
	}
	approval := login.Approve{ClaimHash: hash, UserID: name, CredentialID: name, ApprovalHash: []byte(name)}
	numbered := approval
	numbered.Number = theNumber
	refused := approval
	refused.Refused = idp.E(idp.UserInactive, "test")
	return []move{
		{name: name + " claims", event: claim(false, false, nil)},
		{name: name + " claims by code", event: claim(false, false, codeHash)},
		{name: name + " claims by wrong code", event: claim(false, false, []byte("wrong"))},
		{name: name + " claims stale frame", event: claim(true, false, nil)},
		{name: name + " takes over", event: claim(false, true, nil)},
		{name: name + " extends", event: fixed(login.ExtendClaim{ClaimHash: hash})},
		{name: name + " approves", event: fixed(approval)},
		{name: name + " approves with the number", event: fixed(numbered)},
		{name: name + " approves, refused", event: fixed(refused)},
		{name: name + " approves badly", event: fixed(login.BadApprove{ClaimHash: hash, Err: idp.E(idp.BadSignature, "test")})},
		{name: name + " denies", event: fixed(login.Deny{ClaimHash: hash, Reason: idp.WhyNotMe})},
	}
}

// allowed are the changes of 4.3, written a second time and in other words:
// from, event, to. A change that is not here is a bug.
var allowed = strings.Fields(`
	>Create>created
	created>ShowCode>created created>ExtendQR>created created>Claim>scanned
	created>Passkey>approved created>Cancel>cancelled created>Supersede>cancelled
	scanned>Claim>scanned scanned>Claim>cancelled scanned>ExtendClaim>scanned
	scanned>Approve>approved scanned>Approve>scanned scanned>Approve>denied scanned>BadApprove>scanned scanned>BadApprove>cancelled
	scanned>Deny>denied scanned>Cancel>cancelled scanned>Supersede>cancelled
	approved>AskConsent>approved approved>Cancel>cancelled approved>Finish>consumed`)

// broken says which invariant one step breaks, or "".
func broken(s, next idp.QRSession, ev login.Event, now idp.Millis, err error) string {
	changed := !reflect.DeepEqual(s, next)
	kind := strings.TrimPrefix(fmt.Sprintf("%T", ev), "login.")
	step := fmt.Sprintf("%s>%s>%s", s.State, kind, next.State)
	expires := next.State == idp.StateExpired && idp.CodeOf(err) == idp.SessionExpired && login.EndsAt(s).Over(now)
	switch {
	case changed && s.State.Final():
		return "final state changed"
	case changed && !expires && !slices.Contains(allowed, step):
		return "change without a row: " + step
	case changed && err != nil && !expires && kind != "BadApprove" && idp.CodeOf(err) != idp.Contested && idp.CodeOf(err) != idp.NumberMismatch:
		return "change with error " + err.Error()
	case next.State == idp.StateConsumed && s.State != idp.StateConsumed && s.State != idp.StateApproved:
		return "consumed without approval"
	case kind == "Passkey" && err == nil && !slices.Contains([]idp.State{idp.StateApproved, idp.StateConsumed}, next.State):
		return "a passkey was accepted and did not sign in"
	case kind == "Passkey" && next.State == idp.StateApproved && s.State == idp.StateCreated:
		if p := ev.(login.Passkey); p.Refused != nil || p.Browser != s.Browser || next.UserID != p.UserID {
			return "approved without a valid passkey in the same browser"
		}
	case kind == "Passkey" && err == nil && next.UserID != ev.(login.Passkey).UserID:
		return "another passkey was told that it signed in"
	case next.State == idp.StateApproved && s.State != idp.StateApproved:
		a, ok := ev.(login.Approve)
		if ok && s.Number != "" && a.Number != s.Number {
			return "approved without the number"
		}
		if !ok || a.Refused != nil || s.Claims == 0 || !idp.Equal(a.ClaimHash, s.ClaimHash) || next.UserID != a.UserID {
			return "approved without a claim and a valid approval of the same phone"
		}
	case changed && !expires && kind == "Approve" && next.State != idp.StateApproved && idp.CodeOf(err) != idp.NumberMismatch:
		return "an approval changed something else"
	case changed && fromStranger(s, ev):
		return "a stranger changed the session"
	}
	return ""
}

func fromStranger(s idp.QRSession, ev login.Event) bool {
	v := reflect.ValueOf(ev)
	if f := v.FieldByName("Browser"); f.IsValid() && s.State != "" && f.Interface() != s.Browser {
		return true
	}
	_, claims := ev.(login.Claim)
	f := v.FieldByName("ClaimHash")
	return f.IsValid() && !claims && !idp.Equal(f.Bytes(), s.ClaimHash)
}

// TestModel walks every sequence of up to 8 moves of the three actors, and
// many long random ones.
func TestModel(t *testing.T) {
	t.Run("Q6 Q7 Q9 exhaustive", func(t *testing.T) {
		type point struct {
			s   idp.QRSession
			now idp.Millis
		}
		all := moves()
		seen := map[string]bool{}
		reached := map[idp.State]int{}
		front := []point{{idp.QRSession{}, t0}}
		steps := 0
		depth := 8
		if testing.Short() { // as with -race, which has nothing to find here
			depth = 6
		}
		for range depth {
			var next []point
			for _, p := range front {
				for _, m := range all {
					now := p.now.Add(m.wait)
					s := p.s
					if m.event != nil {
						ev := m.event(p.s, now)
						var err error
						s, err = login.Apply(p.s, ev, now)
						if b := broken(p.s, s, ev, now, err); b != "" {
							t.Fatalf("%s in %q: %s", m.name, p.s.State, b)
						}
						steps++
					}
					if key := stateKey(s, now); !seen[key] {
						seen[key] = true
						reached[s.State]++
						next = append(next, point{s, now})
					}
				}
			}
			front = next
		}
		t.Logf("%d states, %d steps, by state %v", len(seen), steps, reached)
		for _, s := range []idp.State{idp.StateCreated, idp.StateScanned, idp.StateApproved, idp.StateConsumed, idp.StateDenied, idp.StateCancelled, idp.StateExpired} {
			if reached[s] == 0 {
				t.Errorf("state %q was never reached: the model proves nothing about it", s)
			}
		}
	})
	t.Run("Q6 random", func(t *testing.T) {
		all := moves()
		random := rand.New(rand.NewPCG(1, 2))
		for range 5000 {
			s, now := idp.QRSession{}, t0
			for range 40 {
				m := all[random.IntN(len(all))]
				now = now.Add(m.wait).Add(time.Duration(random.IntN(3000)) * time.Millisecond)
				if m.event == nil {
					continue
				}
				ev := m.event(s, now)
				next, err := login.Apply(s, ev, now)
				if b := broken(s, next, ev, now, err); b != "" {
					t.Fatalf("%s in %q: %s", m.name, s.State, b)
				}
				s = next
			}
		}
	})
}

const theNumber = "482915"

func numberedCreate() login.Create {
	c := createEvent()
	c.Number = theNumber
	return c
}

func stateKey(s idp.QRSession, now idp.Millis) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%d %s", now, b)
}
