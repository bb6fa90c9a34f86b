//go:build browser

package pages_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// consentPages are questions with little and with much to send.
func consentPages(t *testing.T) map[string]pages.ConsentPage {
	t.Helper()
	few := []pages.ConsentItem{
		{Label: "How you are recognized there", Values: []string{"ana.kovac@example.com"}},
		{Label: "First name", Name: "urn:oid:2.5.4.42", Values: []string{"Ana"}},
		{Label: "Groups and roles", Name: "urn:oid:1.3.6.1.4.1.5923.1.1.1.7", Values: []string{"staff", "payroll"}},
	}
	many := append(few[:2:2], pages.ConsentItem{
		Label: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/departmentnumberandsomethingwithoutanybreak", Raw: true,
		Values: []string{"Wirtschaftsprüfungsgesellschaftsabteilungsleitung", "<b>5</b>", "\u202eevil"},
	})
	for range 12 {
		many = append(many, few[2])
	}
	all := map[string]pages.ConsentPage{"few": {Items: few}, "many": {Items: many}}
	for name, page := range all {
		page.Frame, page.AppName, page.AppHost, page.Action = pageFrame(t), "Payroll", "sp.example.org", "/login/finish"
		page.Yes, page.No = []pages.Field{{Name: "consent", Value: "x"}}, []pages.Field{{Name: "decline", Value: "consent"}}
		all[name] = page
	}
	return all
}
