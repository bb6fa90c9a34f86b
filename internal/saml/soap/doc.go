// Package soap reads and writes the SOAP 1.1 envelopes of SAML's SOAP binding
// (SAML Bindings 3.2) and of its reverse form, PAOS (3.3).
//
// Invariants: an envelope has at most one Header and exactly one Body with
// exactly one child; whoever may be meant by a header block that must be
// understood, it is understood or the message is refused; what is refused is
// answered by a Fault that holds our own words only. Every byte passes
// internal/saml/xmlsafe first, within the limits of a protocol message.
package soap
