package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// A page is in the language of the browser until the person chooses another.
func TestLanguageAndTheme(t *testing.T) {
	i := idptest.New(t)
	open := func(b *idptest.Browser, path, accept string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", accept)
		return idptest.Body(t, b.Do(r, true))
	}
	shows := func(t *testing.T, body, want string) {
		t.Helper()
		if !strings.Contains(body, "<html "+want+">") {
			t.Errorf("no <html %s> in %.80s", want, body)
		}
	}
	b := i.Browser(address())
	shows(t, open(b, "/m", ""), `lang="en" dir="ltr"`)
	shows(t, open(b, "/m?lang=xx&theme=pink", "ja"), `lang="en" dir="ltr"`)
	shows(t, open(b, "/m?theme=dark", ""), `lang="en" dir="ltr" data-theme="dark"`)
	shows(t, open(b, "/e", ""), `lang="en" dir="ltr" data-theme="dark"`)
	shows(t, open(b, "/nothing", ""), `lang="en" dir="ltr" data-theme="dark"`)
	if body := open(b, "/nothing?lang=%22%3E%3Cb%3E", `"><b>`); strings.Contains(body, "<b>") || strings.Contains(body, "lang=&") {
		t.Error("a message shows something of the request")
	}
}
