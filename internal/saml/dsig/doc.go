// Package dsig verifies and makes the signatures of SAML messages and
// metadata: XML signatures and those of the HTTP-Redirect binding.
//
// Verification (Verify, VerifyQuery) is ours around goxmldsig's exclusive
// canonicalizer, because goxmldsig's own Validate trusts the certificate in
// KeyInfo to choose the key, judges certificate expiry, accepts SHA-1 and short
// RSA keys, and reads ECDSA signatures as DER where XML Signature has r||s.
// Invariants:
//
//   - Only one shape is accepted: a single ds:Signature that is a child of the
//     element it signs, with exactly one Reference to that element's ID and
//     the transforms enveloped-signature and exclusive C14N (SAML Core 5.4).
//   - Keys come from the caller. KeyInfo is never read; a certificate is a
//     container of a key, so its validity and issuer do not matter.
//   - SignedInfo is read from the very bytes that the signature covers, and
//     the element that Verify returns is read from the very bytes that were
//     digested. Callers use only that element.
//   - The signature over SignedInfo is checked before the content is
//     canonicalized: without a registered key nobody makes us do that work.
//
// Algorithms are an allow-list: RSA (PKCS #1 v1.5) and ECDSA with SHA-256, 384
// and 512. SHA-1 with RSA is accepted only where Policy says so.
package dsig
