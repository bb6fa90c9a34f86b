// Package audit appends to the audit trail and finds out whether somebody else
// has changed it (security-requirements.md AD10, docs/adr/0025-audit-chain.md).
//
// Invariants:
//
//   - Appending costs one write and no read, whatever others append meanwhile.
//   - A chain of events has one writer, begins and ends within an hour (UTC) and
//     has no gaps: a write that fails, or may have failed, ends its chain.
//   - Each event carries a MAC over itself and the MAC of the one before. A
//     writer without a key (the function refresh) hashes, and only events of
//     metadata are believed without a key.
//   - A checkpoint is made for every hour that is over, once, by whoever is
//     first: a MAC over all events of the hour and the checkpoint before.
//   - Nothing stored is believed: what cannot be read is a finding, never an
//     error that ends the search.
package audit
