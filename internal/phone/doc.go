// Package phone is a software phone: a client of the enrollment and approval
// API (approval protocol 11.2, 15.2, 15.3) for the command line, the demo and
// tests. It behaves as a native app does:
//
//   - It signs what it shows: the signed text is built here, from the claim's
//     answer, with the hash of the context that the Request shows.
//   - It talks only to the server it is enrolled at; a code of another host is
//     refused (ErrForeign) and nothing is sent.
//   - Its claim key is made before the first call and never stored.
//
// What it cannot do is ask for a fingerprint: whoever holds its state file has
// its uv key. It is no authenticator for people.
package phone
