//go:build browser

package chrome

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/phone/scan"
)

// recordStatus keeps what a screen reader is told.
//
// plain is a text as the person's language has it. Tests with a language of their
// own put another function in its place, so that they can wait for words.
const recordStatus = `globalThis.said = [];
globalThis.plain = (s) => s;
addEventListener("DOMContentLoaded", () => {
	const status = document.querySelector("[role=status]");
	if (status) new MutationObserver(() => said.push(status.textContent)).observe(status, {childList: true, characterData: true, subtree: true});
});`

// Plain makes tabs that are opened from now on, up to the end of the test, wait
// for words that are not shown as such: undo is JavaScript that makes them of a
// text s.
func Plain(t *testing.T, undo string) {
	t.Helper()
	undoing = "globalThis.plain = (s) => " + undo + ";"
	t.Cleanup(func() { undoing = "" })
}

var undoing string

// Said is what a screen reader was told by the page, from the first word on.
func (b *Tab) Said() string {
	b.t.Helper()
	return Eval[string](b, `said.join(" | ")`)
}

// Hears waits until a screen reader was told something with these words.
func (b *Tab) Hears(words string) {
	b.t.Helper()
	b.Until("said.some((s) => plain(s).includes(" + Quote(words) + "))")
}

// Waiting waits for the picture of a code.
func (b *Tab) Waiting() {
	b.t.Helper()
	b.Until(`document.querySelector("#qr path")?.getAttribute("d") && document.querySelector("#scan").checkVisibility() && document.querySelector("#cover").hidden`)
}

// Heading waits until the notice of the sign-in page shows a heading.
func (b *Tab) Heading(words string) {
	b.t.Helper()
	b.Until(`document.querySelector("#notice-title")?.checkVisibility() && plain(document.querySelector("#notice-title").textContent) === ` + Quote(words))
}

// Notice waits for a notice and the title of the page that goes with it.
func (b *Tab) Notice(heading, title string) {
	b.t.Helper()
	b.Heading(heading)
	b.Until("plain(document.title) === " + Quote(title))
}

// Pane waits until one part of a phone's page is shown, alone.
func (b *Tab) Pane(id, heading string) {
	b.t.Helper()
	b.Until(fmt.Sprintf(`[...document.querySelectorAll(".pane")].filter((p) => p.checkVisibility()).map((p) => p.id).join() === %q && plain(document.querySelector("#%s h1").innerText) === %s`, id, id, Quote(heading)))
}

// Told waits for an element that is seen and whose text begins so.
func (b *Tab) Told(selector, text string) {
	b.t.Helper()
	b.Until(fmt.Sprintf(`document.querySelector(%[1]q)?.checkVisibility() && plain(document.querySelector(%[1]q).textContent).startsWith(%[2]s)`, selector, Quote(text)))
}

// Ready waits until a button's act is over.
func (b *Tab) Ready(selector string) {
	b.t.Helper()
	b.Until(fmt.Sprintf(`!document.querySelector(%q).hasAttribute("aria-disabled")`, selector))
}

// Camera is what the camera of a phone in front of the screen reads. Like one
// it looks again where it could not make a picture out.
func (b *Tab) Camera() string {
	b.t.Helper()
	b.Waiting()
	var text string
	var err error
	for range 3 {
		if text, err = scan.Image(bytes.NewReader(b.Screenshot())); err == nil {
			return text
		}
		time.Sleep(4 * time.Second) // the next picture
	}
	b.t.Fatal(err)
	return text
}

// Quote makes a JavaScript string literal.
func Quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has one
	}
	return string(b)
}
