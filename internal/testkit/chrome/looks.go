//go:build browser

package chrome

import "fmt"

// Fits checks that nothing is cut off and nothing has to be scrolled sideways
// in a window of 320 px, also with letters of twice the size (WCAG 1.4.4 and
// 1.4.10). The window is as before afterwards.
func (b *Tab) Fits(what string) {
	b.t.Helper()
	width, height := b.width, b.height
	b.Size(320, 568)
	for _, letters := range []string{"100%", "200%"} {
		b.Script(fmt.Sprintf(`document.documentElement.style.setProperty("font-size", %q)`, letters))
		for _, wide := range Eval[[]string](b, tooWide) {
			b.t.Errorf("%s with letters of %s: %s is cut off", what, letters, wide)
		}
	}
	b.Script(`document.documentElement.style.removeProperty("font-size")`)
	b.Size(width, height)
}

const tooWide = `[...document.querySelectorAll("html, body *")]
	.filter((e) => e.checkVisibility() && !e.closest("[role=status], svg"))
	.filter((e) => e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1 || e === document.documentElement && e.scrollWidth > innerWidth)
	.map((e) => e.tagName.toLowerCase() + (e.id && "#" + e.id))`
