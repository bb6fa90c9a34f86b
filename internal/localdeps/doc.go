// Package localdeps makes the dependencies of one process on a laptop or a
// small server from a data directory:
//
//	latchkey.db        everything the identity provider knows (package table/embedded)
//	signing-key.pem    the RSA key that signs; further ones after a rollover
//	secrets.json       the master key and the key of pairwise identifiers
//	admin-token        the bearer token of the admin API
//	url                where the server answers, for the command line
//
// What is missing is made at the first start. Invariants:
//
//   - The directory has mode 0700 and its files 0600, but for those of
//     latchkey.db, a directory of mode 0700; what others can use is
//     refused, with the command that mends it.
//   - A lost secret is never replaced silently: without its secrets.json or a
//     key file, a store that was in use does not open. New ones would change
//     everybody's identifiers, or sign with a key that nobody trusts.
package localdeps
