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

func decode(img image.Image) (string, error) {
	source := gozxing.NewLuminanceSourceFromImage(img)
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	// The hybrid binarizer copes with uneven light, the global one with small
	// clean pictures.
	for _, binarizer := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(source), gozxing.NewGlobalHistgramBinarizer(source)} {
		bitmap, err := gozxing.NewBinaryBitmap(binarizer)
		if err != nil {
			return "", fmt.Errorf("prepare picture: %w", err)
		}
		if result, err := qrcode.NewQRCodeReader().Decode(bitmap, hints); err == nil {
			return result.GetText(), nil
		}
	}
	return "", ErrNoCode
}
