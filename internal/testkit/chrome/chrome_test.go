//go:build browser

package chrome

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// show opens a page with the policy that ours have.
func show(t *testing.T, body, style string) *Tab {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-n'; img-src data:; require-trusted-types-for 'script'; trusted-types 'none'")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Page</title><link rel="icon" href="data:,"><style nonce="n">%s</style><main><h1>Page</h1>%s</main>`, style, body)
	}))
	t.Cleanup(server.Close)
	b := Open(t)
	b.Open(server.URL)
	return b
}

// Each check finds what it is there for, and nothing on a page that is right.
func TestChecks(t *testing.T) {
	axe := LoadAxe(t)
	for _, test := range []struct {
		name, body, style, want string
		check                   func(b *Tab) []string
	}{
		{"contrast", `<p>pale</p>`, `p { color: #ccc; background: #fff }`, "color-contrast", axe.rules},
		{"label", `<input>`, ``, "label", axe.rules},
		{"size of a target", `<button id="a">x</button><button id="b">y</button>`, `button { width: 10px; height: 10px; padding: 0; border: 0; font-size: 6px }`, "target-size", axe.rules},
		{"nothing wrong", `<p>dark</p><button>Go</button>`, ``, "", axe.rules},
		{"too wide", `<p id="wide">wide</p>`, `#wide { width: 400px }`, "p#wide is cut off", (*Tab).cutOff},
		{"too wide with large letters", `<p id="word">word</p>`, `#word { width: 15rem }`, "p#word is cut off with letters of 200%", (*Tab).cutOff},
		{"fits", `<p>words that break</p>`, ``, "", (*Tab).cutOff},
		{"no ring", `<button id="go">Go</button>`, `button { outline: none }`, "nothing shows that button#go has the focus", (*Tab).unreachable},
		{"covered", `<button id="go">Go</button><div id="over">over</div>`, `#over { position: fixed; inset: 0; background: #fff }`, "button#go has the focus out of sight", (*Tab).unreachable},
		{"reached", `<button id="go">Go</button><a href="/x">Link</a>`, ``, "", (*Tab).unreachable},
		{"motion", `<p id="p">moves</p>`, `@keyframes turn { to { rotate: 1turn } } #p { animation: turn 1s infinite }`, "turn", (*Tab).moving},
		{"less motion", `<p id="p">moves</p>`, `@keyframes turn { to { rotate: 1turn } } @media (prefers-reduced-motion: no-preference) { #p { animation: turn 1s infinite } }`, "", (*Tab).moving},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := test.check(show(t, test.body, test.style))
			if test.want == "" && len(found) > 0 || test.want != "" && !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, test.want) }) {
				t.Errorf("found %q, want %q", found, test.want)
			}
		})
	}
}

// rules are those that a page breaks.
func (a *Axe) rules(b *Tab) (broken []string) {
	for _, v := range a.violations(b) {
		broken = append(broken, v.Rule)
	}
	return broken
}

func TestComplaintsAreNoticed(t *testing.T) {
	b := show(t, `<p>words</p>`, ``)
	b.Allow("") // all of them
	b.Script(`console.log("x")`)
	b.Script(`document.body.append(Object.assign(new Image(), {src: "http://localhost:1/x.png"}))`)
	b.Script(`setTimeout(() => { throw new Error("thrown"); })`)
	for _, want := range []string{"console.log", "violates the following Content Security Policy", "thrown"} {
		b.waitForProblem(t, want)
	}
}

func (b *Tab) waitForProblem(t *testing.T, text string) {
	t.Helper()
	for range 50 {
		if slices.ContainsFunc(b.Problems(), func(p string) bool { return strings.Contains(p, text) }) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%q was not noticed: %q", text, b.Problems())
}
