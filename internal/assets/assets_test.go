package assets_test

import (
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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

		"icons/icon-192.png": "image/png",
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
				if dir+"/"+filepath.Dir(path) == decoder {
					return nil // names addresses in comments; see TestDecoder
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

// decoder is the folder of the decoder of QR codes, which others wrote.
const decoder = "static/qr"

// The files of npm package qr 0.7.0, whose archive has the SHA-512
// /VrrACmOAwZVipuRITwfEwOL5oAMEHH5PTmBWaGtlTom2Thxaa+rhmna4zU9PRN2uLw2wdccbkHOLGZb1Q9SdA==
// and holds them with these SHA-256.
func TestDecoder(t *testing.T) {
	published := map[string]string{
		"decode.js": "00e209820dcb11d624e9a03d6383e580766792b57d1651318f0a29e4e1ff0fe8",
		"index.js":  "a0de370051f94bd74f218f74401fdf197585e3f9ef0143164f87ea941a3fdd6f",
		"LICENSE":   "07a9f887e9215644439b808628b09f8eece932d79130ff563f958f3a1783e684", // LICENSE-MIT there
	}
	found, err := os.ReadDir(decoder)
	if err != nil || len(found) != len(published) {
		t.Fatalf("%d files, want %d (%v)", len(found), len(published), err)
	}
	for name, want := range published {
		body, err := os.ReadFile(decoder + "/" + name)
		if got := fmt.Sprintf("%x", sha256.Sum256(body)); err != nil || got != want {
			t.Errorf("%s is not the published one: SHA-256 %s, %v", name, got, err)
		}
		t.Run("C6 "+name+" asks nobody", func(t *testing.T) {
			for _, way := range []string{"fetch(", "XMLHttpRequest", "WebSocket", "import(", "importScripts", "Worker(", "eval(", "new Function", "innerHTML"} {
				if strings.Contains(string(body), way) {
					t.Errorf("uses %s", way)
				}
			}
		})
	}
	a := newAssets(t)
	body, _ := io.ReadAll(get(t, a.Handler(), "GET", url(t, a, "qr/decode.js"), "").Body)
	if want := `from "` + url(t, a, "qr/index.js") + `"`; !strings.Contains(string(body), want) {
		t.Errorf("the decoder does not import %s", want)
	}
	if res := get(t, a.Handler(), "GET", "/assets/qr/LICENSE", ""); res.StatusCode != 404 {
		t.Errorf("LICENSE: %d", res.StatusCode)
	}
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
