// Package acr knows how strong a sign-in is: the levels of our own
// authentication context classes, the classes of others that they stand for,
// and whether a level meets a RequestedAuthnContext (SAML Core 3.3.2.2.1;
// approval-protocol.md 14).
//
// A class of others is a demand for a level. It is met by every level at or
// above that, and is then returned as it was asked for.
package acr
