package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"regexp"
	"strconv"
)

// mark is what mark.svg consists of, in its own units.
type mark struct {
	side, radius float64 // of the square behind
	back         color.NRGBA
	width        float64 // of all lines
	lines        []line
}

// line is a stroke with round ends: through points, or around a circle.
type line struct {
	color  color.NRGBA
	points []point
	radius float64 // of the circle around points[0]; 0: no circle
}

type point struct{ x, y float64 }

// readMark reads the few elements of SVG that the mark is made of.
func readMark(svg []byte) (mark, error) {
	var doc struct {
		Rect struct {
			Width  float64 `xml:"width,attr"`
			Radius float64 `xml:"rx,attr"`
			Fill   string  `xml:"fill,attr"`
		} `xml:"rect"`
		Group struct {
			Stroke string  `xml:"stroke,attr"`
			Width  float64 `xml:"stroke-width,attr"`
			Circle struct {
				X float64 `xml:"cx,attr"`
				Y float64 `xml:"cy,attr"`
				R float64 `xml:"r,attr"`
			} `xml:"circle"`
			Paths []struct {
				D      string `xml:"d,attr"`
				Stroke string `xml:"stroke,attr"`
			} `xml:"path"`
		} `xml:"g"`
	}
	if err := xml.Unmarshal(svg, &doc); err != nil {
		return mark{}, err
	}
	back, err := readColor(doc.Rect.Fill)
	if err != nil {
		return mark{}, err
	}
	stroke, err := readColor(doc.Group.Stroke)
	if err != nil {
		return mark{}, err
	}
	g := doc.Group
	m := mark{side: doc.Rect.Width, radius: doc.Rect.Radius, back: back, width: g.Width}
	m.lines = append(m.lines, line{stroke, []point{{g.Circle.X, g.Circle.Y}}, g.Circle.R})
	for _, p := range g.Paths {
		own := stroke
		if p.Stroke != "" {
			if own, err = readColor(p.Stroke); err != nil {
				return mark{}, err
			}
		}
		lines, err := readPath(p.D, own)
		if err != nil {
			return mark{}, err
		}
		m.lines = append(m.lines, lines...)
	}
	if m.side == 0 || m.width == 0 || g.Circle.R == 0 || len(g.Paths) == 0 {
		return mark{}, errors.New("not the mark")
	}
	return m, nil
}

var step = regexp.MustCompile(`([Mhv])([-0-9.]+)(?: ([-0-9.]+))?`)

// readPath reads moves (M x y) and steps sideways and down (h, v).
func readPath(d string, c color.NRGBA) ([]line, error) {
	var lines []line
	if left := step.ReplaceAllString(d, ""); left != "" {
		return nil, fmt.Errorf("path %q: cannot read %q", d, left)
	}
	for _, s := range step.FindAllStringSubmatch(d, -1) {
		first, err := strconv.ParseFloat(s[2], 64)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", d, err)
		}
		if s[1] == "M" {
			second, err := strconv.ParseFloat(s[3], 64)
			if err != nil {
				return nil, fmt.Errorf("path %q: %w", d, err)
			}
			lines = append(lines, line{color: c, points: []point{{first, second}}})
			continue
		}
		if len(lines) == 0 {
			return nil, fmt.Errorf("path %q: no M", d)
		}
		l := &lines[len(lines)-1]
		to := l.points[len(l.points)-1]
		if s[1] == "h" {
			to.x += first
		} else {
			to.y += first
		}
		l.points = append(l.points, to)
	}
	return lines, nil
}

// readColor reads #rgb and #rrggbb.
func readColor(s string) (color.NRGBA, error) {
	if len(s) == 4 {
		s = "#" + s[1:2] + s[1:2] + s[2:3] + s[2:3] + s[3:] + s[3:]
	}
	n, err := strconv.ParseUint(s[min(1, len(s)):], 16, 24)
	if err != nil || len(s) != 7 {
		return color.NRGBA{}, fmt.Errorf("not a color: %q", s)
	}
	return color.NRGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}, nil //nolint:gosec // 24 bits
}
