package assets_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/i18n"
)

func catalog(t testing.TB) *i18n.Catalog {
	t.Helper()
	c, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newAssets(t *testing.T) *assets.Assets {
	t.Helper()
	a, err := assets.New(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func get(t *testing.T, h http.Handler, method, path, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func url(t *testing.T, a *assets.Assets, name string) string {
	t.Helper()
	u, err := a.URL(name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestServedFiles(t *testing.T) {
	a := newAssets(t)
	types := map[string]string{
		"login.js":     "text/javascript; charset=utf-8",
		"latchkey.css": "text/css; charset=utf-8",
		"mark.svg":     "image/svg+xml",
	}
	for name, mediaType := range types {
		t.Run("W10 "+name, func(t *testing.T) {
			res := get(t, a.Handler(), "GET", url(t, a, name), "")
			if res.StatusCode != 200 || res.Header.Get("Content-Type") != mediaType {
				t.Errorf("got %d %q, want 200 %q", res.StatusCode, res.Header.Get("Content-Type"), mediaType)
			}
			if got := res.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options = %q", got)
			}
		})
		t.Run("W7 "+name, func(t *testing.T) {
			res := get(t, a.Handler(), "GET", url(t, a, name), "")
			if got := res.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("Cache-Control = %q", got)
			}
		})
	}
}

func TestWhatIsNotServed(t *testing.T) {
	a := newAssets(t)
	for _, path := range []string{"/assets/", "/assets/login.js", "/assets/login.000000000000.js", "/assets/../templates/login.html", "/assets/templates/login.html"} {
		t.Run("W7 "+path, func(t *testing.T) {
			res := get(t, a.Handler(), "GET", path, "")
			if res.StatusCode != 404 || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("got %d, Cache-Control %q", res.StatusCode, res.Header.Get("Cache-Control"))
			}
		})
	}
	if res := get(t, a.Handler(), "POST", url(t, a, "login.js"), ""); res.StatusCode != 405 || res.Header.Get("Allow") == "" {
		t.Errorf("POST: got %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}
	if res := get(t, a.Handler(), "HEAD", url(t, a, "login.js"), ""); res.StatusCode != 200 || res.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: got %d, Content-Length %q", res.StatusCode, res.Header.Get("Content-Length"))
	}
}

func TestCompression(t *testing.T) {
	a := newAssets(t)
	path := url(t, a, "login.js")
	plain, _ := io.ReadAll(get(t, a.Handler(), "GET", path, "gzip;q=0, br").Body)
	for _, accept := range []string{"gzip", "br, GZIP;q=0.5", "deflate,gzip"} {
		res := get(t, a.Handler(), "GET", path, accept)
		if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: headers %v", accept, res.Header)
		}
		zr, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(zr); string(got) != string(plain) {
			t.Errorf("%s: other content than without compression", accept)
		}
	}
}

// A browser that holds an old script must not run it with new modules.
func TestImportsAreHashed(t *testing.T) {
	a := newAssets(t)
	modules, err := a.Modules("login.js")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(get(t, a.Handler(), "GET", url(t, a, "login.js"), "").Body)
	for _, m := range regexp.MustCompile(`from "([^"]+)"`).FindAllStringSubmatch(string(body), -1) {
		if res := get(t, a.Handler(), "GET", m[1], ""); res.StatusCode != 200 {
			t.Errorf("import of %s: %d", m[1], res.StatusCode)
		}
		if !strings.Contains(strings.Join(modules, " "), m[1]) {
			t.Errorf("%s is imported but not among Modules", m[1])
		}
	}
	if strings.Contains(string(body), `from "./`) {
		t.Error("an import without hash is left")
	}
}

// A phone may be on a slow network, and a scanned code is good for seconds.
func TestWeight(t *testing.T) {
	a := newAssets(t)
	for script, styles := range map[string][]string{
		"login.js":   {"latchkey.css"},
		"approve.js": {"latchkey.css", "phone.css"},
		"enroll.js":  {"latchkey.css", "phone.css"},
	} {
		urls, err := a.Modules(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(styles, script) {
			urls = append(urls, url(t, a, name))
		}
		total := 0
		for _, u := range urls {
			body, _ := io.ReadAll(get(t, a.Handler(), "GET", u, "gzip").Body)
			total += len(body)
		}
		t.Logf("scripts and styles with %s: %d bytes compressed", script, total)
		if total > 20_000 {
			t.Errorf("%s: %d bytes, want at most 20,000", script, total)
		}
	}
}

func TestOwnOriginOnly(t *testing.T) {
	t.Run("C6", func(t *testing.T) {
		for _, dir := range []string{"static", "templates"} {
			err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				body, err := fs.ReadFile(os.DirFS(dir), path)
				if strings.Contains(string(body), "https://") || regexp.MustCompile(`(src|href|url\()=?"?//`).Match(body) {
					t.Errorf("%s/%s refers to another origin", dir, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Trusted Types would stop these in the browser; they are not to be written
// at all.
func TestScriptsWriteTextOnly(t *testing.T) {
	scripts, err := fs.Glob(os.DirFS("static"), "*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts found", err)
	}
	for _, name := range scripts {
		body, err := os.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("W3 "+name, func(t *testing.T) {
			for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"} {
				if strings.Contains(string(body), sink) {
					t.Errorf("uses %s", sink)
				}
			}
		})
	}
}
