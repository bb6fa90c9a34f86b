//go:build browser

package pages_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/qr"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// plainPages are the states of a sign-in without script, none of which loads
// itself again.
func plainPages(t *testing.T) map[string]pages.PlainPage {
	t.Helper()
	code, err := qr.Encode("https://id.example.com/m#1.CAIREEYUCULBOGAZDINRYHI6D4.0.4ZJEXN7EWUKY7KLD")
	if err != nil {
		t.Error(err)
	}
	all := map[string]pages.PlainPage{
		"waiting":   {State: "waiting", Code: &code, UserCode: "BCDF-GHJK", TypeAt: "id.example.com/m", Again: "/plain/waiting", Stay: "/plain/waiting?still=1", Decline: "login_page.cancel"},
		"connected": {State: "connected", Again: "/plain/connected", Decline: "login_page.cancel"},
		"number":    {State: "number", Number: "482 915", Device: "iPhone", Again: "/plain/number", Decline: "login_page.cancel"},
		"confirm":   {State: "confirm", Name: "A...n K...", Continue: true, Decline: "login.buttons.notMe"},
		"approved":  {State: "approved", Continue: true},
		"consumed":  {State: "consumed"},
		"expired":   {State: "expired", Renew: true},
		"denied":    {State: "denied", Renew: true, Decline: "login.buttons.goBack"},
		"passkey":   {State: pages.PlainPasskey},
	}
	for name, page := range all {
		page.Frame = pageFrame(t)
		page.AppName, page.AppHost, page.SID = "Payroll", "sp.example.org", "CAIREEYUCULBOGAZDINRYHI6D4"
		all[name] = page
	}
	return all
}
