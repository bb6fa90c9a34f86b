package demo_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/demo"
	"github.com/latchkey-idp/latchkey/internal/phone/scan"
)

func options(dir string) demo.Options {
	return demo.Options{Addr: "localhost:0", Dir: dir, Program: "latchkey", Clock: time.Now, Random: rand.Reader}
}

func start(t *testing.T, dir string, keep bool) *demo.Demo {
	t.Helper()
	o := options(dir)
	o.Keep = keep
	d, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestHeadlessSignsIn(t *testing.T) {
	d := start(t, filepath.Join(t.TempDir(), "demo"), false)
	var out strings.Builder
	if err := d.Headless(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		"✓ The phone scans the picture and shows: sign in to Orchard Travel (localhost:",
		"Firefox 145 on Linux", "NameID dana@example.com", "From the phone's approval to the application: ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not told: %s\n%s", want, &out)
		}
	}
}

// startSignIn opens a sign-in page as a browser does, so that a code is on the
// screen.
func startSignIn(t *testing.T, d *demo.Demo) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 5 * time.Second}
	resp, err := client.Get(d.App + "/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	login := regexp.MustCompile(`data-login="([A-Z2-7]+)"`).FindSubmatch(page)
	if login == nil {
		t.Fatalf("no sign-in page: %s", page)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.IDP+"/v1/login/sessions", strings.NewReader(`{"login":"`+string(login[1])+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"Origin": {d.IDP}, "X-Requested-By": {"latchkey"}, "Content-Type": {"application/json"}, "Idempotency-Key": {"AAAAAAAAAAAAAAAAAAAAAA"},
	}
	created, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer created.Body.Close()
	if created.StatusCode != http.StatusCreated {
		t.Fatalf("create answered %s", created.Status)
	}
}

// press makes a call of the phone's page; change may spoil it.
func press(t *testing.T, d *demo.Demo, path string, body io.Reader, change func(*http.Request)) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.Phone+"/api/"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Origin": {d.Phone}, "X-Requested-By": {"latchkey-demo"}, "Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, answer
}

func TestPhone(t *testing.T) {
	d := start(t, filepath.Join(t.TempDir(), "demo"), false)
	if status, answer := press(t, d, "look", nil, nil); status != 422 || !strings.HasPrefix(answer["error"].(string), "No code is on the screen") {
		t.Fatalf("without a code: %d %v", status, answer)
	}
	if status, answer := press(t, d, "approve", nil, nil); status != 422 {
		t.Errorf("approved nothing: %d %v", status, answer)
	}
	startSignIn(t, d)
	picture := screenshot(t, d)
	if text, err := scan.Image(bytes.NewReader(picture)); err != nil || !strings.HasPrefix(text, d.IDP+"/m#1.") {
		t.Errorf("the picture of the screen says %q, %v", text, err)
	}
	status, answer := press(t, d, "picture", bytes.NewReader(picture), func(r *http.Request) { r.Header.Set("Content-Type", "image/png") })
	if status != 200 || answer["status"] != "request" || answer["app"] != "Orchard Travel" {
		t.Fatalf("scan: %d %v", status, answer)
	}
	if status, answer := press(t, d, "deny", nil, nil); status != 200 || answer["status"] != "denied" {
		t.Errorf("deny: %d %v", status, answer)
	}
	if status, answer := press(t, d, "text", strings.NewReader(`{"text":"https://evil.example/m#1"}`), nil); status != 422 || answer["error"] != "This is not one of our codes. Do not use it." {
		t.Errorf("foreign code: %d %v", status, answer)
	}
}

func screenshot(t *testing.T, d *demo.Demo) []byte {
	t.Helper()
	resp, err := http.Get(d.Phone + "/screen.png")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("screen.png: %s %v", resp.Status, err)
	}
	return data
}

// The phone can approve, so no other page may use it.
func TestPhoneIsForItsOwnPageOnly(t *testing.T) {
	d := start(t, filepath.Join(t.TempDir(), "demo"), false)
	startSignIn(t, d)
	for name, spoil := range map[string]func(*http.Request){
		"no origin":         func(r *http.Request) { r.Header.Del("Origin") },
		"other port":        func(r *http.Request) { r.Header.Set("Origin", d.App) },
		"null origin":       func(r *http.Request) { r.Header.Set("Origin", "null") },
		"no own header":     func(r *http.Request) { r.Header.Del("X-Requested-By") },
		"same-site fetch":   func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"another host name": func(r *http.Request) { r.Host = "evil.example" },
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"look", "text", "picture", "approve", "deny"} {
				if status, answer := press(t, d, path, strings.NewReader("{}"), spoil); status != http.StatusForbidden && status != http.StatusMisdirectedRequest {
					t.Errorf("%s answered %d %v", path, status, answer)
				}
			}
		})
	}
	resp, err := http.Get(d.Phone + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("W2: policy %q", csp)
	}
}

func TestDirectories(t *testing.T) {
	t.Run("that of another program is left alone", func(t *testing.T) {
		dir := t.TempDir()
		letter := filepath.Join(dir, "letter.txt")
		if err := os.WriteFile(letter, []byte("Dear Ana"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := demo.Start(t.Context(), options(dir)); err == nil || !strings.Contains(err.Error(), "something else than a demo") {
			t.Errorf("error %v", err)
		}
		if _, err := os.Stat(letter); err != nil {
			t.Error(err)
		}
	})
	t.Run("that of a running demo is left alone", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "demo")
		start(t, dir, false)
		if _, err := demo.Start(t.Context(), options(dir)); err == nil || !strings.Contains(err.Error(), "a demo is running") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a damaged one is made anew", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "demo")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"THIS-IS-A-DEMO", "latchkey.db"} { // the table is a directory
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out strings.Builder
		if err := start(t, dir, false).Headless(t.Context(), &out); err != nil {
			t.Errorf("%v\n%s", err, &out)
		}
	})
	t.Run("a kept one goes on", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "demo")
		d, err := demo.Start(t.Context(), options(dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := start(t, dir, true).Headless(t.Context(), &out); err != nil {
			t.Errorf("%v\n%s", err, &out)
		}
	})
}

func TestTakesFreePortsForThoseInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	o := options(filepath.Join(t.TempDir(), "demo"))
	o.Addr = ln.Addr().String()
	d, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if strings.HasSuffix(d.IDP, ln.Addr().String()[strings.LastIndex(ln.Addr().String(), ":"):]) {
		t.Errorf("identity provider at %s, which is taken", d.IDP)
	}
}
