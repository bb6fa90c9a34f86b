// Package keys is the signing-key port. A Key signs digests within a request's
// context and never gives its private half away; Bind makes a crypto.Signer of
// it for one request. keys/kmssigner and keys/filesigner implement it,
// keys/kmsfake is a fake of the KMS API for tests.
//
// A Ring knows which key signs now and which certificates the metadata
// publishes. A key's life is next (published, so that service providers learn
// it) -> active (signs) -> previous (still published) -> retired; each step can
// be taken back. Before that it is requested where whoever announces it may not
// sign: Complete, in a program that may, makes its certificate. Beside that
// life, a dedicated key signs for the service providers that name it.
//
// A Decrypter is a key of our own that others encrypt with; the Ring gives them
// all, and the certificate of the one that is published.
//
// Invariants:
//
//   - One key is active. What changes together is stored together, each record
//     by compare-and-swap.
//   - Where NoSign is set, nothing here calls Sign.
//   - No key stands in for a dedicated one.
//   - Signing keys are RSA of 2048 bits or more, RSASSA-PKCS1-v1_5. Other keys
//     are refused: XML signatures want ECDSA values as r||s, KMS and Go give
//     ASN.1 DER (security-requirements.md F8).
//   - Every signature of a Pair is checked against its certificate before it
//     is returned, so that a key that does not belong to its certificate never
//     signs anything that is sent (S17).
//   - SHA-1 output exists only with a file key; KMS has none.
package keys
