package app_test

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const (
	finishPath  = "/v1/enroll/finish"
	optionsPath = "/v1/enroll/options"
)

func TestEnroll(t *testing.T) {
	i := idptest.New(t)
	link := i.Invite(i.Alice)
	h := i.Handset(phoneIP)
	t.Run("redeeming burns nothing", func(t *testing.T) {
		scanner := i.Handset(otherIP) // of mail
		accepted(t, scanner.Redeem(link), http.StatusOK)
		r := h.Redeem(link)
		accepted(t, r, http.StatusOK)
		cookie := r.Header.Get("Set-Cookie")
		for _, attr := range []string{"__Host-en=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(cookie, attr) {
				t.Errorf("cookie %q", cookie)
			}
		}
		got := idptest.Decode[idptest.Invitation](t, r)
		if got.User.Display != "Alice Adams" || got.InvitedBy != "admin" {
			t.Errorf("%+v", got)
		}
	})
	body := h.EnrollBody(h.Challenge())
	var first idptest.Enrolled
	t.Run("finish", func(t *testing.T) {
		r := h.Call(finishPath, body)
		accepted(t, r, http.StatusCreated)
		first = idptest.Decode[idptest.Enrolled](t, r)
		if first.State != idp.DeviceActive || first.DeviceID == "" || first.ProbationUntil != 0 {
			t.Errorf("%+v", first)
		}
	})
	t.Run("the same device again", func(t *testing.T) {
		r := h.Call(finishPath, body)
		accepted(t, r, http.StatusCreated)
		if diff := cmp.Diff(first, idptest.Decode[idptest.Enrolled](t, r)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("Q15 invite twice", func(t *testing.T) {
		refused(t, i.Handset(phoneIP).Redeem(link), http.StatusGone, idp.InviteUsed)
		thief := i.Handset(phoneIP) // opened it before it was used
		thief.Cookies = maps.Clone(h.Cookies)
		refused(t, thief.Call(finishPath, thief.EnrollBody(thief.Challenge())), http.StatusGone, idp.InviteUsed)
	})
	t.Run("second device", func(t *testing.T) {
		second := i.Handset(phoneIP)
		e := second.Enroll(i.Invite(i.Alice))
		if e.State != idp.DeviceProbation || e.ProbationUntil != i.Clock.Millis().Add(24*time.Hour).Seconds() {
			t.Errorf("%+v", e)
		}
		_, c := i.Scanned(i.Browser(screenIP), second) // on probation it may sign in
		accepted(t, second.Approve(c.SID, second.Sign(c)), http.StatusOK)
	})
	t.Run("keys of another enrollment", func(t *testing.T) {
		copied := i.Handset(phoneIP)
		copied.UV, copied.Pop = h.UV, h.Pop
		accepted(t, copied.Redeem(i.Invite(i.Bob)), http.StatusOK)
		refused(t, copied.Call(finishPath, copied.EnrollBody(copied.Challenge())), http.StatusConflict, idp.AlreadyRegistered)
		halfCopied := i.Handset(phoneIP)
		halfCopied.Pop = h.Pop
		accepted(t, halfCopied.Redeem(i.Invite(i.Bob)), http.StatusOK)
		refused(t, halfCopied.Call(finishPath, halfCopied.EnrollBody(halfCopied.Challenge())), http.StatusConflict, idp.AlreadyRegistered)
	})
}

func TestEnrollTimes(t *testing.T) {
	i := idptest.New(t)
	t.Run("invite too old", func(t *testing.T) {
		link := i.Invite(i.Alice)
		i.Clock.Add(24*time.Hour - time.Millisecond)
		accepted(t, i.Handset(phoneIP).Redeem(link), http.StatusOK)
		i.Clock.Add(time.Millisecond)
		refused(t, i.Handset(phoneIP).Redeem(link), http.StatusGone, idp.InviteUsed)
	})
	t.Run("invite over while it is being used", func(t *testing.T) {
		link := i.Invite(i.Alice)
		i.Clock.Add(24*time.Hour - time.Minute)
		h := i.Handset(phoneIP)
		accepted(t, h.Redeem(link), http.StatusOK)
		body := h.EnrollBody(h.Challenge())
		i.Clock.Add(time.Minute)
		refused(t, h.Call(finishPath, body), http.StatusGone, idp.InviteUsed)
	})
	t.Run("enrollment too slow", func(t *testing.T) {
		h := i.Handset(phoneIP)
		accepted(t, h.Redeem(i.Invite(i.Alice)), http.StatusOK)
		body := h.EnrollBody(h.Challenge())
		i.Clock.Add(15 * time.Minute)
		refused(t, h.Call(finishPath, body), http.StatusGone, idp.EnrollExpired)
		refused(t, h.Call(optionsPath, map[string]string{"type": "device-key"}), http.StatusGone, idp.EnrollExpired)
	})
	t.Run("withdrawn", func(t *testing.T) {
		link := i.Invite(i.Alice)
		h := i.Handset(phoneIP)
		accepted(t, h.Redeem(link), http.StatusOK)
		body := h.EnrollBody(h.Challenge())
		withdrawAll(t, i)
		refused(t, i.Handset(phoneIP).Redeem(link), http.StatusGone, idp.InviteUsed)
		refused(t, h.Call(finishPath, body), http.StatusGone, idp.InviteUsed)
	})
	t.Run("user disabled meanwhile", func(t *testing.T) {
		link := i.Invite(i.Bob)
		h := i.Handset(phoneIP)
		accepted(t, h.Redeem(link), http.StatusOK)
		body := h.EnrollBody(h.Challenge())
		i.UpdateUser(i.Bob.ID, func(u *idp.User) { u.Disabled = true })
		refused(t, h.Call(finishPath, body), http.StatusForbidden, idp.UserInactive)
		refused(t, i.Handset(phoneIP).Redeem(link), http.StatusForbidden, idp.UserInactive)
	})
}

func withdrawAll(t *testing.T, i *idptest.IdP) {
	t.Helper()
	invites, _, err := i.Store.Invites(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, inv := range invites {
		if inv.RevokedAt = i.Clock.Millis(); inv.UsedAt == 0 {
			if err := i.Store.SaveInvite(t.Context(), &inv); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestEnrollForgeries(t *testing.T) {
	i := idptest.New(t)
	h := i.Handset(phoneIP)
	refused(t, h.Call(optionsPath, map[string]string{"type": "device-key"}), http.StatusGone, idp.EnrollExpired)
	accepted(t, h.Redeem(i.Invite(i.Alice)), http.StatusOK)
	refused(t, h.Call(finishPath, h.EnrollBody(make([]byte, 32))), http.StatusUnprocessableEntity, idp.BadChallenge) // none was asked for
	challenge := h.Challenge()
	other := i.Handset(phoneIP)
	sub := func(b map[string]any, member string) map[string]any { return b[member].(map[string]any) }
	for name, c := range map[string]struct {
		change func(b map[string]any)
		status int
		code   idp.Code
	}{
		"another challenge":    {func(b map[string]any) { maps.Copy(b, h.EnrollBody(make([]byte, 32))) }, 422, idp.BadChallenge},
		"proofs of other keys": {func(b map[string]any) { b["proofs"] = other.EnrollBody(challenge)["proofs"] }, 422, idp.BadChallenge},
		"proofs swapped": {func(b map[string]any) {
			p := sub(b, "proofs")
			p["uv"], p["pop"] = p["pop"], p["uv"]
		}, 422, idp.BadSignature},
		"one proof missing": {func(b map[string]any) { delete(sub(b, "proofs"), "pop") }, 422, idp.BadSignature},
		"one key for both": {func(b map[string]any) {
			keys, proofs, err := devicekey.SignEnroll(rand.Reader, h.UV, h.UV, challenge)
			if err != nil {
				t.Fatal(err)
			}
			b["jwks"], b["proofs"] = keys, proofs
		}, 400, idp.BadRequest},
		"private key":            {func(b map[string]any) { sub(sub(b, "jwks"), "uv")["d"] = idp.Base64.EncodeToString(make([]byte, 32)) }, 400, idp.BadRequest},
		"point not on the curve": {func(b map[string]any) { sub(sub(b, "jwks"), "uv")["y"] = idp.Base64.EncodeToString(make([]byte, 32)) }, 400, idp.BadRequest},
		"another curve":          {func(b map[string]any) { sub(sub(b, "jwks"), "pop")["crv"] = "P-384" }, 400, idp.BadRequest},
		"symmetric key":          {func(b map[string]any) { sub(sub(b, "jwks"), "pop")["kty"] = "oct" }, 400, idp.BadRequest},
		"another type":           {func(b map[string]any) { b["type"] = "webauthn" }, 422, idp.BadChallenge},
		"type that is none":      {func(b map[string]any) { b["type"] = "password" }, 422, idp.AttestationRefused},
	} {
		t.Run(name, func(t *testing.T) {
			body := h.EnrollBody(challenge)
			c.change(body)
			refused(t, h.Call(finishPath, body), c.status, c.code)
		})
	}
	if devices, err := i.Store.Devices(t.Context(), i.Alice.ID); err != nil || len(devices) != 0 {
		t.Fatalf("%d devices after forgeries, %v", len(devices), err)
	}
	t.Run("name", func(t *testing.T) { // still open to the honest; what is shown later is clean
		body := h.EnrollBody(challenge)
		body["name"] = " Ana\u202e's\u0000 phone\u200b " + strings.Repeat("x", 100)
		accepted(t, h.Call(finishPath, body), http.StatusCreated)
		devices, err := i.Store.Devices(t.Context(), i.Alice.ID)
		if err != nil || len(devices) != 1 {
			t.Fatal(devices, err)
		}
		if n := devices[0].Name; !strings.HasPrefix(n, "Ana's phone ") || len([]rune(n)) != 40 {
			t.Errorf("name %q", n)
		}
	})
	refused(t, h.Call(finishPath, h.EnrollBody(challenge), "Origin", "https://evil.test"), http.StatusForbidden, idp.CrossSite)
}

func TestInviteGuessing(t *testing.T) {
	i := idptest.New(t)
	h := i.Handset(phoneIP)
	guess := func() *http.Response { return h.Redeem("#" + idptest.RandomKey()) }
	refused(t, h.Redeem("#nonsense"), http.StatusNotFound, idp.InviteUnknown)
	for range 9 {
		refused(t, guess(), http.StatusNotFound, idp.InviteUnknown)
	}
	refused(t, guess(), http.StatusTooManyRequests, idp.SlowDown)
	link := i.Invite(i.Alice)
	refused(t, h.Redeem(link), http.StatusTooManyRequests, idp.SlowDown)
	accepted(t, i.Handset(otherIP).Redeem(link), http.StatusOK)
	i.Clock.Add(10 * time.Minute)
	accepted(t, h.Redeem(link), http.StatusOK)
}

func TestEnrollConflict(t *testing.T) {
	var armed atomic.Bool
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		return &tabletest.Faulty{Table: inner, Before: func(op string, keys []table.Key) error {
			isDevice := func(k table.Key) bool { return strings.HasPrefix(k.PK, "CRED#") }
			if op == "transact" && slices.ContainsFunc(keys, isDevice) && armed.CompareAndSwap(true, false) {
				return table.ErrConflict
			}
			return nil
		}}
	}})
	h := i.Handset(phoneIP)
	accepted(t, h.Redeem(i.Invite(i.Alice)), http.StatusOK)
	body, err := json.Marshal(h.EnrollBody(h.Challenge()))
	if err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	refused(t, h.Call(finishPath, body), http.StatusServiceUnavailable, idp.Busy)
	accepted(t, h.Call(finishPath, body), http.StatusCreated)
}
