// Package pages writes the HTML that people see: the login page, the pages
// that a phone opens to approve and to enroll, the form that takes an answer to
// an application, and messages. Each page carries the
// Content-Security-Policy, Referrer-Policy and caching that belong to it
// (security requirements 8.2); headers common to all answers are set by a
// middleware.
//
// Invariants: every value is escaped by html/template; no page loads anything
// from another origin; no page is cached; a nonce of 128 bits is used for one
// answer only; a page is complete before its first byte is written, so an
// error never leaves half a page behind.
package pages
