// Package release decides which attributes a service provider is given
// (SAML Metadata 2.4.4, Entity Attributes 2; IIP-IDP02 to IDP04;
// docs/adr/0021-attribute-release.md).
//
// What may be released is what an administrator has permitted: the lines of the
// service provider's own mapping, and those of release rules about an entity
// attribute that somebody vouches for. Metadata narrows that down, or asks for a
// part of what a rule offers on request. It never adds to it: no name, value or
// format of metadata reaches an answer.
//
// A Plan is about a service provider, whoever signs in: administrators are shown
// it as it is. Plan.Of are the values of one person.
package release
