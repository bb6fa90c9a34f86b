package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

func appsPage() pages.AppsPage {
	return pages.AppsPage{Name: "Ana Kovač", Apps: []pages.App{
		{Name: "Confluence", Path: "/saml/launch/confluence"},
		{Name: "Library of the Natural History Society", URL: "https://library.example.org/"},
		{Name: "Orchard Travel", Path: "/saml/launch/orchard"},
		{Name: "Payroll", Path: "/saml/launch/payroll"},
	}}
}

func launchpad(t *testing.T, page pages.AppsPage) *httptest.ResponseRecorder {
	t.Helper()
	p := newPages(t)
	return render(t, func(w http.ResponseWriter) error { return p.Apps(w, page) })
}

func TestAppsPage(t *testing.T) {
	body := launchpad(t, appsPage()).Body.String()
	for _, want := range []string{`href="/saml/launch/confluence"`, `href="https://library.example.org/" rel="noreferrer"`, ">C</span>"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	t.Run("A44 what is registered is shown as it is and leads nowhere else", func(t *testing.T) {
		for _, payload := range payloads {
			body := launchpad(t, pages.AppsPage{Name: payload, Apps: []pages.App{{Name: payload, Logo: payload, Path: payload}}}).Body.String()
			inert(t, body)
		}
	})
	t.Run("none", func(t *testing.T) {
		if body := launchpad(t, pages.AppsPage{}).Body.String(); !strings.Contains(body, "no application") {
			t.Errorf("%s", body)
		}
	})
}
