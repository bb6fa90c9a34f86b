//go:build browser

package pages_test

import (
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// The page greets who used this browser last, until it says who it is.
func TestRememberedPerson(t *testing.T) {
	f, b := start(t)
	b.Until(`!document.querySelector("#remembered").checkVisibility()`)
	f.change(func(v *view) { v.Remembered = &remembered{Display: "A...n <K>..."} })
	b.Told("#remembered", "Last here: A...n <K>...")
	b.Until(`document.querySelector("#remembered bdi").textContent === "A...n <K>..."`)
	f.scanned()
	b.Heading("Phone connected")
	b.Until(`!document.querySelector("#remembered").checkVisibility()`)
	f.set("expired", "expired")
	b.Click("#notice-first")
	b.Waiting()
	b.Until(`!document.querySelector("#remembered").checkVisibility()`)
}

// The phone knows when it last let somebody in to the same application.
func TestLastTimeOnThePhone(t *testing.T) {
	f, b, _ := asked(t)
	again := func() {
		f.set(func() { f.holder, f.status = "", "created" })
		visit(b, f.origin+"/m#"+aFrame)
		b.Pane("request", "Sign in to Payroll?")
	}
	b.Until(`!document.querySelector("#last").checkVisibility()`)
	b.Click("#deny")
	b.Pane("end", "Denied")
	again()
	b.Until(`!document.querySelector("#last").checkVisibility()`)
	b.Click("#approve")
	b.Pane("end", "Done. You can put your phone away.")
	again()
	b.Told("#before", "Before")
	if year := chrome.Eval[string](b, `String(new Date().getFullYear())`); !strings.Contains(b.Text("#last"), year) {
		t.Errorf("%q", b.Text("#last"))
	}
	f.set(func() { f.context.App.EntityID = "https://other.example.org" })
	again()
	b.Until(`!document.querySelector("#last").checkVisibility()`)
	for _, damaged := range []string{`"{"`, `"{}"`, `"[1, null]"`, `'[["https://other.example.org"]]'`} {
		b.Script(`localStorage.setItem("latchkey.last", ` + damaged + `)`)
		again()
		b.Until(`!document.querySelector("#last").checkVisibility()`)
	}
}
