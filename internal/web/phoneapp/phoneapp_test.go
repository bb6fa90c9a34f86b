package phoneapp_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func named(name string) idptest.Options {
	return idptest.Options{Config: func(c *config.Config) { c.DisplayName = name }}
}

func get(t *testing.T, i *idptest.IdP, path string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	return i.Serve(r, "203.0.113.7")
}

type described struct {
	ID, Name, Lang, Dir, Scope, Display string
	ShortName                           string `json:"short_name"`
	StartURL                            string `json:"start_url"`
	Icons                               []struct{ Src, Sizes, Type, Purpose string }
	Shortcuts                           []struct{ Name, URL string }
}

func manifest(t *testing.T, i *idptest.IdP, header ...string) described {
	t.Helper()
	resp := get(t, i, "/manifest.webmanifest", header...)
	idptest.CheckHeaders(t, resp)
	var m described
	if err := json.Unmarshal([]byte(idptest.Body(t, resp)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// What browsers ask of an app that can be put on the home screen.
func TestManifest(t *testing.T) {
	i := idptest.New(t, named(`Orchard "Travel" <ID>`))
	m := manifest(t, i)
	if m.Name != `Orchard "Travel" <ID>` || m.ShortName != m.Name || m.ID != "/m" || m.Scope != "/" || m.Display != "standalone" || m.Lang != "en" || m.Dir != "ltr" {
		t.Errorf("%+v", m)
	}
	sizes := ""
	for _, icon := range m.Icons {
		sizes += icon.Purpose + " " + icon.Sizes + "; "
		if resp := get(t, i, icon.Src); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != icon.Type {
			t.Errorf("icon %s: %d %s", icon.Src, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
	}
	if sizes != "any 192x192; any 512x512; maskable 512x512; any any; " {
		t.Errorf("icons %s", sizes)
	}
	for _, path := range []string{m.StartURL, m.Shortcuts[0].URL, m.Shortcuts[1].URL} {
		if resp := get(t, i, path); resp.StatusCode != 200 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestLanguage(t *testing.T) {
	i := idptest.New(t)
	if m := manifest(t, i, "Accept-Language", "de-AT"); m.Lang != "de" || m.Shortcuts[1].Name != "Meine Geräte" {
		t.Errorf("%+v", m)
	}
	if m := manifest(t, i, "Accept-Language", "de-AT", "Cookie", "__Host-lang=sl"); m.Lang != "sl" {
		t.Errorf("the language that the person chose does not count: %+v", m)
	}
	english, german := idptest.Body(t, get(t, i, "/sw.js")), idptest.Body(t, get(t, i, "/sw.js", "Accept-Language", "de"))
	if !strings.Contains(german, "Keine Verbindung") || !strings.Contains(english, "No connection") || cache(english) == cache(german) {
		t.Error("a worker in another language is not another worker")
	}
	if dark := idptest.Body(t, get(t, i, "/sw.js", "Cookie", "__Host-theme=dark")); cache(dark) == cache(english) || !strings.Contains(dark, `data-theme=\"dark\"`) {
		t.Error("the theme that the person chose does not count")
	}
}

func cache(worker string) string {
	return regexp.MustCompile(`"cache":"latchkey-[0-9a-f]{12}"`).FindString(worker)
}

func TestWorker(t *testing.T) {
	i := idptest.New(t)
	resp := get(t, i, "/sw.js")
	idptest.CheckHeaders(t, resp)
	first := idptest.Body(t, resp)
	if cache(first) == "" || idptest.Body(t, get(t, i, "/sw.js")) != first {
		t.Error("the same worker is not the same script: browsers would replace it at each visit")
	}
	line, _, _ := strings.Cut(first, "\n")
	var shell struct {
		Files []string
		Page  struct {
			Body    string
			Status  int
			Headers map[string]string
		}
	}
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(line, "const shell = "), ";")), &shell); err != nil {
		t.Fatal(err)
	}
	for _, file := range shell.Files {
		if r := get(t, i, file); r.StatusCode != 200 || !strings.HasPrefix(file, "/assets/") {
			t.Errorf("%s: %d", file, r.StatusCode)
		}
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(shell.Page.Body, -1) {
		if !strings.Contains(line, `"`+m[1]+`"`) {
			t.Errorf("the page needs %s, which is not kept", m[1])
		}
	}
	t.Run("W2 W10 the page without a network", func(t *testing.T) {
		page := &http.Response{StatusCode: shell.Page.Status, Header: http.Header{}, Request: resp.Request}
		for name, value := range shell.Page.Headers {
			page.Header.Set(name, value)
		}
		idptest.CheckHeaders(t, page)
		csp := page.Header.Get("Content-Security-Policy")
		if shell.Page.Status != 503 || !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "script-src") || strings.Contains(shell.Page.Body, "<script") {
			t.Errorf("%d %s", shell.Page.Status, csp)
		}
	})
}

// An organization's name and words are data in a script.
func TestWorkerIsNoPlaceForCode(t *testing.T) {
	t.Run("W3", func(t *testing.T) {
		i := idptest.New(t, idptest.Options{Config: func(c *config.Config) {
			c.DisplayName, c.SupportURL = "</script>\u2028`;alert(1)//", "https://help.example/\u2028"
		}})
		body := idptest.Body(t, get(t, i, "/sw.js", "Accept-Language", "\u2028alert(1)"))
		line, _, _ := strings.Cut(body, "\n")
		if strings.Contains(body, "alert(1)") || strings.ContainsAny(line, "\u2028<") {
			t.Errorf("%.300s", body)
		}
	})
}
