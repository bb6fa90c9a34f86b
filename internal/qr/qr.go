package qr

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"rsc.io/qr"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Quiet is the white border of every picture, in modules.
const Quiet = 4

// MaxURL is the longest text that is encoded: what stays easy to scan.
const MaxURL = 512

// MaxScale is the largest module of a PNG, in pixels.
const MaxScale = 64

// Code is the square of modules of one QR code.
type Code struct {
	Size int // modules on a side: 17 + 4 × version
	dark []bool
}

// Encode makes the code of a URL, in the smallest version that holds it.
func Encode(url string) (Code, error) {
	if url == "" || len(url) > MaxURL {
		return Code{}, fmt.Errorf("encode QR code: %d bytes, want 1 to %d", len(url), MaxURL)
	}
	made, err := qr.Encode(url, qr.M)
	if err != nil {
		return Code{}, fmt.Errorf("encode QR code: %w", err)
	}
	c := Code{Size: made.Size, dark: make([]bool, 0, made.Size*made.Size)}
	for y := range made.Size {
		for x := range made.Size {
			c.dark = append(c.dark, made.Black(x, y))
		}
	}
	return c, nil
}

// Dark reports whether the module at column x, row y is dark; everything
// outside of the code is light.
func (c Code) Dark(x, y int) bool {
	return x >= 0 && y >= 0 && x < c.Size && y < c.Size && c.dark[y*c.Size+x]
}

// Bitmap is the modules as bits, base64url: row by row without padding between
// rows, the most significant bit of a byte first, 1 is dark. The last byte is
// filled up with zero bits. Module (x, y) is bit y*Size + x.
func (c Code) Bitmap() string {
	packed := make([]byte, (len(c.dark)+7)/8)
	for i, dark := range c.dark {
		if dark {
			packed[i/8] |= 0x80 >> (i % 8)
		}
	}
	return idp.Base64.EncodeToString(packed)
}

// Side is the width of the picture in modules, its border included.
func (c Code) Side() int { return c.Size + 2*Quiet }

// Path is the dark modules as the path of an SVG picture of Side by Side.
func (c Code) Path() string {
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			run := 0
			for c.Dark(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+Quiet, y+Quiet, run, run)
				x += run
			}
		}
	}
	return b.String()
}

// PNG is a picture with modules of scale × scale pixels.
func (c Code) PNG(scale int) ([]byte, error) {
	if scale < 1 || scale > MaxScale {
		return nil, errors.New("draw QR code: scale is out of range")
	}
	side := (c.Size + 2*Quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if c.Dark(x/scale-Quiet, y/scale-Quiet) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encode PNG: %w", err)
	}
	return b.Bytes(), nil
}

// Terminal is a picture of half blocks, two rows to a line, in explicit black
// on white, so that it scans on dark and light terminals.
func (c Code) Terminal() string {
	const blackOnWhite, reset = "\x1b[30;107m", "\x1b[0m"
	blocks := map[[2]bool]rune{{false, false}: ' ', {true, false}: '▀', {false, true}: '▄', {true, true}: '█'}
	var b strings.Builder
	for y := -Quiet; y < c.Size+Quiet; y += 2 {
		b.WriteString(blackOnWhite)
		for x := -Quiet; x < c.Size+Quiet; x++ {
			b.WriteRune(blocks[[2]bool{c.Dark(x, y), c.Dark(x, y+1)}])
		}
		b.WriteString(reset + "\n")
	}
	return b.String()
}
