// Package metadata reads the SAML metadata of service providers and writes
// ours (SAML V2.0 Metadata with Errata 05; docs/saml-profile.md, section 5).
//
// Theirs. Read takes a file as an administrator has it: an EntityDescriptor or
// an aggregate, with or without a signature, with the IdP and WS-Federation
// roles that some vendors put beside the SP role, in any order of elements,
// with comments, in UTF-8, UTF-16 or ISO-8859-1. What cannot be used is
// refused with an *Error that names the problem and, where it helps, the line
// or the path; what is odd but harmless becomes a Note.
//
// Ours. IdP.Sign writes a signed IDPSSODescriptor that is valid against the
// OASIS schemas.
//
// Invariants:
//
//   - A document type declaration is refused, whatever it holds; nothing is
//     ever fetched.
//   - With a pinned certificate only the element that its key has signed is
//     used. A key inside the file vouches for nothing.
//   - A service provider that is returned has an entityID, a clean name, and a
//     POST endpoint; every AssertionConsumerService is https, or http on
//     localhost in local mode.
//   - Certificates are containers of keys: their dates, names and digest
//     algorithms are not judged.
package metadata
