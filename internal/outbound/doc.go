// Package outbound is the only way in which the IdP calls addresses that
// somebody has configured: the metadata URLs of service providers and their
// SOAP logout endpoints. Such an address is input. Whoever can set it must not
// be able to reach with it what only the IdP can reach: the metadata service
// of the cloud, the loopback interface, the network around
// (security-requirements.md AD1, A52).
//
// Invariants, for each hop:
//
//   - https on port 443 only, without user information; TLS 1.2 or later.
//   - The name is resolved once, every address that it has is judged, and the
//     connection goes to one of these addresses: what was judged is what is
//     called. A second lookup, which could give another answer, never happens.
//   - Only addresses of the public internet are called (address.go).
//   - GET follows at most three redirects, each judged like the first address,
//     never from https to http; POST follows none.
//   - No proxy of the environment, no cookies, no referrer.
//   - The answer is bounded in size and in time, compressed or not.
//   - Errors hold our own words, nothing from the answer.
//
// Options.Local relaxes this for a laptop and for tests: the loopback addresses,
// http to them, and any port; everything else stays refused.
//
// A refusal is an *idp.Error of code Invalid (HTTP 422) and reason
// ssrf.blocked; a call that fails has the reason outbound.failed.
package outbound
