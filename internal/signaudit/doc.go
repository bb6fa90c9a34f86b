// Package signaudit compares who used the signing keys, as CloudTrail has it,
// with what our functions say that they signed (security-requirements.md S18,
// docs/adr/0030-sign-audit.md).
//
// KMS does not give a key away, so whoever signs in our name has to call KMS, and
// CloudTrail writes down each call with its request ID. Our functions log each
// call with the same. What has no line of ours was not us.
//
// Invariant: Compare is pure, and finds nothing only if each call of one side has
// exactly one of the other.
package signaudit
