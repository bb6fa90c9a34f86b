// Package mdrefresh keeps service providers up to date with their metadata
// (SAML V2.0 Metadata 2.3.2 validUntil, cacheDuration; Metadata
// Interoperability Profile; IIP-MD01 to 04; docs/adr/0019-metadata-refresh.md).
//
// Diff and Decide are pure: from the metadata in force, the metadata that was
// fetched and how far that is trusted, they make the list of differences and
// say whether to apply them or to ask an administrator. Merge makes the service
// provider of it. Fetcher gets metadata through internal/outbound; Runner does
// the rest: it is called by the function `refresh` on a schedule, by `latchkey
// serve` in the background, and by the admin API.
//
// Invariants:
//
//   - What an administrator has set by hand stays: only what the metadata
//     itself has changed is changed.
//   - No endpoint on a new host, no dropped signing requirement, no wholly
//     exchanged keys without a pinned key come into force unless an
//     administrator approves that very change.
//   - A failure changes nothing. Metadata that has expired stays in force,
//     loudly: an audit event, an alert in the log, a warning in the status.
//   - What is not recorded in the audit trail is not applied.
//   - A service provider whose metadata says the same as before, in whatever
//     order and layout, is not written.
package mdrefresh
