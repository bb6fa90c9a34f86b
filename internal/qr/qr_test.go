package qr_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone/scan"
	"github.com/latchkey-idp/latchkey/internal/qr"
)

const frameURL = "https://id.example.com/m#1.CAIREEYUCULBOGAZDINRYHI6D4.44.LD4QM6M63EBST7LX"

func encode(t *testing.T) qr.Code {
	t.Helper()
	c, err := qr.Encode(frameURL)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scanned draws modules by a renderer of its own, 4 pixels each, and decodes.
func scanned(t *testing.T, side int, dark func(x, y int) bool) {
	t.Helper()
	const scale = 4
	img := image.NewGray(image.Rect(0, 0, side*scale, side*scale))
	for y := range side * scale {
		for x := range side * scale {
			if !dark(x/scale, y/scale) {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if got, err := scan.Image(&b); err != nil || got != frameURL {
		t.Errorf("scanned %q, %v", got, err)
	}
}

func TestFrameIsVersion5(t *testing.T) {
	host25 := strings.Replace(frameURL, "id.example.com", strings.Repeat("a", 25), 1)
	if c, err := qr.Encode(host25); err != nil || c.Size != 37 {
		t.Errorf("size %d, %v; a host of 25 characters fits version 5", c.Size, err)
	}
}

func TestPicturesScan(t *testing.T) {
	c := encode(t)
	side := c.Size + 2*qr.Quiet
	t.Run("PNG", func(t *testing.T) {
		for _, scale := range []int{2, 8} {
			b, err := c.PNG(scale)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := scan.Image(bytes.NewReader(b)); err != nil || got != frameURL {
				t.Errorf("scale %d: scanned %q, %v", scale, got, err)
			}
		}
	})
	t.Run("bitmap", func(t *testing.T) {
		bits, err := idp.DecodeBase64(c.Bitmap(), (c.Size*c.Size+7)/8)
		if err != nil {
			t.Fatal(err)
		}
		scanned(t, side, func(x, y int) bool {
			x, y = x-qr.Quiet, y-qr.Quiet
			if x < 0 || y < 0 || x >= c.Size || y >= c.Size {
				return false
			}
			i := y*c.Size + x
			return bits[i/8]&(0x80>>(i%8)) != 0
		})
	})
	t.Run("terminal", func(t *testing.T) {
		var rows [][]rune
		for line := range strings.Lines(c.Terminal()) {
			line = strings.TrimPrefix(line, "\x1b[30;107m")
			rows = append(rows, []rune(strings.TrimSuffix(line, "\x1b[0m\n")))
		}
		scanned(t, side, func(x, y int) bool {
			r := rows[y/2][x]
			return r == '█' || y%2 == 0 && r == '▀' || y%2 == 1 && r == '▄'
		})
	})
	t.Run("path", func(t *testing.T) {
		if c.Side() != side {
			t.Errorf("side %d, want %d", c.Side(), side)
		}
		dark := map[[2]int]bool{}
		for run := range strings.SplitSeq(strings.TrimSuffix(c.Path(), "z"), "z") {
			var x, y, n, back int
			if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil || n != back {
				t.Fatalf("path part %q: %v", run, err)
			}
			for i := range n {
				dark[[2]int{x + i, y}] = true
			}
		}
		scanned(t, side, func(x, y int) bool { return dark[[2]int{x, y}] })
	})
}

func TestLimits(t *testing.T) {
	for _, url := range []string{"", strings.Repeat("a", qr.MaxURL+1)} {
		if _, err := qr.Encode(url); err == nil {
			t.Errorf("%d bytes accepted", len(url))
		}
	}
	for _, scale := range []int{0, qr.MaxScale + 1} {
		if _, err := encode(t).PNG(scale); err == nil {
			t.Errorf("scale %d accepted", scale)
		}
	}
}
