package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestAuditTrail goes through everything that M1 records (approval-protocol.md
// 10) and looks for the events, for what they must say and must not hold.
func TestAuditTrail(t *testing.T) {
	i := idptest.New(t)
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	link := i.Invite(i.Bob)
	bob := i.Handset(phoneIP)
	bob.Enroll(link)
	secrets := []string{strings.TrimPrefix(link, idptest.Base+"/e#")}

	v, c := i.Scanned(b, h)
	secrets = append(secrets, h.Claim.Reveal(), v.Frames[0].URL, c.Text.Nonce)
	refused(t, h.Approve(c.SID, h.SignText(h.Pop, c.ToSign())), http.StatusUnprocessableEntity, idp.UVRequired)
	jws := h.Sign(c)
	accepted(t, h.Approve(c.SID, jws), http.StatusOK)
	other := i.Browser(screenIP)
	other.ShowCode()
	pageRefused(t, i, other.Finish(v.SID, idptest.RandomKey()), http.StatusForbidden, idp.NotYourBrowser)
	key := idptest.RandomKey()
	assertion := assertionID(t, b.Finish(v.SID, key))
	secrets = append(secrets, jws, key, b.Cookies["__Host-bs"], b.Cookies["__Host-ss"])

	_, denied := i.Scanned(b, h)
	accepted(t, h.Deny(denied.SID, idp.WhyWrongDetails), http.StatusOK)
	contested, _ := i.Scanned(b, h)
	refused(t, i.Handset(otherIP).Scan(contested.Frames[0].URL), http.StatusConflict, idp.Contested)
	cancelled := b.ShowCode()
	accepted(t, b.API(sessions+cancelled.SID+"/cancel", struct{}{}), http.StatusOK)
	stale := b.ShowCode()
	code := idptest.Decode[map[string]string](t, b.API(sessions+stale.SID+"/user-code", struct{}{}))["user_code"]
	secrets = append(secrets, code, strings.ReplaceAll(code, "-", ""))
	i.Clock.Add(time.Minute)
	refused(t, h.Scan(stale.Frames[0].URL), http.StatusGone, idp.QRStale)
	late, _ := i.Approved(b, h)
	i.Clock.Add(3 * time.Minute)
	pageRefused(t, i, b.Finish(late.SID, idptest.RandomKey()), http.StatusGone, idp.SessionExpired)
	refused(t, b.API(sessions+stale.SID+"/cancel", struct{}{}), http.StatusGone, idp.SessionExpired)
	for range 10 {
		refused(t, bob.TypeCode("BBBB-BBBB"), http.StatusBadRequest, idp.QRInvalid)
	}
	refused(t, bob.TypeCode("BBBB-BBBB"), http.StatusTooManyRequests, idp.SlowDown)
	flood := i.Browser(otherIP)
	accepted(t, flood.Get(flood.StartLogin(nil)), http.StatusOK)
	for range 31 {
		flood.Create(idp.Base32.EncodeToString(make([]byte, 16)), idptest.RandomKey())
	}
	signOut(t, i, i.Alice)

	events := i.Audit()
	find := func(t *testing.T, name, detail, value string) idp.AuditEvent {
		t.Helper()
		at := slices.IndexFunc(events, func(e idp.AuditEvent) bool {
			return e.Event == name && (detail == "" || e.Detail[detail] == value)
		})
		if at < 0 {
			t.Fatalf("no event %s with %s=%s", name, detail, value)
		}
		return events[at]
	}
	for _, want := range []struct{ event, detail, value string }{
		{"authn.request.received", "", ""}, {"login.session.created", "", ""}, {"login.qr.scanned", "", ""},
		{"login.approve_failed", "code", "uv_required"}, {"login.approved", "acr", idp.ACRQR},
		{"login.finish_rejected", "reason", "not_your_browser"}, {"login.finish_rejected", "reason", "session_expired"},
		{"login.finished", "assertion_id", assertion}, {"login.denied", "reason", "wrong_details"},
		{"login.session.contested", "reason", "contested"}, {"login.session.cancelled", "reason", "browser"},
		{"login.session.expired", "", ""}, {"login.qr.scan_rejected", "reason", "stale"},
		{"login.qr.scan_rejected", "reason", "invalid"}, {"login.qr.scan_rejected", "reason", "rate"},
		{"rate.limited", "limit", "create"}, {"user.sessions_revoked", "", ""},
		{"invite.opened", "", ""}, {"invite.used", "", ""}, {"device.enrolled", "binding", "invite"},
	} {
		t.Run(strings.Trim(want.event+" "+want.value, " "), func(t *testing.T) { find(t, want.event, want.detail, want.value) })
	}

	t.Run("who, where, what", func(t *testing.T) {
		e := find(t, "login.finished", "", "")
		if e.UserID != i.Alice.ID || e.SID != v.SID || e.SP != spB || e.Cred != h.DeviceID || e.IP != screenIP || e.Outcome != "issued" ||
			e.Detail["acr"] == "" || e.Detail["amr"] != "pop user mfa" || e.Detail["session_index"] == "" {
			t.Errorf("%+v", e)
		}
		if e := find(t, "login.approved", "", ""); e.UserID != i.Alice.ID || e.IP != phoneIP || e.Device == "" {
			t.Errorf("%+v", e)
		}
		if e := find(t, "login.session.created", "", ""); e.UA != "Firefox 145 on Windows" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("no secrets", func(t *testing.T) {
		raw, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"audit": string(raw), "log": i.Log.String()} {
			for _, secret := range secrets {
				if len(secret) < 8 || strings.Contains(text, secret) {
					t.Errorf("the %s holds the secret %q", name, secret)
				}
			}
			if m := regexp.MustCompile(`#1\.[A-Z2-7]{26}\.|eyJ[A-Za-z0-9_-]{20}`).FindString(text); m != "" {
				t.Errorf("the %s holds %q", name, m)
			}
		}
	})
	t.Run("in order", func(t *testing.T) {
		if !slices.IsSortedFunc(events, func(a, b idp.AuditEvent) int { return strings.Compare(a.ID, b.ID) }) {
			t.Error("ids are not in the order of time")
		}
	})
}

// signOut ends a user's sessions as an administrator does.
func signOut(t testing.TB, i *idptest.IdP, u *idp.User) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, idptest.Base+"/v1/admin/users/"+u.ID+"/signout", nil)
	r.Header.Set("Authorization", "Bearer "+idptest.AdminToken)
	r.Header.Set("X-Requested-By", "latchkey")
	if resp := i.Serve(r, "192.0.2.1"); resp.StatusCode/100 != 2 {
		t.Fatalf("sign out: %d %s", resp.StatusCode, idptest.Body(t, resp))
	}
}
