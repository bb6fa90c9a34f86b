// Package demo is the whole story in one process, for newcomers and as a check
// of an installation:
//
//	identity provider   as `latchkey serve` has it, in a directory of its own
//	application         a SAML service provider (crewjam/saml's samlsp)
//	phone               a page that looks like a phone and acts for a software
//	                    phone; its camera sees what the sign-in page shows
//
// All three listen on this machine only. Invariants:
//
//   - The identity provider is the real one: the demo only looks at what its
//     handler sends to the browser, as a camera would.
//   - The phone's page can approve, so it answers only under its own host name
//     and acts only on calls of its own page.
//   - Only a directory that a demo made is ever removed.
package demo
