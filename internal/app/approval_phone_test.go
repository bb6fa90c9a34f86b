package app_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func TestFrames(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	h := i.EnrolledHandset(i.Alice, phoneIP)

	t.Run("Q1 old frame", func(t *testing.T) {
		for _, c := range []struct {
			age   time.Duration
			fresh bool
		}{{0, true}, {28*time.Second - time.Millisecond, true}, {28 * time.Second, false}, {100 * time.Second, false}} {
			v := b.ShowCode()
			i.Clock.Add(c.age)
			h.NewClaim()
			if r := h.Scan(v.Frames[0].URL); c.fresh {
				accepted(t, r, http.StatusOK)
			} else {
				refused(t, r, http.StatusGone, idp.QRStale)
				if got := b.Poll(v.SID); got.Status != idp.StateCreated || got.V != v.V {
					t.Errorf("a stale frame changed the session: %+v", got)
				}
			}
		}
	})
	t.Run("Q1 frame of the future", func(t *testing.T) {
		v := b.ShowCode()
		refused(t, h.Scan(v.Frames[2].URL), http.StatusGone, idp.QRStale)
		accepted(t, h.Scan(v.Frames[1].URL), http.StatusOK)
	})
	t.Run("Q1 altered frame", func(t *testing.T) {
		var counting *tabletest.Counting
		i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
			counting = tabletest.NewCounting(inner)
			return counting
		}})
		h, b := i.EnrolledHandset(i.Alice, phoneIP), i.Browser(screenIP)
		v, other := b.ShowCode(), b.ShowCode()
		frame := idptest.Frame(v.Frames[0].URL)
		part := strings.Split(frame, ".")
		tag := func(s string) string { return strings.Join([]string{part[0], part[1], part[2], s}, ".") }
		counting.Take()
		for name, altered := range map[string]string{
			"number": strings.Join([]string{part[0], part[1], "1", part[3]}, "."),
			"sid":    strings.Join([]string{part[0], other.SID, part[2], part[3]}, "."),
			"tag":    tag(strings.Repeat("A", 16)), "no tag": tag(""), "short tag": tag(part[3][:8]),
			"lower case": strings.ToLower(frame), "version": "2" + frame[1:], "space": frame + " ", "zero": strings.Replace(frame, ".0.", ".00.", 1),
			"number out of range": strings.Replace(frame, ".0.", ".99999.", 1), "empty": ".", "long": strings.Repeat(frame, 100),
		} {
			if r := h.Scan(altered); r.StatusCode != http.StatusBadRequest || idptest.ReadProblem(t, r).Code != idp.QRInvalid {
				t.Errorf("%s: %d", name, r.StatusCode)
			}
		}
		if c := counting.Take(); c != (tabletest.Counts{}) {
			t.Errorf("forged frames reached the store: %+v", c)
		}
	})
	t.Run("Q1 screen is server data", func(t *testing.T) {
		b := i.Browser("2001:db8:1:2::3")
		v := b.ShowCode()
		h.NewClaim()
		c := h.MustScan(v.Frames[0].URL)
		want := idp.Context{
			V: 1, App: idp.ContextApp{EntityID: "https://sp-b.test", Host: "sp-b.test", Name: "SP b"},
			Browser: "Firefox 145", OS: "Windows", Place: "unknown", IP: "2001:db8:1::/48", RequestedAt: i.Clock.Millis().Seconds(),
		}
		if diff := cmp.Diff(want, c.Context); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSecondPhone(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	alice, near, far := i.EnrolledHandset(i.Alice, phoneIP), i.EnrolledHandset(i.Bob, phoneIP), i.EnrolledHandset(i.Bob, otherIP)

	t.Run("Q4 same network", func(t *testing.T) {
		v, c := i.Scanned(b, alice)
		refused(t, near.Scan(v.Frames[0].URL), http.StatusConflict, idp.AlreadyScanned)
		accepted(t, alice.Scan(v.Frames[0].URL), http.StatusOK) // the same phone again
		accepted(t, alice.Approve(c.SID, alice.Sign(c)), http.StatusOK)
	})
	t.Run("Q4 other network", func(t *testing.T) {
		v, c := i.Scanned(b, alice)
		refused(t, far.Scan(v.Frames[0].URL), http.StatusConflict, idp.Contested)
		if got := b.Poll(v.SID); got.Status != idp.StateCancelled || got.Hint != "contested" || got.Return {
			t.Errorf("%+v", got)
		}
		refused(t, alice.Approve(c.SID, alice.Sign(c)), http.StatusConflict, idp.Contested)
	})
	t.Run("Q4 an old frame contests too", func(t *testing.T) {
		v, _ := i.Scanned(b, alice)
		i.Clock.Add(100 * time.Second)
		refused(t, far.Scan(v.Frames[0].URL), http.StatusConflict, idp.Contested)
	})
	t.Run("takeover", func(t *testing.T) {
		v, c := i.Scanned(b, alice)
		old := alice.Sign(c)
		near.NewClaim()
		r := near.TakeOver(v.Frames[0].URL)
		accepted(t, r, http.StatusOK)
		taken := idptest.Decode[idptest.Claimed](t, r)
		refused(t, alice.Approve(c.SID, old), http.StatusNotFound, idp.SessionUnknown)
		refused(t, near.Approve(c.SID, old), http.StatusUnprocessableEntity, idp.BadChallenge) // the nonce is new
		third := i.EnrolledHandset(i.Alice, phoneIP)
		refused(t, third.TakeOver(v.Frames[0].URL), http.StatusConflict, idp.AlreadyScanned)
		accepted(t, near.Approve(c.SID, near.Sign(taken)), http.StatusOK)
	})
	t.Run("takeover from elsewhere", func(t *testing.T) {
		v, _ := i.Scanned(b, alice)
		refused(t, far.TakeOver(v.Frames[0].URL), http.StatusConflict, idp.Contested)
	})
	t.Run("A42", func(t *testing.T) {
		_, c := i.Scanned(b, alice)
		near.NewClaim()
		before := i.Session(c.SID)
		refused(t, near.Approve(c.SID, near.Sign(c)), http.StatusNotFound, idp.SessionUnknown)
		refused(t, near.Deny(c.SID, idp.WhyNotMe), http.StatusNotFound, idp.SessionUnknown)
		refused(t, near.Call("/v1/approvals/"+c.SID, nil), http.StatusNotFound, idp.SessionUnknown)
		refused(t, near.Call("/v1/approvals/"+c.SID+"/extend", struct{}{}), http.StatusNotFound, idp.SessionUnknown)
		if diff := cmp.Diff(before, i.Session(c.SID)); diff != "" {
			t.Errorf("her session was harmed: %s", diff)
		}
		accepted(t, alice.Approve(c.SID, alice.Sign(c)), http.StatusOK)
	})
}

func TestApprovalIsBoundToItsSession(t *testing.T) {
	t.Run("Q3", func(t *testing.T) {
		const n = 20
		i := idptest.New(t)
		h := i.EnrolledHandset(i.Alice, phoneIP)
		b := i.Browser(screenIP)
		var claims [n]idptest.Claimed
		for k := range n {
			_, claims[k] = i.Scanned(b, h)
		}
		accepts := 0
		for k := range n {
			for from := range n {
				restore(t, i, claims[k].SID, h)
				r := h.Approve(claims[k].SID, h.Sign(claims[from]))
				if ok := r.StatusCode == http.StatusOK; ok != (k == from) {
					t.Fatalf("signature for %d on %d: %d", from, k, r.StatusCode)
				} else if ok {
					accepts++
				}
			}
		}
		if accepts != n {
			t.Errorf("%d accepted", accepts)
		}
	})
	t.Run("Q3 fifth failure", func(t *testing.T) {
		i := idptest.New(t)
		h := i.EnrolledHandset(i.Alice, phoneIP)
		b := i.Browser(screenIP)
		_, other := i.Scanned(b, h)
		v, c := i.Scanned(b, h)
		for range 5 {
			refused(t, h.Approve(c.SID, h.Sign(other)), http.StatusUnprocessableEntity, idp.BadChallenge)
		}
		if got := b.Poll(v.SID); got.Status != idp.StateCancelled {
			t.Errorf("%+v", got)
		}
		refused(t, h.Approve(c.SID, h.Sign(c)), http.StatusConflict, idp.WrongState)
	})
}

// restore puts a session back to scanned without failures, held by h.
func restore(t *testing.T, i *idptest.IdP, sid string, h *idptest.Handset) {
	t.Helper()
	s := i.Session(sid)
	hash := h.Claim.Hash()
	s.ClaimHash, s.Fails, s.State = hash[:], 0, idp.StateScanned
	if err := i.Store.PutSession(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
}

func TestReplayedApproval(t *testing.T) {
	i := idptest.New(t)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	_, c := i.Scanned(i.Browser(screenIP), h)
	body, err := json.Marshal(map[string]any{"type": "device-key", "match": nil, "live": nil, "jws": h.Sign(c)})
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/approvals/" + c.SID + "/approve"
	for _, row := range []string{"A38", "Q6"} {
		t.Run(row, func(t *testing.T) {
			r := h.Call(path, body)
			accepted(t, r, http.StatusOK)
			want, after := idptest.Body(t, r), i.Session(c.SID)
			for range 1000 {
				r := h.Call(path, body)
				if got := idptest.Body(t, r); r.StatusCode != http.StatusOK || got != want {
					t.Fatalf("%d %s", r.StatusCode, got)
				}
			}
			if diff := cmp.Diff(after, i.Session(c.SID)); diff != "" {
				t.Errorf("a replay changed the session: %s", diff)
			}
			p := refused(t, h.Approve(c.SID, h.Sign(c)), http.StatusConflict, idp.WrongState) // ECDSA: other bytes
			if p.State != idp.StateApproved {
				t.Errorf("state %q", p.State)
			}
		})
	}
	n := 0
	for _, e := range i.Audit() {
		if e.Event == idp.AuditApproved {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d audit events of the approval", n)
	}
}

func TestLateApproval(t *testing.T) {
	for _, row := range []string{"A39", "Q8"} {
		t.Run(row, func(t *testing.T) {
			i := idptest.New(t)
			h := i.EnrolledHandset(i.Alice, phoneIP)
			b := i.Browser(screenIP)
			for offset, status := range map[time.Duration]int{-time.Millisecond: 200, 0: 410, time.Millisecond: 410} {
				_, c := i.Scanned(b, h)
				i.Clock.Set(i.Session(c.SID).PhoneExpiresAt.Add(offset))
				r := h.Approve(c.SID, h.Sign(c))
				if r.StatusCode != status {
					t.Errorf("at %v: %d", offset, r.StatusCode)
				}
				if status == http.StatusGone {
					refused(t, r, http.StatusGone, idp.SessionExpired)
					refused(t, h.Approve(c.SID, h.Sign(c)), http.StatusGone, idp.SessionExpired) // stays so
				}
				if i.Session(c.SID).SID == "" {
					t.Error("the item is gone: the test proves nothing")
				}
			}
		})
	}
}

func TestDeny(t *testing.T) {
	i := idptest.New(t)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	b := i.Browser(screenIP)
	for _, row := range []string{"A40", "Q9"} {
		t.Run(row, func(t *testing.T) {
			v, c := i.Scanned(b, h)
			accepted(t, h.Deny(c.SID, idp.WhyNotMe), http.StatusOK)
			refused(t, h.Approve(c.SID, h.Sign(c)), http.StatusConflict, idp.WrongState)
			accepted(t, h.Deny(c.SID, idp.WhyNotMe), http.StatusOK) // again
			if got := b.Poll(v.SID); got.Status != idp.StateDenied {
				t.Errorf("%+v", got)
			}
			events := i.Audit()
			at := len(events) - 1
			for at >= 0 && events[at].Event != idp.AuditDenied {
				at--
			}
			if at < 0 || events[at].SID != c.SID || events[at].Detail["reason"] != idp.WhyNotMe {
				t.Errorf("audit: %+v", events)
			}
		})
	}
	for _, reason := range []string{idp.WhyNotMe, idp.WhyMistake, idp.WhyWrongDetails, idp.WhyOther} {
		_, c := i.Scanned(b, h)
		accepted(t, h.Deny(c.SID, reason), http.StatusOK)
		if got := i.Session(c.SID).Why; got != reason {
			t.Errorf("reason %q kept as %q", reason, got)
		}
	}
	_, c := i.Scanned(b, h)
	refused(t, h.Deny(c.SID, "contested"), http.StatusBadRequest, idp.BadRequest)
	if s := i.Session(c.SID); s.State != idp.StateScanned {
		t.Errorf("a reason that is none ended the session: %s", s.State)
	}
}

func TestForgedApproval(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	stranger := i.Handset(phoneIP)
	enc := idp.Base64.EncodeToString
	kid := h.DeviceID
	vectors := map[string]struct {
		jws    func(c idptest.Claimed, text []byte, sig string) string
		status int
		code   idp.Code
	}{
		"alg none": {func(_ idptest.Claimed, text []byte, sig string) string {
			return enc([]byte(`{"alg":"none","typ":"latchkey-approval+jws","kid":"`+kid+`"}`)) + "." + enc(text) + "." + sig
		}, 422, idp.BadSignature},
		"alg none, no signature": {func(_ idptest.Claimed, text []byte, _ string) string {
			return enc([]byte(`{"alg":"none","typ":"latchkey-approval+jws","kid":"`+kid+`"}`)) + "." + enc(text) + "."
		}, 422, idp.BadSignature},
		"HS256": {func(_ idptest.Claimed, text []byte, sig string) string {
			return enc([]byte(`{"alg":"HS256","typ":"latchkey-approval+jws","kid":"`+kid+`"}`)) + "." + enc(text) + "." + sig
		}, 422, idp.BadSignature},
		"extra header member": {func(_ idptest.Claimed, text []byte, sig string) string {
			return enc([]byte(`{"alg":"ES256","typ":"latchkey-approval+jws","kid":"`+kid+`","jwk":{}}`)) + "." + enc(text) + "." + sig
		}, 422, idp.BadSignature},
		"crit": {func(_ idptest.Claimed, text []byte, sig string) string {
			return enc([]byte(`{"alg":"ES256","typ":"latchkey-approval+jws","kid":"`+kid+`","crit":"b64"}`)) + "." + enc(text) + "." + sig
		}, 422, idp.BadSignature},
		"twice alg": {func(_ idptest.Claimed, text []byte, sig string) string {
			return enc([]byte(`{"alg":"none","alg":"ES256","typ":"latchkey-approval+jws","kid":"`+kid+`"}`)) + "." + enc(text) + "." + sig
		}, 422, idp.BadSignature},
		"another type": {func(_ idptest.Claimed, text []byte, sig string) string {
			return enc([]byte(`{"alg":"ES256","typ":"latchkey-proof+jws","kid":"`+kid+`"}`)) + "." + enc(text) + "." + sig
		}, 422, idp.BadSignature},
		"pop key": {func(c idptest.Claimed, _ []byte, _ string) string { return h.SignText(h.Pop, c.ToSign()) }, 422, idp.UVRequired},
		"zero signature": {func(c idptest.Claimed, _ []byte, _ string) string {
			jws := h.Sign(c)
			return jws[:strings.LastIndex(jws, ".")+1] + enc(make([]byte, 64))
		}, 422, idp.BadSignature},
		"another session's signature": {func(c idptest.Claimed, _ []byte, sig string) string {
			jws := h.Sign(c)
			return jws[:strings.LastIndex(jws, ".")+1] + sig
		}, 422, idp.BadSignature},
		"another app": {func(c idptest.Claimed, _ []byte, _ string) string {
			text := c.ToSign()
			text.SP = "https://sp-a.test"
			return h.SignText(h.UV, text)
		}, 422, idp.BadChallenge},
		"another context": {func(c idptest.Claimed, _ []byte, _ string) string {
			c.Context.App.Name = "Payroll"
			return h.Sign(c)
		}, 422, idp.BadChallenge},
		"another decision": {func(c idptest.Claimed, _ []byte, _ string) string {
			text := c.ToSign()
			text.Decision = "deny"
			return h.SignText(h.UV, text)
		}, 422, idp.BadChallenge},
		"unknown credential": {func(c idptest.Claimed, _ []byte, _ string) string { return stranger.Sign(c) }, 404, idp.CredentialUnknown},
		"garbage":            {func(idptest.Claimed, []byte, string) string { return "garbage" }, 422, idp.BadSignature},
		"padding":            {func(c idptest.Claimed, _ []byte, _ string) string { return h.Sign(c) + "=" }, 422, idp.BadSignature},
		"line break":         {func(c idptest.Claimed, _ []byte, _ string) string { return h.Sign(c) + "\n" }, 422, idp.BadSignature},
	}
	for _, row := range []string{"A45", "Q14"} {
		t.Run(row, func(t *testing.T) {
			_, other := i.Scanned(b, h)
			otherJWS := h.Sign(other)
			sig := otherJWS[strings.LastIndex(otherJWS, ".")+1:]
			for name, v := range vectors {
				t.Run(name, func(t *testing.T) {
					i.Clock.Add(5 * time.Second) // within what an address may create
					_, c := i.Scanned(b, h)
					text, err := c.ToSign().Bytes()
					if err != nil {
						t.Fatal(err)
					}
					p := refused(t, h.Approve(c.SID, v.jws(c, text, sig)), v.status, v.code)
					if strings.Contains(p.Detail, "alg") || strings.Contains(p.Detail, "kid") {
						t.Errorf("details are told: %q", p.Detail)
					}
					if s := i.Session(c.SID); s.State != idp.StateScanned || s.UserID != "" {
						t.Errorf("session is %s of %q", s.State, s.UserID)
					}
				})
			}
		})
	}
	t.Run("a number nobody asked for", func(t *testing.T) {
		_, c := i.Scanned(b, h)
		refused(t, h.Call("/v1/approvals/"+c.SID+"/approve", map[string]any{"type": "device-key", "match": "482915", "jws": h.Sign(c)}),
			http.StatusUnprocessableEntity, idp.BadChallenge)
	})
}

func TestUserCode(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	show := func(v idptest.View) string {
		t.Helper()
		r := b.API(sessions+v.SID+"/user-code", struct{}{})
		accepted(t, r, http.StatusCreated)
		code := idptest.Decode[map[string]string](t, r)
		if code["verification_uri"] != idptest.Base+"/m" {
			t.Errorf("%v", code)
		}
		return code["user_code"]
	}
	v := b.ShowCode()
	one, two := show(v), ""
	t.Run("a new one voids the former", func(t *testing.T) {
		two = show(v)
		refused(t, h.TypeCode(one), http.StatusBadRequest, idp.QRInvalid)
	})
	t.Run("at most 3", func(t *testing.T) {
		two = show(v)
		refused(t, b.API(sessions+v.SID+"/user-code", struct{}{}), http.StatusConflict, idp.WrongState)
		if got := b.Poll(v.SID); got.Hint != "code_shown" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("claim", func(t *testing.T) {
		r := h.TypeCode(" " + strings.ToLower(strings.Replace(two, "-", " ", 1)) + " ")
		accepted(t, r, http.StatusOK)
		c := idptest.Decode[idptest.Claimed](t, r)
		if c.SID != v.SID {
			t.Fatalf("claimed %s", c.SID)
		}
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
	})
	t.Run("code of another's session contests it", func(t *testing.T) {
		v := b.ShowCode()
		code := show(v)
		h.NewClaim()
		accepted(t, h.TypeCode(code), http.StatusOK)
		refused(t, i.EnrolledHandset(i.Bob, otherIP).TypeCode(code), http.StatusConflict, idp.Contested)
	})
}

func TestCodeGuessing(t *testing.T) {
	for _, row := range []string{"A47", "Q16"} {
		t.Run(row, func(t *testing.T) {
			i := idptest.New(t)
			b := i.Browser(screenIP)
			h := i.EnrolledHandset(i.Alice, phoneIP)
			v := b.ShowCode()
			right := idptest.Decode[map[string]string](t, b.API(sessions+v.SID+"/user-code", struct{}{}))["user_code"]
			for range 10 {
				refused(t, h.TypeCode("BBBB-BBBB"), http.StatusBadRequest, idp.QRInvalid)
			}
			r := h.TypeCode(right)
			if r.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			refused(t, r, http.StatusTooManyRequests, idp.SlowDown)
			elsewhere := i.EnrolledHandset(i.Alice, otherIP) // nobody is locked out by another's guesses
			accepted(t, elsewhere.TypeCode(right), http.StatusOK)
			i.Clock.Add(10 * time.Minute)
			refused(t, h.TypeCode("BBBB-BBBB"), http.StatusBadRequest, idp.QRInvalid)
		})
	}
	t.Run("Q16 right codes cost nothing", func(t *testing.T) {
		i := idptest.New(t)
		h := i.EnrolledHandset(i.Alice, phoneIP)
		b := i.Browser(screenIP)
		for range 15 {
			v := b.ShowCode()
			code := idptest.Decode[map[string]string](t, b.API(sessions+v.SID+"/user-code", struct{}{}))["user_code"]
			h.NewClaim()
			accepted(t, h.TypeCode(code), http.StatusOK)
		}
	})
	t.Run("Q16 in parallel", func(t *testing.T) {
		var lookups atomic.Int64
		i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
			return &tabletest.Faulty{Table: inner, Before: func(op string, keys []table.Key) error {
				if op == "get" && strings.HasPrefix(keys[0].PK, "CODE#") {
					lookups.Add(1)
				}
				return nil
			}}
		}})
		var all sync.WaitGroup
		for range 100 {
			h := i.Handset(phoneIP)
			all.Go(func() { h.TypeCode("BBBB-BBBB") })
		}
		all.Wait()
		if n := lookups.Load(); n == 0 || n > 10 {
			t.Errorf("%d of 100 guesses were evaluated", n)
		}
	})
}

func TestRefusedClaimsAreLimited(t *testing.T) {
	var counting *tabletest.Counting
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		counting = tabletest.NewCounting(inner)
		return counting
	}})
	b := i.Browser(screenIP)
	v := b.ShowCode()
	h := i.EnrolledHandset(i.Alice, phoneIP)
	i.Clock.Add(time.Minute)
	for range 20 {
		refused(t, h.Scan(v.Frames[0].URL), http.StatusGone, idp.QRStale)
	}
	refused(t, h.Scan(v.Frames[0].URL), http.StatusTooManyRequests, idp.SlowDown)
	counting.Take()
	for range 100 {
		refused(t, h.Scan(v.Frames[0].URL), http.StatusTooManyRequests, idp.SlowDown)
	}
	if c := counting.Take(); c.WriteRequests != 0 {
		t.Errorf("100 refused claims cost %+v", c)
	}
	i.Clock.Add(5 * time.Minute)
	accepted(t, h.Scan(b.ShowCode().Frames[0].URL), http.StatusOK)
}

func TestPhoneCallsAreStrict(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	v := b.ShowCode()
	frame := idptest.Frame(v.Frames[0].URL)
	refused(t, h.Call("/v1/approvals/claim", map[string]string{}), http.StatusBadRequest, idp.BadRequest)
	refused(t, h.Call("/v1/approvals/claim", map[string]string{"frame": frame, "user_code": "BCDF-GHJK"}), http.StatusBadRequest, idp.BadRequest)
	refused(t, h.Call("/v1/approvals/claim", map[string]string{"frame": frame}, "Authorization", ""), http.StatusBadRequest, idp.BadRequest)
	refused(t, h.Call("/v1/approvals/claim", map[string]string{"frame": frame}, "Authorization", "Claim short"), http.StatusBadRequest, idp.BadRequest)
	refused(t, h.Call("/v1/approvals/claim", map[string]string{"frame": frame}, "X-Requested-By", ""), http.StatusForbidden, idp.CrossSite)
	refused(t, h.Call("/v1/approvals/claim", map[string]string{"frame": frame}, "Origin", "https://evil.test"), http.StatusForbidden, idp.CrossSite)
	refused(t, h.Call("/v1/approvals/claim", bytes.Repeat([]byte("x"), 33<<10)), http.StatusRequestEntityTooLarge, idp.TooLarge)
	c := h.MustScan(frame)
	refused(t, h.Call("/v1/approvals/"+c.SID+"/approve", map[string]string{"type": "webauthn", "jws": h.Sign(c)}), http.StatusBadRequest, idp.BadRequest)
	got := idptest.Decode[idptest.Claimed](t, h.Call("/v1/approvals/"+c.SID, nil))
	if diff := cmp.Diff(c, got); diff != "" {
		t.Errorf("the claim's answer again: %s", diff)
	}
}
