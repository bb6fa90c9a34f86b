// Package slo ends SSO sessions and tells the applications that take part in
// them (SAML Core 3.7, Profiles 4.4).
//
// Invariants:
//
//   - Our own sessions end first, in one transaction with the list of whom to
//     tell. Whatever happens afterwards, nobody signs in by them again, and
//     nobody is forgotten.
//   - What becomes of an application is written once. The result that the
//     initiator is told is read from that, never assumed: who did not answer by
//     the deadline has not been signed out.
//   - Each application is told the identifiers that it was given itself, at an
//     address that is registered for it, by SOAP where it can (a server's word
//     needs no cookie of the person's), else through the browser.
//   - Calls by SOAP run side by side, each with a deadline; together they take
//     as long as the slowest, not as long as their sum.
//   - An answer counts only from the application that was asked, signed, for a
//     request that is pending.
package slo
