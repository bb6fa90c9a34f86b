//go:build browser

package chrome

import (
	"fmt"
	"slices"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// Fits checks that nothing is cut off and nothing has to be scrolled sideways
// in a window of 320 px, also with letters of twice the size (WCAG 1.4.4 and
// 1.4.10). The window is as before afterwards.
func (b *Tab) Fits(what string) {
	b.t.Helper()
	for _, wrong := range b.cutOff() {
		b.t.Errorf("%s: %s", what, wrong)
	}
}

func (b *Tab) cutOff() (wrong []string) {
	b.t.Helper()
	width, height := b.width, b.height
	b.Size(320, 568)
	for _, letters := range []string{"100%", "200%"} {
		b.Script(fmt.Sprintf(`document.documentElement.style.setProperty("font-size", %q)`, letters))
		for _, wide := range Eval[[]string](b, tooWide) {
			wrong = append(wrong, fmt.Sprintf("%s is cut off with letters of %s", wide, letters))
		}
	}
	b.Script(`document.documentElement.style.removeProperty("font-size")`)
	b.Size(width, height)
	return wrong
}

const tooWide = `[...document.querySelectorAll("html, body *")]
	.filter((e) => e.checkVisibility() && !e.closest("[role=status], svg"))
	.filter((e) => e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1 || e === document.documentElement && e.scrollWidth > innerWidth)
	.map((e) => e.tagName.toLowerCase() + (e.id && "#" + e.id))`

// Still checks that nothing moves for a person who asked for that
// (WCAG 2.3.3).
func (b *Tab) Still(what string) {
	b.t.Helper()
	for _, name := range b.moving() {
		b.t.Errorf("%s: %s runs although less motion is wanted", what, name)
	}
}

// moving names the animations that run.
func (b *Tab) moving() []string {
	b.t.Helper()
	b.Prefer("prefers-reduced-motion", "reduce")
	defer b.Prefer("prefers-reduced-motion", "no-preference")
	return Eval[[]string](b, `document.getAnimations().filter((a) => a.playState === "running").map((a) => a.animationName ?? a.transitionProperty ?? a.id)`)
}

// Keyboard checks that each control can be reached with Tab and shows in the
// window that it has the focus (WCAG 2.1.1, 2.4.7, 2.4.11).
func (b *Tab) Keyboard(what string) {
	b.t.Helper()
	for _, wrong := range b.unreachable() {
		b.t.Errorf("%s: %s", what, wrong)
	}
}

func (b *Tab) unreachable() (wrong []string) {
	b.t.Helper()
	want := Eval[[]string](b, controls)
	found := map[string]focused{}
	for range len(want) + 2 { // from wherever the focus was, and past the end
		b.Press(kb.Tab)
		f := Eval[focused](b, hasFocus)
		for range 10 { // a touch screen scrolls there slowly
			if f.Seen {
				break
			}
			time.Sleep(30 * time.Millisecond)
			f = Eval[focused](b, hasFocus)
		}
		found[f.Name] = f
	}
	left := Eval[[]string](b, controls) // the note about the code goes when the page scrolls to it
	for _, name := range want {
		switch f, ok := found[name]; {
		case !ok && !slices.Contains(left, name):
		case !ok:
			wrong = append(wrong, "no way to "+name+" by Tab")
		case !f.Ring:
			wrong = append(wrong, "nothing shows that "+name+" has the focus")
		case !f.Seen:
			wrong = append(wrong, name+" has the focus out of sight")
		}
	}
	return wrong
}

// focused is the element that has the focus.
type focused struct {
	Name string `json:"name"`
	Ring bool   `json:"ring"` // it has an outline
	Seen bool   `json:"seen"` // it is in the window, and nothing covers it
}

const nameOf = `const nameOf = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : " " + e.textContent.trim());`

const controls = `(() => { ` + nameOf + `
	return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
		.filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.type !== "hidden" && !e.closest("[inert]") && e.tabIndex >= 0)
		.map(nameOf);
})()`

const hasFocus = `(() => { ` + nameOf + `
	const e = document.activeElement, style = getComputedStyle(e), r = e.getBoundingClientRect();
	const top = document.elementFromPoint(r.x + r.width / 2, Math.min(r.y + r.height / 2, innerHeight - 1));
	return {
		name: nameOf(e),
		ring: e.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
		seen: r.top >= -1 && r.top < innerHeight && (e.contains(top) || top?.contains(e) === true),
	};
})()`
