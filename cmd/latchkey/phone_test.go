package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/demo"
)

// signInPage opens the sign-in page of the demo's application in a browser of
// its own, and returns its address with the browser's cookies in a file.
func signInPage(t *testing.T, d *demo.Demo) (address, jarFile string, browser *http.Client) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser = &http.Client{Jar: jar, Timeout: 5 * time.Second}
	resp, err := browser.Get(d.App + "/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	u, err := url.Parse(d.IDP)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"# Netscape HTTP Cookie File"}
	for _, c := range jar.Cookies(u) {
		lines = append(lines, fmt.Sprintf("#HttpOnly_localhost\tFALSE\t/\tFALSE\t0\t%s\t%s", c.Name, c.Value))
	}
	jarFile = filepath.Join(t.TempDir(), "cookies.txt")
	if err := os.WriteFile(jarFile, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return resp.Request.URL.String(), jarFile, browser
}

// latchkey runs a command line.
func latchkey(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), append([]string{"latchkey"}, args...),
		&env{stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, program: "latchkey"})
	return code, out.String(), errs.String()
}

func TestPhoneCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d, err := demo.Start(t.Context(), demo.Options{Addr: "localhost:0", Dir: dir, Program: "latchkey", Clock: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	state := filepath.Join(dir, "phone.json")

	t.Run("sign-in page, approved after the question", func(t *testing.T) {
		page, jar, _ := signInPage(t, d)
		code, stdout, stderr := latchkey(t, "y\n", "phone", "approve", "--page", page, "--cookie-jar", jar, "--state", state)
		if code != exitOK || !strings.Contains(stdout, "Approved. Dana Novak goes on to Orchard Travel") {
			t.Errorf("exit %d\n%s%s", code, stdout, stderr)
		}
		for _, want := range []string{"Sign in to Orchard Travel (localhost:", "as       Dana Novak", "Only continue if you opened localhost:", "Approve? [y/N]"} {
			if !strings.Contains(stderr, want) {
				t.Errorf("not shown: %s\n%s", want, stderr)
			}
		}
	})
	t.Run("picture of the screen", func(t *testing.T) {
		page, jar, _ := signInPage(t, d)
		text, err := lookAtPage(t.Context(), page, jar) // puts a code on the screen
		if err != nil || !strings.HasPrefix(text, d.IDP+"/m#1.") {
			t.Fatalf("code %q, %v", text, err)
		}
		code, stdout, stderr := latchkey(t, "", "phone", "approve", "--yes", "--page", d.Phone+"/screen.png", "--state", state)
		if code != exitOK || !strings.Contains(stdout, "Approved.") {
			t.Errorf("exit %d\n%s%s", code, stdout, stderr)
		}
	})
	t.Run("no answer is no", func(t *testing.T) {
		page, jar, _ := signInPage(t, d)
		code, stdout, stderr := latchkey(t, "", "phone", "approve", "--page", page, "--cookie-jar", jar, "--state", state)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, "denied; nobody was signed in") {
			t.Errorf("exit %d\n%s%s", code, stdout, stderr)
		}
	})
	t.Run("picture in a file, denied, as JSON", func(t *testing.T) {
		page, jar, browser := signInPage(t, d)
		if _, err := lookAtPage(t.Context(), page, jar); err != nil {
			t.Fatal(err)
		}
		resp, err := browser.Get(d.Phone + "/screen.png")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		picture, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "screen.png")
		if err := os.WriteFile(file, picture, 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := latchkey(t, "", "phone", "deny", "--json", "--qr", file, "--state", state)
		if code != exitOK || !strings.Contains(stdout, `"status": "denied"`) {
			t.Errorf("exit %d\n%s%s", code, stdout, stderr)
		}
	})
	t.Run("malformed cookie jar", func(t *testing.T) {
		jar := filepath.Join(t.TempDir(), "cookies.txt")
		if err := os.WriteFile(jar, []byte("# comment\nbs=1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := latchkey(t, "", "phone", "approve", "--page", d.IDP+"/login", "--cookie-jar", jar, "--state", state)
		if code != exitFailed || !strings.Contains(stderr, "cookies.txt:2: not a line of a cookie jar") {
			t.Errorf("exit %d\n%s", code, stderr)
		}
	})
}
