// Package awsdeps puts the program together from AWS: a DynamoDB table, a
// signing key and a wrapping key in KMS. It is wiring, and the only place that
// reads the environment and the wall clock of a Lambda function.
//
// Invariants:
//
//   - Starting a function makes no network call. The first request does what
//     is needed, and answers 503 when AWS does not answer in time; the next
//     request tries again. A function is never caught in a crash loop because
//     AWS was down for a moment.
//   - The master key and the key of pairwise identifiers are made once per
//     deployment, by whichever instance is first (put if absent), and stored
//     only wrapped by KMS. They are never replaced: frames, codes and
//     persistent NameIDs are derived from them.
package awsdeps
