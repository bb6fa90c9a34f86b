// Package login owns the rules of a sign-in by QR code: the state machine of a
// QR session, the secrets and frames that a screen shows, and the text that a
// phone signs (approval protocol, sections 3, 4 and 6).
//
// Everything here is pure: no clock, no store, no logging; randomness comes
// from a reader that the caller passes. Apply decides, the caller stores:
//
//	read session (strongly consistent)
//	check signatures against the session as read, build an Event
//	session', err := Apply(session, event, now)
//	if session' differs, also when err != nil: put it, if the version is still the same
//	on conflict: start again
//
// Invariants, held by the tests for every reachable session:
//
//   - A session changes only by a row of the table in table.go, or expires.
//   - Approved is reached only from scanned, by the phone that holds the claim,
//     with an approval whose checks all passed. Consumed only from approved.
//   - Consumed, denied, cancelled and expired are final.
//   - Whoever is neither the browser nor the phone of a session learns nothing
//     about it: an Error carries the session's state only after that check.
//
// What is tried against a master key (frames, user codes) is compared in
// constant time and before anything is read.
package login
