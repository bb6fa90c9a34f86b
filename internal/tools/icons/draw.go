package main

import (
	"image"
	"image/color"
	"math"
)

// draw paints the mark on a square of size pixels. With a margin the color
// behind it goes to the corners.
func (m mark) draw(size int, margin float64) image.Image {
	scale := m.side / (float64(size) * (1 - 2*margin)) // units in a pixel
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			at := point{(float64(x)+.5)*scale - margin*scale*float64(size), (float64(y)+.5)*scale - margin*scale*float64(size)}
			c := m.back
			for _, l := range m.lines {
				c = mix(c, l.color, covered(l.distance(at)-m.width/2, scale))
			}
			if margin == 0 {
				c.A = uint8(math.Round(255 * covered(m.outside(at), scale)))
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// covered is the part of a pixel that lies within an edge at this distance;
// inside, distances are negative.
func covered(distance, pixel float64) float64 {
	return min(max(.5-distance/pixel, 0), 1)
}

// outside is the distance from the square with round corners.
func (m mark) outside(p point) float64 {
	inner := m.side/2 - m.radius
	dx, dy := math.Abs(p.x-m.side/2)-inner, math.Abs(p.y-m.side/2)-inner
	return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - m.radius
}

// distance is that from the middle of the line.
func (l line) distance(p point) float64 {
	first := l.points[0]
	if l.radius > 0 {
		return math.Abs(math.Hypot(p.x-first.x, p.y-first.y) - l.radius)
	}
	nearest := math.Inf(1)
	for i := 1; i < len(l.points); i++ {
		a, b := l.points[i-1], l.points[i]
		dx, dy := b.x-a.x, b.y-a.y
		along := min(max(((p.x-a.x)*dx+(p.y-a.y)*dy)/(dx*dx+dy*dy), 0), 1)
		nearest = min(nearest, math.Hypot(p.x-a.x-along*dx, p.y-a.y-along*dy))
	}
	return nearest
}

func mix(a, b color.NRGBA, part float64) color.NRGBA {
	channel := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-part) + float64(b)*part)) }
	return color.NRGBA{channel(a.R, b.R), channel(a.G, b.G), channel(a.B, b.B), 255}
}
