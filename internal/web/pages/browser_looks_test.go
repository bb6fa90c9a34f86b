//go:build browser

package pages_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	phonescan "github.com/latchkey-idp/latchkey/internal/phone/scan"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
)

func TestPictureCanBeScanned(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 1280} {
			t.Run(fmt.Sprint(scheme, width), func(t *testing.T) {
				f, b := start(t)
				b.Prefer("prefers-color-scheme", scheme)
				b.Size(width, 800)
				text, err := phonescan.Image(bytes.NewReader(chrome.Get(b, chromedp.Screenshot(chromedp.CSS("#qr")))))
				if err != nil { // like a camera, look again at the next picture
					time.Sleep(4 * time.Second)
					text, err = phonescan.Image(bytes.NewReader(chrome.Get(b, chromedp.Screenshot(chromedp.CSS("#qr")))))
				}
				if err != nil {
					t.Fatal(err)
				}
				now := int(time.Now().UnixMilli() / 4000)
				if text != newFrame(f.session().SID, now).URL && text != newFrame(f.session().SID, now-1).URL {
					t.Errorf("scanned %q", text)
				}
			})
		}
	}
}

func TestPrintHidesTheCode(t *testing.T) {
	_, b := start(t)
	chrome.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	b.Until(`getComputedStyle(document.querySelector("#qr svg")).visibility === "hidden"`)
}

// Who chose a theme gets all of its colours, whatever the system prefers.
func TestChosenTheme(t *testing.T) {
	f, b := newFakeEnroll(t), chrome.Open(t)
	const colours = `(() => {
		const names = [...document.styleSheets].flatMap((s) => [...s.cssRules]).flatMap((r) => r.selectorText?.startsWith(":root") ? [...r.style] : []).filter((n) => n.startsWith("--"));
		return [...new Set(names)].map((n) => n + ":" + getComputedStyle(document.documentElement).getPropertyValue(n));
	})()`
	for theme, other := range map[string]string{"dark": "light", "light": "dark"} {
		b.Prefer("prefers-color-scheme", theme)
		visit(b, f.origin+"/e#recovery")
		b.Pane("recover", "Use a recovery code")
		want := chrome.Eval[[]string](b, colours)
		b.Prefer("prefers-color-scheme", other)
		b.Script(`document.documentElement.dataset.theme = ` + chrome.Quote(theme))
		if got := chrome.Eval[[]string](b, colours); !slices.Equal(got, want) || len(want) < 10 {
			t.Errorf("%s, chosen: %v\nas the system has it: %v", theme, got, want)
		}
	}
}
