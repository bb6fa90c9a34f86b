// Command icons draws the icons of the installed app from the mark:
//
//	go run ./internal/tools/icons internal/assets/static
//
// reads mark.svg there and writes icons/*.png. Its test says whether they are
// those of the mark.
package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
)

// icons are the pictures that systems ask for. margin is the part of the
// picture on each side that is left to the system's own shape; an icon with
// one is filled to its corners.
var icons = []struct {
	name   string
	size   int // pixels
	margin float64
}{
	{"icon-192.png", 192, 0},
	{"icon-512.png", 512, 0},
	{"maskable-512.png", 512, 0.14},
	{"apple-touch-icon.png", 180, 0.06},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "icons:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want the folder of mark.svg")
	}
	drawn, err := drawAll(filepath.Join(args[0], "mark.svg"))
	if err != nil {
		return err
	}
	for name, data := range drawn {
		if err := os.WriteFile(filepath.Join(args[0], "icons", name), data, 0o644); err != nil { //nolint:gosec // pictures are for everyone
			return err
		}
	}
	return nil
}

// drawAll returns each icon as PNG, by name.
func drawAll(markFile string) (map[string][]byte, error) {
	svg, err := os.ReadFile(markFile)
	if err != nil {
		return nil, err
	}
	m, err := readMark(svg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", markFile, err)
	}
	drawn := map[string][]byte{}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	for _, icon := range icons {
		var b bytes.Buffer
		if err := encoder.Encode(&b, m.draw(icon.size, icon.margin)); err != nil {
			return nil, err
		}
		drawn[icon.name] = b.Bytes()
	}
	return drawn, nil
}
