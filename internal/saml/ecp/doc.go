// Package ecp reads and answers what programs send for the Enhanced Client or
// Proxy profile (SAML Profiles 4.2; SAML V2.0 Enhanced Client or Proxy Profile
// Version 2.0): an AuthnRequest in a SOAP envelope, and a Response in another,
// which the program takes to the service provider.
//
// Invariants: the request is judged by package request, like that of a browser;
// only where its answer may go is different, which is to a PAOS endpoint of the
// service provider's metadata and never to an address that the message brings.
// Channel bindings count only if the service provider signed them: named by one
// side alone, or without a signature, they are a refusal and not a success
// without them, since whoever sits in between could have taken them out.
package ecp
