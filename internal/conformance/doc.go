// Package conformance holds no code but tests: what a SAML conformance kit asks
// of an identity provider, asked from outside. The suite is a browser and a few
// service providers that know us by our metadata, and that an administrator has
// added from theirs; it sees HTTP and XML only.
//
// Every case is a row with its ID and the section of the standard that it is
// about (saml-core, saml-bindings, saml-profiles, saml-metadata 2.0-os with
// Errata 05); cases is the list of all. The ID begins with the letter of the
// document. To add a case is to add a row; a new area is a new file whose rows
// join the list.
//
// What comes back is judged by what is not ours: xmllint with the OASIS schemas,
// xmlsec1, crewjam/saml, and the rules of judge_test.go, which are written from
// the standard and use nothing of internal/saml but the test kits.
package conformance
