package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

const static = "../../assets/static"

func TestIconsAreThoseOfTheMark(t *testing.T) {
	drawn, err := drawAll(filepath.Join(static, "mark.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, icon := range icons {
		kept, err := os.ReadFile(filepath.Join(static, "icons", icon.name))
		if err != nil {
			t.Fatal(err)
		}
		got, want := pixels(t, kept), pixels(t, drawn[icon.name])
		if got.Bounds().Dx() != icon.size || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s is not what mark.svg gives; run: go run ./internal/tools/icons internal/assets/static", icon.name)
		}
		if len(kept) > 12<<10 {
			t.Errorf("%s: %d bytes", icon.name, len(kept))
		}
	}
}

func pixels(t *testing.T, data []byte) *image.NRGBA {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(img.Bounds())
	for y := range out.Bounds().Dy() {
		for x := range out.Bounds().Dx() {
			out.Set(x, y, img.At(x, y))
		}
	}
	return out
}

// A system cuts a maskable icon to its own shape, at worst a circle of 80 % of
// its width; nothing of the key may be lost, and an icon for iOS has no holes.
func TestMargins(t *testing.T) {
	drawn, err := drawAll(filepath.Join(static, "mark.svg"))
	if err != nil {
		t.Fatal(err)
	}
	back := color.NRGBA{0x0d, 0x65, 0x57, 255}
	maskable, apple := pixels(t, drawn["maskable-512.png"]), pixels(t, drawn["apple-touch-icon.png"])
	safe := 512 * 4 / 10
	for y := range 512 {
		for x := range 512 {
			dx, dy := x-256, y-256
			if dx*dx+dy*dy > safe*safe && maskable.NRGBAAt(x, y) != back {
				t.Fatalf("something is drawn at %d, %d, outside of what every system shows", x, y)
			}
		}
	}
	for _, corner := range []image.Point{{0, 0}, {179, 0}, {0, 179}, {179, 179}} {
		if apple.NRGBAAt(corner.X, corner.Y) != back {
			t.Errorf("corner %v of the icon for iOS is empty", corner)
		}
	}
	if pixels(t, drawn["icon-512.png"]).NRGBAAt(0, 0).A != 0 {
		t.Error("the plain icon has no round corners")
	}
}

func TestOtherDrawingsAreRefused(t *testing.T) {
	for _, svg := range []string{"", "<svg/>", `<svg><rect width="32" rx="8" fill="red"/></svg>`,
		`<svg><rect width="32" fill="#000"/><g stroke="#fff" stroke-width="2"><circle r="3"/><path d="M1 1c2 2"/></g></svg>`} {
		if _, err := readMark([]byte(svg)); err == nil {
			t.Errorf("accepted %q", svg)
		}
	}
}
