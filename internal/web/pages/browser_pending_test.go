//go:build browser

package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

// pending is a new device whose old one has not vouched for it yet.
func pending(t *testing.T) (*fakeEnroll, *chrome.Tab) {
	t.Helper()
	f, b, _ := making(t, "?try")
	f.set(func() { f.state = "pending" })
	b.Click("#make-form button")
	b.Pane("pending", "One more step")
	return f, b
}

// A device that waits for the person's old one goes on by itself, asks slowly,
// and not at all while nobody looks.
func TestPendingGoesOn(t *testing.T) {
	f, b := pending(t)
	looks := func() int { return strings.Count(f.called(), "finish") - 1 }
	hide := `(Object.defineProperty(document, "hidden", {value: true, configurable: true}), document.dispatchEvent(new Event("visibilitychange")))`
	for deadline := time.Now().Add(10 * time.Second); looks() == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the page does not look")
		}
	}
	b.Script(hide)
	before := looks()
	f.set(func() { f.state = "active" })
	time.Sleep(5 * time.Second)
	if looks() != before || before > 2 {
		t.Errorf("looked %d times, and %d more while hidden", before, looks()-before)
	}
	b.Script(`(delete document.hidden, document.dispatchEvent(new Event("visibilitychange")))`)
	b.Pane("done", "This phone is ready")
	b.Until(`document.querySelector("#test").checkVisibility() && document.activeElement.id === "done-title"`)
}

func TestPendingEnds(t *testing.T) {
	t.Run("called off", func(t *testing.T) {
		f, b := pending(t)
		f.set(func() { f.state = "revoked" })
		b.Pane("end", "This device was not added")
	})
	t.Run("too late", func(t *testing.T) {
		f, b := pending(t)
		b.Allow("410")
		f.set(func() { f.refuse["finish"] = problem{status: 410, code: "enroll_expired"} })
		b.Pane("end", "This took too long")
		n := f.called()
		time.Sleep(5 * time.Second)
		if f.called() != n {
			t.Error("the page goes on looking")
		}
	})
	t.Run("busy for a moment", func(t *testing.T) {
		f, b := pending(t)
		b.Allow("503")
		f.set(func() { f.refuse["finish"] = problem{status: 503, code: "busy"} })
		time.Sleep(5 * time.Second)
		f.set(func() { clear(f.refuse); f.state = "active" })
		b.Pane("done", "This phone is ready")
	})
}
