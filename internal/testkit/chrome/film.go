//go:build browser

package chrome

import (
	"bytes"
	"os"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/qr"
)

// Film writes what a camera sees in front of a screen with a code: one picture
// of 640 × 480 px, in YUV4MPEG2, which OpenCamera shows again and again. The
// browser opens the file with the camera, so a test may write it late.
func Film(t *testing.T, file, text string) {
	t.Helper()
	const width, height, module = 640, 480, 8
	code, err := qr.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	film := bytes.NewBufferString("YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\nFRAME\n")
	left, top := (width-code.Size*module)/2, (height-code.Size*module)/2
	for y := range height {
		for x := range width {
			luma := byte(200) // of a screen that is not all white to a camera
			if x >= left && y >= top && code.Dark((x-left)/module, (y-top)/module) {
				luma = 40
			}
			film.WriteByte(luma)
		}
	}
	film.Write(bytes.Repeat([]byte{128}, width*height/2)) // no color
	if err := os.WriteFile(file, film.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
