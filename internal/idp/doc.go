// Package idp holds the words of Latchkey's domain: service providers, users,
// devices, logins, QR sessions, SSO sessions, audit events, the closed list of
// error codes, and the clock. It imports the standard library only and
// decides nothing; the packages that import it do.
//
// Times are kept as milliseconds since the Unix epoch (Millis) because the
// approval protocol judges limits to the millisecond; on the wire `exp` and
// `*_at` are whole seconds, rounded down. A time is over when now >= exp.
package idp
