// Package binding decodes what the HTTP-Redirect and HTTP-POST bindings carry
// (SAML Bindings 3.4 and 3.5), and writes redirects. It reads no XML and verifies
// nothing.
//
// Invariants: a parameter that appears twice, also under an encoded name, is
// refused, so that nobody can sign one and have another one used; the octets
// that a redirect signature covers are those received, never re-encoded; what
// is inflated stops at 64 KiB; nothing is guessed: a POST is not inflated and
// a redirect must be.
package binding
