// Package message is what AuthnRequest, LogoutRequest and LogoutResponse have
// in common: how their elements are read by the rules of the schema, and how
// it is judged whether one comes from a service provider, was meant for this
// address, and is of now (SAML Core 3.2, 5; Bindings 3.4.5, 3.5.5).
//
// The packages request and logout say what the messages mean.
package message
