package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// logoutPages is the page in each of its states, by the state's name.
func logoutPages() map[string]pages.LogoutPage {
	apps := func(outcomes ...idp.LogoutOutcome) []pages.LogoutApp {
		out := []pages.LogoutApp{{Name: "Payroll"}, {Name: "Orchard Travel"}, {Name: "Library of the Natural History Society"}}
		for i, o := range outcomes {
			out[i].Outcome = o
		}
		return out
	}
	return map[string]pages.LogoutPage{
		pages.LogoutAsk:     {State: pages.LogoutAsk, Apps: apps()},
		pages.LogoutConfirm: {State: pages.LogoutConfirm, LogoutID: "x", AppName: "Microsoft 365", Back: true, Apps: apps()},
		pages.LogoutUnder:   {State: pages.LogoutUnder, LogoutID: "x", AppName: "Payroll", Back: true, Apps: apps(idp.LogoutPending, idp.LogoutPending, idp.LogoutUntold)},
		pages.LogoutOver:    {State: pages.LogoutOver, LogoutID: "x", Apps: apps(idp.LogoutDone, idp.LogoutDone, idp.LogoutDone)},
		pages.LogoutPartial: {State: pages.LogoutPartial, LogoutID: "x", AppName: "Payroll", Back: true, Apps: apps(idp.LogoutFailed, idp.LogoutSilent, idp.LogoutLeftOpen)},
	}
}

func logout(t *testing.T, page pages.LogoutPage) *httptest.ResponseRecorder {
	t.Helper()
	p := newPages(t)
	return render(t, func(w http.ResponseWriter) error { return p.Logout(w, page) })
}

func TestLogoutPage(t *testing.T) {
	for state, page := range logoutPages() {
		t.Run(state, func(t *testing.T) {
			body := logout(t, page).Body.String()
			if n := len(elements(t, body, "form")); n > 1 {
				t.Errorf("%d things to do", n)
			}
			if page.Apps[0].Outcome != "" && !strings.Contains(body, `data-outcome="`+string(page.Apps[0].Outcome)+`"`) {
				t.Errorf("no outcome in %s", body)
			}
		})
	}
	t.Run("W2 frames go to applications only where there are some", func(t *testing.T) {
		page := logoutPages()[pages.LogoutUnder]
		if policy := logout(t, page).Header().Get("Content-Security-Policy"); strings.Contains(policy, "frame-src") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("policy %q", policy)
		}
		page.Tell = []string{"/logout/tell?l=x&n=0"}
		policy := logout(t, page).Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "; frame-src 'self' https:") || strings.Contains(policy, "http:") {
			t.Errorf("policy %q", policy)
		}
		page.Insecure = true
		if policy := logout(t, page).Header().Get("Content-Security-Policy"); !strings.Contains(policy, "http://localhost:*") {
			t.Errorf("policy %q", policy)
		}
	})
	t.Run("A44 names are shown as they are", func(t *testing.T) {
		for _, payload := range payloads {
			inert(t, logout(t, pages.LogoutPage{State: pages.LogoutConfirm, LogoutID: payload, AppName: payload, Apps: []pages.LogoutApp{{Name: payload}}}).Body.String())
		}
	})
}
