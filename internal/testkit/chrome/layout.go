//go:build browser

package chrome

import "fmt"

// Laid checks how a page is laid out in a window of a width, in its own
// direction of writing: nothing has to be scrolled sideways, no text is cut off
// or runs out of its box, no control covers another, what comes first is read
// first, no word is broken, and what runs the other way keeps apart from the text around it. apart
// is a regular expression for that, as JavaScript has them. The window is as
// before afterwards.
func (b *Tab) Laid(what, apart string, width, height int64) {
	b.t.Helper()
	w, h := b.width, b.height
	b.Size(width, height)
	for _, wrong := range Eval[[]string](b, fmt.Sprintf(layout, Quote(apart))) {
		b.t.Errorf("%s, %d px: %s", what, width, wrong)
	}
	b.Size(w, h)
}

const layout = `((apart) => {
	const wrong = [];
	const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + " " + JSON.stringify(e.textContent.trim().slice(0, 40));
	const seen = (e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".visually-hidden, noscript, svg, video");
	const box = (e) => e.getBoundingClientRect();
	const meet = (a, b, by = 1) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > by && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > by;
	const all = [...document.body.querySelectorAll("*")].filter(seen);

	if (document.documentElement.scrollWidth > innerWidth) wrong.push("has to be scrolled sideways");
	for (const e of all) {
		if (box(e).right > innerWidth + 1 || box(e).left < -1) wrong.push(name(e) + " is out of the window");
		const cuts = getComputedStyle(e).overflow !== "visible" && !e.matches("input, .finder"); // the finder shades what is around it
		if (cuts && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)) wrong.push(name(e) + " cuts off what it holds");
	}

	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const text = texts.currentNode, e = text.parentElement;
		if (!text.data.trim() || !seen(e)) continue;
		const around = e.closest("button, .button, .alert, .banner, .tag, .qr, .typed, .who, .codes, .link, .below, .card, .foot, .brand, body");
		const range = document.createRange();
		range.selectNodeContents(text);
		const out = [...range.getClientRects()].some((r) => r.width > 0 && (r.left < box(around).left - 1 || r.right > box(around).right + 1 || r.top < box(around).top - 2 || r.bottom > box(around).bottom + 2));
		if (out) wrong.push(name(e) + " runs out of " + around.tagName.toLowerCase() + "." + around.className);
		for (const word of text.data.matchAll(/(?<![\p{L}\p{N}])[\p{L}\p{N}]{2,14}(?![\p{L}\p{N}])/gu)) {
			range.setStart(text, word.index);
			range.setEnd(text, word.index + word[0].length);
			const lines = new Set([...range.getClientRects()].filter((r) => r.width > 0).map((r) => Math.round(r.top)));
			if (lines.size > 1 && !e.closest("code, [dir=ltr]")) wrong.push(name(e) + " breaks the word " + word[0]);
		}
		const mixed = text.data.replace(/\u2068[^\u2069]*\u2069/g, "").match(new RegExp(apart));
		if (mixed && !e.closest("bdi, [dir=ltr], [dir=auto]") && getComputedStyle(e).direction === "rtl") wrong.push(name(e) + " mixes " + mixed[0] + " into its text");
	}

	// What stays in place while the page scrolls lies over it on purpose.
	const floats = (e) => e.closest(".dock, .below, .finder");
	const controls = all.filter((e) => e.matches("button, a[href], input"));
	controls.forEach((a, i) => controls.slice(i + 1).forEach((b) => {
		if (floats(a) === floats(b) && !a.contains(b) && meet(box(a), box(b))) wrong.push(name(a) + " covers " + name(b));
	}));

	for (const parent of [document.body, ...all]) {
		const children = [...parent.children].filter((e) => (seen(e) || e.matches("svg") && e.checkVisibility()) && !floats(e) && getComputedStyle(e).position === "static" && box(e).width > 0);
		const rtl = getComputedStyle(parent).direction === "rtl";
		if (["inline", "inline-block"].includes(getComputedStyle(parent).display)) continue; // words, whose order is the language's
		children.slice(1).forEach((second, i) => {
			const [a, b] = [box(children[i]), box(second)];
			const line = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > Math.min(a.height, b.height) / 2;
			const apart = a.right <= b.left + 1 || b.right <= a.left + 1;
			if (line && apart && (rtl ? a.left < b.left : a.left > b.left)) wrong.push(name(second) + " is before " + name(children[i]));
			if (b.bottom < a.top) wrong.push(name(second) + " is above " + name(children[i]));
		});
	}
	return wrong;
})(%s)`
