// Package assets holds what every page needs and no request changes: HTML
// templates, the stylesheet, the scripts of the pages, the mark and the icons.
// All of it is embedded, parsed and hashed by New, so a mistake shows at start
// and not at the first visitor.
//
// Route: GET /assets/<name>.<hash>.<ext>.
//
// The folder static/qr is the decoder of QR codes by Paul Miller (npm package
// qr), file by file as published; static/icons is made of mark.svg by
// internal/tools/icons.
//
// Invariants: a file's address holds the hash of its content, so an address
// never changes its content and may be cached for ever; a script imports
// others by their hashed addresses; nothing is loaded from another origin.
package assets
