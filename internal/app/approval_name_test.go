package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestMisleadingNames: whatever an administrator was talked into entering, the
// screen and the phone show a harmless name, and the host beside it.
func TestMisleadingNames(t *testing.T) {
	i := idptest.New(t)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	b := i.Browser(screenIP)
	for name, c := range map[string]struct{ name, shown string }{
		"RTL":            {"Pay\u202erolls", "Payrolls"},
		"isolates":       {"\u2066Payroll\u2069", "Payroll"},
		"zero width":     {"Pay\u200b\u200d\ufeffroll", "Payroll"},
		"line separator": {"Payroll\u2028https://bank.example", "Payroll https://bank.example"},
		"control":        {"Pay\x07roll\r\n", "Payroll"},
		"not NFC":        {"Kova\u0063\u030c", "Kova\u010d"},
		"300 characters": {strings.Repeat("x", 300), strings.Repeat("x", 64)},
		"markup":         {`<b onclick=x>Pay</b>`, `<b onclick=x>Pay</b>`}, // text, escaped where it is shown
		"homoglyph":      {"Р\u0430yroll", "Р\u0430yroll"},                 // stays: hence the host
	} {
		t.Run("Q21 "+name, func(t *testing.T) {
			i.Clock.Add(10 * time.Second)
			rename(t, i, c.name)
			location := b.StartLogin(nil)
			page := idptest.Body(t, b.Get(location))
			if strings.Contains(page, "<b onclick") || !strings.Contains(page, "sp-b.test") {
				t.Errorf("page: %s", page)
			}
			v := b.NewCode(strings.TrimPrefix(location, "/login?l="))
			h.NewClaim()
			claimed := h.MustScan(v.Frames[0].URL)
			if v.App.Name != c.shown || claimed.Context.App.Name != c.shown {
				t.Errorf("screen %q, phone %q, want %q", v.App.Name, claimed.Context.App.Name, c.shown)
			}
			if v.App.Host != "sp-b.test" || claimed.Context.App.Host != "sp-b.test" {
				t.Errorf("host on screen %q, on the phone %q", v.App.Host, claimed.Context.App.Host)
			}
			accepted(t, h.Approve(claimed.SID, h.Sign(claimed)), http.StatusOK)
		})
	}
}

// rename changes SP B's name as an administrator does.
func rename(t testing.TB, i *idptest.IdP, name string) {
	t.Helper()
	sp, err := i.Store.ServiceProvider(t.Context(), spB)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, idptest.Base+"/v1/admin/service-providers/"+sp.Slug, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+idptest.AdminToken)
	r.Header.Set("X-Requested-By", "latchkey")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("If-Match", fmt.Sprintf("%q", fmt.Sprint(sp.Version)))
	resp := i.Serve(r, "192.0.2.1")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("rename: %d %s", resp.StatusCode, idptest.Body(t, resp))
	}
}
