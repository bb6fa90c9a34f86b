// Package mapping is the language in which an administrator says what a
// service provider learns about a person: one line for the NameID, one line
// for each attribute (docs/saml-profile.md, section 4).
//
//	NameID line     format [ "=" source ]            or "none"
//	attribute line  name [ "|" friendly [ "|" name-format ] ] "=" source [ "!" ]
//	source          term { "|" term }                the first term with a value wins
//	term            ( attribute | "constant" ) { ";" transform }
//
// Examples:
//
//	persistent = objectGUID;base64
//	unspecified = federationId | email;lower
//	transient
//	IDPEmail = userPrincipalName !
//	urn:oid:0.9.2342.19200300.100.1.3|mail = email
//	Role||basic = "admin"
//	groups = memberOf;cn;regex(/^app-(.*)$/$1/)
//
// A NameID format is persistent, transient, emailAddress, unspecified, another
// short name of SAML Core 8.3, or a full URI. "persistent" and "transient"
// without a source are generated. An attribute's name format is uri where the
// name looks like a URI and basic otherwise; a third part on the left chooses
// another: basic, uri, unspecified or a full URI. A "!" at the end makes the
// attribute required: a person without it is not signed in.
//
// Names that hold a space, "=", "|" or a quote are written in double quotes,
// like constants; within quotes \" and \\ stand for a quote and a backslash.
//
// Transforms work on each value in turn, from left to right; a value that
// becomes empty is dropped:
//
//	base64         base64 of the bytes; a GUID in its text form is first put
//	               into the 16 bytes that Active Directory stores, which makes
//	               objectGUID;base64 the ImmutableID of Entra Connect
//	lower, upper   Unicode case
//	trim           without white space at both ends
//	cn             the leading CN of a distinguished name
//	domain, local  what follows, what precedes the last "@"
//	join(,)        all values in one, with the separator between them
//	regex(/a/b/)   RE2: every match of a is replaced by b, where $1 or ${1}
//	               is a group; \/ is a slash
//	msdot          Microsoft's NameID escape: "+" becomes ".2B"
//
// Invariants: a line that parses cannot put a character into a message that
// XML does not allow, except from a user's own attribute; parsing what String
// renders gives the same rule; a rule never changes the user.
package mapping
