package scan_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/phone/scan"
	"github.com/latchkey-idp/latchkey/internal/qr"
)

// page is a picture of a screen with the code somewhere on it.
func page(t *testing.T, text string) image.Image {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 1280, 800))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{R: 240, G: 243, B: 248, A: 255}), image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(0, 0, 1280, 60), image.NewUniform(color.RGBA{R: 20, G: 60, B: 120, A: 255}), image.Point{}, draw.Src)
	if text == "" {
		return img
	}
	code, err := qr.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	b, err := code.PNG(6)
	if err != nil {
		t.Fatal(err)
	}
	pic, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	draw.Draw(img, pic.Bounds().Add(image.Pt(700, 300)), pic, image.Point{}, draw.Src)
	return img
}

func TestImage(t *testing.T) {
	const text = "https://id.example.com/m#1.CAIREEYUCULBOGAZDINRYHI6D4.0.4ZJEXN7EWUKY7KLD"
	var asPNG, asJPEG, empty bytes.Buffer
	if err := errors.Join(
		png.Encode(&asPNG, page(t, text)),
		jpeg.Encode(&asJPEG, page(t, text), &jpeg.Options{Quality: 60}),
		png.Encode(&empty, page(t, "")),
	); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*bytes.Buffer{"PNG": &asPNG, "JPEG": &asJPEG} {
		if got, err := scan.Image(b); err != nil || got != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := scan.Image(&empty); !errors.Is(err, scan.ErrNoCode) {
		t.Errorf("page without code: %v", err)
	}
	if _, err := scan.Image(bytes.NewReader([]byte("GIF89a"))); err == nil {
		t.Error("not a picture: no error")
	}
}
