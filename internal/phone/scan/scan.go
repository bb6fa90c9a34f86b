package scan

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // formats that Image reads
	_ "image/png"
	"io"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/image/draw"
)

const (
	maxBytes  = 20 << 20
	maxPixels = 40 << 20
)

// ErrNoCode means that no QR code was found in the picture.
var ErrNoCode = errors.New("no QR code in the picture")

// Image returns the text of the QR code in a PNG or JPEG picture, such as a
// screenshot of the login page. It returns ErrNoCode if there is none.
func Image(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return "", fmt.Errorf("read picture: %w", err)
	}
	if len(data) > maxBytes {
		return "", errors.New("read picture: too large")
	}
	// The size is looked at first: a small file may hold a huge picture.
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("read picture: %w", err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return "", errors.New("read picture: too many pixels")
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("decode picture: %w", err)
	}
	return decode(img)
}

// attempt is a way to look at a picture.
type attempt struct {
	scale int // percent of the picture's size
	hint  gozxing.DecodeHintType
}

// attempts are the ways that are tried in turn. The decoder's search for the
// code's corners fails on about one clean picture in a hundred; at another size
// it finds them. The last is for pictures that hold nothing but the code.
func attempts() []attempt {
	const search, pure = gozxing.DecodeHintType_TRY_HARDER, gozxing.DecodeHintType_PURE_BARCODE
	return []attempt{{100, search}, {71, search}, {143, search}, {53, search}, {120, search}, {85, search}, {64, search}, {200, search}, {100, pure}}
}

func decode(img image.Image) (string, error) {
	for _, a := range attempts() {
		source := gozxing.NewLuminanceSourceFromImage(scaled(img, a.scale))
		// The hybrid binarizer copes with uneven light, the global one with small
		// clean pictures.
		for _, binarizer := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(source), gozxing.NewGlobalHistgramBinarizer(source)} {
			bitmap, err := gozxing.NewBinaryBitmap(binarizer)
			if err != nil {
				return "", fmt.Errorf("prepare picture: %w", err)
			}
			result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{a.hint: true})
			if err == nil {
				return result.GetText(), nil
			}
		}
	}
	return "", ErrNoCode
}

// scaled is the picture at percent of its size.
func scaled(img image.Image, percent int) image.Image {
	from := img.Bounds()
	to := image.Rect(0, 0, from.Dx()*percent/100, from.Dy()*percent/100)
	if percent == 100 || to.Empty() || to.Dx() > maxPixels/4/to.Dy() {
		return img
	}
	out := image.NewGray(to)
	draw.ApproxBiLinear.Scale(out, to, img, from, draw.Src, nil)
	return out
}
