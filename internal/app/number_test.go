package app_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func numbered(t *testing.T) (*idptest.IdP, *idptest.Browser, *idptest.Handset) {
	t.Helper()
	i := idptest.New(t)
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.QRNumber = true })
	return i, i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
}

func TestNumberMatching(t *testing.T) {
	t.Run("T11 the number that the screen shows", func(t *testing.T) {
		i, b, h := numbered(t)
		v, c := i.Scanned(b, h)
		if v.Match != nil {
			t.Error("the number is shown before the scan")
		}
		if c.Requires.Match == nil || *c.Requires.Match != 6 {
			t.Fatalf("the phone is asked for %v digits", c.Requires.Match)
		}
		shown := b.Poll(v.SID).Match
		if shown == nil || len(*shown) != 6 {
			t.Fatalf("the screen shows %v", shown)
		}
		accepted(t, h.ApproveNumber(c, *shown), http.StatusOK)
		if after := b.Poll(v.SID); after.Status != idp.StateApproved || after.Match != nil {
			t.Errorf("view %+v", after)
		}
		assertionID(t, b.Finish(v.SID, idptest.RandomKey()))
	})
	t.Run("T11 without the number nobody is signed in", func(t *testing.T) {
		i, b, h := numbered(t)
		v, c := i.Scanned(b, h)
		for _, left := range []string{"2 tries", "1 tries", "0 tries"} {
			p := idptest.ReadProblem(t, h.Approve(c.SID, h.Sign(c)))
			if p.Code != idp.NumberMismatch || p.Detail != "The numbers do not match. "+left+" left." {
				t.Errorf("%s %q", p.Code, p.Detail)
			}
		}
		if after := b.Poll(v.SID); after.Status != idp.StateDenied || after.Hint != "number_mismatch" {
			t.Errorf("view %+v", after)
		}
		if p := idptest.ReadProblem(t, h.ApproveNumber(c, i.Session(v.SID).Number)); p.Code != idp.WrongState {
			t.Errorf("the right number afterwards: %s", p.Code)
		}
		if d, err := i.Store.Device(context.Background(), h.DeviceID); err != nil || d.LastUsedAt != 0 {
			t.Errorf("a wrong number counts as a use: %+v, %v", d, err)
		}
		events := map[string]int{}
		for _, e := range i.Audit() {
			events[e.Event]++
		}
		if events[idp.AuditNumberMismatch] != 3 || events[idp.AuditDenied] != 1 || events[idp.AuditApproved] != 0 {
			t.Errorf("audit %v", events)
		}
	})
	t.Run("a signature for another number, or none asked for", func(t *testing.T) {
		i, b, h := numbered(t)
		v, c := i.Scanned(b, h)
		right := i.Session(v.SID).Number
		other := c.ToSign()
		other.Match = "000000"
		body := map[string]any{"type": "device-key", "match": right, "jws": h.SignText(h.UV, other)}
		if p := idptest.ReadProblem(t, h.Call("/v1/approvals/"+c.SID+"/approve", body)); p.Code != idp.BadChallenge && p.Code != idp.BadSignature {
			t.Errorf("the number is not what was signed: %s", p.Code)
		}
		i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.QRNumber = false })
		i.Clock.Add(time.Minute)
		_, c = i.Scanned(i.Browser(screenIP), h)
		if p := idptest.ReadProblem(t, h.ApproveNumber(c, right)); p.Code != idp.BadChallenge {
			t.Errorf("a number that nobody asked for: %s", p.Code)
		}
	})
	t.Run("Q16 wrong numbers of one person are limited, whatever the session", func(t *testing.T) {
		i, _, h := numbered(t)
		refused := 0
		for range 5 {
			_, c := i.Scanned(i.Browser(screenIP), h)
			for range 3 {
				if p := idptest.ReadProblem(t, h.ApproveNumber(c, "000001")); p.Code == idp.SlowDown {
					refused++
				}
			}
		}
		if refused == 0 {
			t.Error("15 wrong numbers in an hour were all judged")
		}
	})
	t.Run("the software phone types it", func(t *testing.T) {
		i, b, _ := numbered(t)
		p := i.Phone(i.Bob, phoneIP)
		v := b.ShowCode()
		req, err := p.Claim(t.Context(), v.Frames[0].URL)
		if err != nil || req.Digits != 6 {
			t.Fatalf("%+v, %v", req, err)
		}
		req.Type(*b.Poll(v.SID).Match)
		if _, err := p.Approve(t.Context(), req); err != nil {
			t.Error(err)
		}
	})
}
