// Package embedded is the engine of package table for one process: a directory,
// on github.com/cockroachdb/pebble (docs/adr/0034-embedded-engine.md).
//
// A key is the length of PK (two bytes, big-endian), PK and SK, so that a
// partition is a prefix, sort keys order by their bytes as in DynamoDB, and no
// two Keys share an encoding whatever bytes they hold. A value is the version and
// the expiry (eight bytes each, big-endian; expiry in milliseconds since the Unix
// epoch, 0 for never) and Data.
//
// Invariants:
//
//   - A write is on disk (fsync) before it is answered. Writes that arrive
//     together share one commit.
//   - All conditions of a call are checked before its first change, so that a
//     refused call leaves nothing behind in the commit it shares.
//   - If the disk takes no more, the process ends: nothing that it held in memory
//     could be trusted any more. What was answered before is there afterwards.
//   - Nothing expires by itself: call Sweep now and then to free the space.
package embedded
