package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// approveAndReturn approves as an app does that leads back to the browser.
func approveAndReturn(t *testing.T, h *idptest.Handset, c idptest.Claimed) (to string, call func() string) {
	t.Helper()
	body := map[string]any{"type": devicekey.Type, "jws": h.Sign(c), "return": true}
	call = func() string {
		t.Helper()
		resp := h.Call("/v1/approvals/"+c.SID+"/approve", body)
		accepted(t, resp, http.StatusOK)
		return idptest.Decode[struct {
			ReturnTo string `json:"return_to"`
		}](t, resp).ReturnTo
	}
	return call(), call
}

func TestReturnToTheSamePhone(t *testing.T) {
	i := idptest.New(t)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	b := i.Browser(phoneIP)
	v, c := i.Scanned(b, h)
	to, again := approveAndReturn(t, h, c)
	if !strings.HasPrefix(to, idptest.Base+"/login/return?sid="+v.SID+"&rn=") {
		t.Fatalf("return_to %q", to)
	}
	if second := again(); second != to {
		t.Errorf("Q6 repeated: %s, first %s", second, to)
	}
	strangers := map[string]*idptest.Browser{"another browser": i.Browser(phoneIP), "a browser with a sign-in of its own": i.Browser(phoneIP)}
	own := strangers["a browser with a sign-in of its own"]
	own.Get(own.StartLogin(nil))
	for name, other := range strangers {
		t.Run("Q19 "+name+" is sent back to the first", func(t *testing.T) {
			resp := other.Get(to)
			accepted(t, resp, http.StatusOK)
			page := see(t, resp)
			if page.texts["h1"] != "Approved" || page.texts["words"] != "Go back to the browser where you started." || len(page.forms) != 0 {
				t.Errorf("%q %q, forms %v", page.texts["h1"], page.texts["words"], page.forms)
			}
			if strings.Contains(page.body, "SAMLResponse") || strings.Contains(page.body, "A...e") {
				t.Errorf("tells too much: %s", page.body)
			}
			pageRefused(t, i, other.Finish(v.SID, idptest.RandomKey()), http.StatusForbidden, idp.NotYourBrowser)
		})
	}
	t.Run("Q19 the nonce has to be the phone's", func(t *testing.T) {
		for _, rn := range []string{"", "x", idptest.RandomKey(), idp.Base64.EncodeToString(i.Session(v.SID).ReturnHash[:16])} {
			pageRefused(t, i, b.Get("/login/return?sid="+v.SID+"&rn="+url.QueryEscape(rn)), http.StatusNotFound, idp.SessionUnknown)
		}
	})
	t.Run("Q19 a look changes nothing", func(t *testing.T) {
		if s := i.Session(v.SID); s.State != idp.StateApproved {
			t.Errorf("session is %s", s.State)
		}
	})
	t.Run("the browser that started goes on", func(t *testing.T) {
		page := see(t, b.Get(to))
		if page.texts["h2"] != "Continue as A...e A...?" || page.refresh != "" {
			t.Errorf("%q, reload after %q", page.texts["h2"], page.refresh)
		}
		assertion(t, page.press(b, "Continue"))
		pageRefused(t, i, b.Get(to), http.StatusConflict, idp.WrongState)
	})
	t.Run("too late", func(t *testing.T) {
		_, c := i.Scanned(b, h)
		to, _ := approveAndReturn(t, h, c)
		i.Clock.Add(login.DoneLife)
		pageRefused(t, i, b.Get(to), http.StatusGone, idp.SessionExpired)
	})
	t.Run("only who asks is led back", func(t *testing.T) {
		v, c := i.Scanned(b, h)
		if body := idptest.Body(t, h.Approve(c.SID, h.Sign(c))); !strings.Contains(body, `"return_to":null`) {
			t.Errorf("%s", body)
		}
		pageRefused(t, i, b.Get("/login/return?sid="+v.SID+"&rn="+idptest.RandomKey()), http.StatusNotFound, idp.SessionUnknown)
	})
}
