//go:build browser

package pages_test

import (
	"bytes"
	"fmt"
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
