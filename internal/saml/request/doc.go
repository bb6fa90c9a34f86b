// Package request reads AuthnRequests and judges them (SAML Core 3.4, Profiles
// 4.1.4.1).
//
// Parse reads a message by the schema's rules; what it returns is only a
// claim. Judge decides whether it is authentic and what is to be done, and
// returns the Login that the answer will be made from. In this order:
//
//  1. the service provider may sign in at all
//  2. signatures: required, trusted, unbroken
//  3. Destination and time
//  4. where the answer goes
//  5. what is asked for can be served
//
// A refusal in 1 to 4 stays with us (*idp.Error, LOCAL-400): nobody has proved
// to be that service provider yet, or there is no address to answer to. From 5
// on the service provider is told (*Answer).
//
// Signatures come before the content so that all content is judged once, and
// only in the element that was verified; the signature itself is checked before
// the content is digested, so that a forgery costs one RSA operation per
// registered key.
//
// Where we deviate from the schema, and why: another Version than 2.0 is refused
// here instead of being answered with VersionMismatch, as a message of unknown
// rules cannot be trusted to name an address; a ds:Signature may stand anywhere
// among the children, as many toolkits append it; ProtocolBinding may accompany
// AssertionConsumerServiceIndex, as SimpleSAMLphp sends both.
package request
