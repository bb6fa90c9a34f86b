package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const spB = "https://sp-b.test"

// assertionID is that of the message in a page.
func assertionID(t testing.TB, r *http.Response) string {
	t.Helper()
	m := regexp.MustCompile(`Assertion [^>]*\bID="([^"]+)"`).FindSubmatch(idptest.ReadPost(t, r).SAMLResponse)
	if m == nil {
		t.Fatal("no assertion")
	}
	return string(m[1])
}

// revoke removes a phone as an administrator does.
func revoke(t testing.TB, i *idptest.IdP, u *idp.User, device string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, idptest.Base+"/v1/admin/users/"+u.ID+"/devices/"+device+"/revoke", nil)
	r.Header.Set("Authorization", "Bearer "+idptest.AdminToken)
	r.Header.Set("X-Requested-By", "latchkey")
	if resp := i.Serve(r, "192.0.2.1"); resp.StatusCode/100 != 2 {
		t.Fatalf("revoke: %d %s", resp.StatusCode, idptest.Body(t, resp))
	}
}

func TestFinishOnce(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	t.Run("Q12", func(t *testing.T) {
		v, _ := i.Approved(b, h)
		key := idptest.RandomKey()
		id := assertionID(t, b.Finish(v.SID, key))
		secret := b.Cookies["__Host-ss"]
		if secret == "" {
			t.Error("no SSO session")
		}
		i.Clock.Add(15*time.Second - time.Millisecond)
		if again := assertionID(t, b.Finish(v.SID, key)); again != id {
			t.Errorf("repeat has assertion %s, the first %s", again, id)
		}
		if b.Cookies["__Host-ss"] == secret {
			t.Error("a repeat did not replace the SSO secret")
		}
		pageRefused(t, i, b.Finish(v.SID, idptest.RandomKey()), http.StatusConflict, idp.WrongState) // another tab
		other := i.Browser(screenIP)
		other.ShowCode()
		pageRefused(t, i, other.Finish(v.SID, key), http.StatusForbidden, idp.NotYourBrowser)
		i.Clock.Add(time.Millisecond)
		pageRefused(t, i, b.Finish(v.SID, key), http.StatusConflict, idp.WrongState)
		refused(t, b.API(sessions+v.SID+"/cancel", struct{}{}), http.StatusConflict, idp.WrongState)
	})
	t.Run("Q12 two tabs", func(t *testing.T) { // of one login: the older tab's session is not the current one
		location := b.StartLogin(nil)
		one := b.Login(location)
		c := h.MustScan(one.Frames[0].URL)
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		i.Clock.Add(2 * time.Second)
		two := b.Login(location)
		pageRefused(t, i, b.Finish(one.SID, idptest.RandomKey()), http.StatusConflict, idp.WrongState)
		h.NewClaim()
		c = h.MustScan(two.Frames[0].URL)
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		assertionID(t, b.Finish(two.SID, idptest.RandomKey()))
	})
	t.Run("too early", func(t *testing.T) {
		v := b.ShowCode()
		pageRefused(t, i, b.Finish(v.SID, idptest.RandomKey()), http.StatusConflict, idp.WrongState)
	})
	t.Run("too late", func(t *testing.T) {
		v, _ := i.Approved(b, h)
		i.Clock.Add(60 * time.Second)
		pageRefused(t, i, b.Finish(v.SID, idptest.RandomKey()), http.StatusGone, idp.SessionExpired)
		if got := b.Poll(v.SID).Status; got != idp.StateExpired {
			t.Errorf("state %s", got)
		}
	})
	t.Run("from another site", func(t *testing.T) {
		v, _ := i.Approved(b, h)
		form := url.Values{"sid": {v.SID}, "finish_key": {idptest.RandomKey()}}
		pageRefused(t, i, b.PostFrom("https://evil.test", "/login/finish", []byte(form.Encode())), http.StatusForbidden, idp.CrossSite)
	})
}

func TestChecksBetweenApprovalAndFinish(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*testing.T, *idptest.IdP, *idptest.Handset)
		code   idp.Code
	}{
		{"Q17 revoked", func(t *testing.T, i *idptest.IdP, h *idptest.Handset) { revoke(t, i, i.Alice, h.DeviceID) }, idp.CredentialRevoked},
		{"user inactive", func(_ *testing.T, i *idptest.IdP, _ *idptest.Handset) {
			i.UpdateUser(i.Alice.ID, func(u *idp.User) { u.Disabled = true })
		}, idp.UserInactive},
		{"app not assigned", func(_ *testing.T, i *idptest.IdP, _ *idptest.Handset) {
			i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Access = []string{"user:bob@example.com"} })
		}, idp.AppNotAssigned},
		{"app disabled", func(_ *testing.T, i *idptest.IdP, _ *idptest.Handset) {
			i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Disabled = true })
		}, idp.AppDisabled},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := idptest.New(t)
			b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
			approvedView, _ := i.Approved(b, h)
			finished, _ := i.Approved(b, h)
			key := idptest.RandomKey()
			assertionID(t, b.Finish(finished.SID, key))
			_, pending := i.Scanned(b, h)
			signs := i.Key.Signs()
			c.change(t, i, h)
			pageRefused(t, i, b.Finish(approvedView.SID, idptest.RandomKey()), http.StatusForbidden, c.code)
			pageRefused(t, i, b.Finish(finished.SID, key), http.StatusForbidden, c.code) // nor as a repeat
			refused(t, h.Approve(pending.SID, h.Sign(pending)), http.StatusForbidden, c.code)
			if i.Key.Signs() != signs {
				t.Error("something was signed")
			}
		})
	}
}

func TestAppChangesMeanwhile(t *testing.T) {
	i := idptest.New(t)
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	t.Run("Q22 renamed", func(t *testing.T) {
		v, c := i.Scanned(b, h)
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Name = "Another name" })
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK) // what was shown is what was signed
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Name = "SP b" })
		if posted := idptest.ReadPost(t, b.Finish(v.SID, idptest.RandomKey())); posted.ACS != spB+"/acs" {
			t.Errorf("posted to %s", posted.ACS)
		}
	})
	t.Run("Q22", func(t *testing.T) { // ACS removed between scan and finish
		v, c := i.Scanned(b, h)
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		signs := i.Key.Signs()
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.ACS[0].Location = spB + "/other" })
		pageRefused(t, i, b.Finish(v.SID, idptest.RandomKey()), http.StatusForbidden, idp.AppDisabled)
		form := url.Values{"sid": {v.SID}, "finish_key": {idptest.RandomKey()}, "decline": {"1"}}
		pageRefused(t, i, b.PostForm("/login/finish", form), http.StatusForbidden, idp.AppDisabled)
		if i.Key.Signs() != signs {
			t.Error("something was signed")
		}
	})
}

func TestSubjectOfTheRequest(t *testing.T) {
	t.Run("Q4 another person", func(t *testing.T) {
		i := idptest.New(t)
		b, alice, bob := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP), i.EnrolledHandset(i.Bob, phoneIP)
		about := func() idptest.View {
			return b.Login(b.StartLogin(func(r *samltest.Request) {
				r.Children = `<saml:Subject><saml:NameID Format="` + idp.NameIDEmail + `">alice@example.com</saml:NameID></saml:Subject>`
			}))
		}
		v := about()
		c := bob.MustScan(v.Frames[0].URL)
		refused(t, bob.Approve(c.SID, bob.Sign(c)), http.StatusForbidden, idp.UserMismatch)
		v = about()
		c = alice.MustScan(v.Frames[0].URL)
		accepted(t, alice.Approve(c.SID, alice.Sign(c)), http.StatusOK)
		assertionID(t, b.Finish(v.SID, idptest.RandomKey()))
	})
}

func TestDeclined(t *testing.T) {
	i := idptest.New(t)
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	decline := func(sid string) *http.Response {
		return b.PostForm("/login/finish", url.Values{"sid": {sid}, "finish_key": {idptest.RandomKey()}, "decline": {"1"}})
	}
	told := func(t *testing.T, r *http.Response, status string) {
		t.Helper()
		posted := idptest.ReadPost(t, r)
		xml := string(posted.SAMLResponse)
		if posted.ACS != spB+"/acs" || !strings.Contains(xml, "status:Responder") || !strings.Contains(xml, "status:"+status) || strings.Contains(xml, "Assertion ") {
			t.Errorf("to %s: %s", posted.ACS, xml)
		}
	}
	t.Run("denied on the phone", func(t *testing.T) {
		v, c := i.Scanned(b, h)
		accepted(t, h.Deny(c.SID, idp.WhyNotMe), http.StatusOK)
		told(t, b.Finish(v.SID, idptest.RandomKey()), "AuthnFailed")
	})
	t.Run("cancelled on the screen", func(t *testing.T) {
		v := b.ShowCode()
		accepted(t, b.API(sessions+v.SID+"/cancel", struct{}{}), http.StatusOK)
		told(t, b.Finish(v.SID, idptest.RandomKey()), "RequestDenied")
	})
	t.Run("gave up", func(t *testing.T) {
		v := b.ShowCode()
		told(t, decline(v.SID), "RequestDenied")
		if got := b.Poll(v.SID).Status; got != idp.StateCancelled {
			t.Errorf("state %s", got)
		}
	})
	t.Run("refused at the end", func(t *testing.T) {
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Access = []string{"user:bob@example.com"} })
		defer i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Access = nil })
		bob := i.EnrolledHandset(i.Bob, phoneIP)
		v, _ := i.Approved(b, bob)
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Access = []string{"user:alice@example.com"} })
		told(t, decline(v.SID), "AuthnFailed")
	})
	t.Run("by another browser", func(t *testing.T) {
		v := b.ShowCode()
		other := i.Browser(screenIP)
		other.ShowCode()
		pageRefused(t, i, other.PostForm("/login/finish", url.Values{"sid": {v.SID}, "finish_key": {idptest.RandomKey()}, "decline": {"1"}}),
			http.StatusForbidden, idp.NotYourBrowser)
		if got := b.Poll(v.SID).Status; got != idp.StateCreated {
			t.Errorf("state %s", got)
		}
	})
	t.Run("contested is no answer to the SP", func(t *testing.T) {
		v, _ := i.Scanned(b, h)
		refused(t, i.EnrolledHandset(i.Bob, otherIP).Scan(v.Frames[0].URL), http.StatusConflict, idp.Contested)
		r := b.Finish(v.SID, idptest.RandomKey())
		if body := idptest.Body(t, r); r.StatusCode != http.StatusConflict || strings.Contains(body, "SAMLResponse") {
			t.Errorf("%d %s", r.StatusCode, body)
		}
	})
}

func TestContinueAs(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser(screenIP)
	v, _ := i.Approved(b, i.EnrolledHandset(i.Bob, phoneIP))
	got := b.Poll(v.SID)
	if got.Hint != "confirm_user" || got.ContinueAs == nil || *got.ContinueAs != "B... B..." {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(struct{ Name, Host string }{"SP b", "sp-b.test"}, got.App); diff != "" {
		t.Error(diff)
	}
}
