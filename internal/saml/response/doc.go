// Package response makes what a service provider receives: a SAML Response
// with one signed assertion about a person who approved a sign-in (Assert), or
// a signed Response that carries a failed status and no assertion (Fail). It
// also decides which NameID a person has at a service provider (NameIDFor,
// SubjectMatches). SAML Core 2 and 3, Profiles 4.1.4; docs/saml-profile.md 3, 4.
//
// Invariants:
//
//   - Times come from Issue.Now and Issue.AuthnInstant only, never from the
//     request. An assertion lives at most five minutes and begins at most one
//     minute before Now.
//   - One audience, the service provider's entityID; one recipient, the ACS of
//     the login, which must still be registered. InResponseTo is absent, not
//     empty, when no request was made.
//   - Messages are built as trees, never from templates; every value is text.
//     A character that XML does not allow is never replaced: a NameID with one
//     is refused, another attribute is left out and reported in Issued.Dropped.
//   - Each signed element costs exactly one signature, and the bytes on the
//     wire are the bytes that were signed.
//   - No Address, no AuthenticatingAuthority, no qualifiers unless configured.
//
// Attribute values are typed xs:string, since some service providers read only
// typed values; the prefix is declared on each value and named in
// InclusiveNamespaces, as most identity providers do.
package response
