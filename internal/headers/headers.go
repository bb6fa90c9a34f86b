// Package headers holds what every response carries, whoever makes it: a
// handler, the Lambda adapter after a panic, or a function that cannot reach
// AWS yet (security catalogue 8.1).
package headers

import "net/http"

// Policy is the strictest Content-Security-Policy, for answers that are no
// page; pages extend it.
const Policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"

// FramedPolicy is Policy for what our own pages show in a frame.
const FramedPolicy = "default-src 'none'; base-uri 'none'; frame-ancestors 'self'"

// AllowFrame is for what our own pages show in a frame; its policy is
// FramedPolicy.
func AllowFrame(h http.Header) {
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Security-Policy", FramedPolicy)
}

// Set puts the common headers. https is false in local mode only, where HSTS
// would lock http://localhost out for other programs.
func Set(h http.Header, https bool) {
	if https {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Origin-Agent-Cluster", "?1")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Permissions-Policy", "camera=()"+permissions)
	h.Set("Content-Security-Policy", Policy)
}

// AllowCamera is for the page that scans by itself (8.2).
func AllowCamera(h http.Header) {
	h.Set("Permissions-Policy", "camera=(self)"+permissions)
}

const permissions = ", microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)"
