// Package qr turns a URL into the modules of a QR code (ISO/IEC 18004, byte
// mode, error correction level M) and those into what shows them: a bit string
// for the login page's script, SVG, PNG, and text for a terminal.
//
// Every picture is black on white with the quiet zone of 4 modules that the
// standard asks for; the bit string is without it.
package qr
